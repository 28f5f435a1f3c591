"""The light of links in their rounds, drawn: what the simulator scores, what the ends match.

Bits of a lane and basis are Poisson, errors and ones among them binomial (and independent of each
other). Links with as many lanes each are drawn together, each from streams of its own, and many
rounds at once; how many these are changes nothing of what is drawn.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from netsim.simulation.stretches import Stretches, announced_together
from netsim.topology.network import Lane
from netsim.twin.prediction import LanePrediction, Prediction
from netsim.twin.promise import is_lockable
from netsim.units import s_from_ps

Counts = NDArray[np.int64]
Numbers = NDArray[np.float64]
Value = TypeVar("Value", np.int64, np.float64)
COUNTS = 4
"""Of a lane: right and wrong bits of Z, then of X."""
KEPT = 64
"""Predictions whose rates are kept."""
DRAWN = 2 * COUNTS + 1
"""Of a lane: bits that the ends match, bits that they do not, coincidences of unequal bases."""


class Span(NamedTuple):
    """A time, from ``start_ps`` to before ``stop_ps``."""

    start_ps: int
    stop_ps: int


class LinkStreams(NamedTuple):
    """Where the light of one link is drawn from."""

    light: np.random.Generator
    ones: np.random.Generator


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """What came, of several links and spans.

    Attributes
    ----------
    scored : (links, spans, lanes, 4) int64
        Right and wrong bits of Z, then of X, as the simulator sees them.
    ones : (links, spans, lanes, 2) int64
        Ones among the bits of either basis.
    matched, matched_ones : int64
        The same as the ends see it: nothing of lanes without pairs, which have no peak to be
        matched by, nor of a link with too little light to find its clocks.
    coincidences : (links, spans, lanes) int64
        Scored, whatever the bases.
    """

    scored: Counts
    ones: Counts
    matched: Counts
    matched_ones: Counts
    coincidences: Counts

    @classmethod
    def of(cls, drawn: Counts, ones: Counts) -> Self:
        """From (..., 9) counts in the order of `DRAWN`, and (..., 2, 2) ones of the first eight."""
        matched, unmatched = drawn[..., :COUNTS], drawn[..., COUNTS : 2 * COUNTS]
        scored = matched + unmatched
        return cls(
            scored,
            ones.sum(axis=-2),
            matched,
            ones[..., 0, :],
            scored.sum(axis=-1) + drawn[..., -1],
        )

    def span(self, index: int) -> "Light":
        """One of the spans, without its axis."""
        return Light(
            self.scored[:, index],
            self.ones[:, index],
            self.matched[:, index],
            self.matched_ones[:, index],
            self.coincidences[:, index],
        )


class LightSource:
    """Draws the light of links with as many lanes each.

    Parameters
    ----------
    links : sequence of sequence of Lane
        Lanes of each link, in the order of all counts.
    stretches : Stretches
        What the twin expects, when.
    streams : sequence of LinkStreams
        Of each link.
    """

    def __init__(
        self,
        links: Sequence[Sequence[Lane]],
        stretches: Stretches,
        streams: Sequence[LinkStreams],
    ) -> None:
        self._links = links
        self._stretches = stretches
        self._streams = streams
        self._known: dict[int, tuple[Prediction, _Rates]] = {}
        """Of the latest predictions, by their identity."""

    def draw(self, spans: Sequence[Span]) -> Light:
        """Light of ``spans``, each of which follows all that were drawn before."""
        shape = (len(self._links), len(spans), len(self._links[0]))
        means, ones = np.zeros((*shape, DRAWN)), np.zeros((*shape, 2, 2))
        for index, span in enumerate(spans):
            for parts in announced_together(list(self._stretches.between(*span))):
                rates = [self._rates(found) for _, _, found in parts]
                is_lit = np.any([each.is_lit for each in rates], axis=0)
                for each, (start_ps, stop_ps, _) in zip(rates, parts, strict=True):
                    drawn_hz = each.drawn_hz(is_lit)
                    length_s = s_from_ps(stop_ps - start_ps)
                    means[:, index] += length_s * drawn_hz
                    ones[:, index] += length_s * _by_basis(drawn_hz) * each.ones[..., None, :]
        bits = _by_basis(means)
        shares = np.divide(ones, bits, out=np.zeros_like(ones), where=bits > 0.0)
        drawn = np.stack(
            [each.light.poisson(mean) for each, mean in zip(self._streams, means, strict=True)]
        )
        its_ones = [
            each.ones.binomial(found, share)
            for each, found, share in zip(
                self._streams, _by_basis(drawn), np.minimum(shares, 1.0), strict=True
            )
        ]
        return Light.of(drawn, np.stack(its_ones))

    def _rates(self, found: Prediction) -> "_Rates":
        if id(found) not in self._known:
            if len(self._known) == KEPT:
                self._known.clear()
            by_lane = {(lane.users, lane.channels): lane for lane in found.lanes}
            links = [
                [by_lane[lane.users, lane.channels] for lane in lanes] for lanes in self._links
            ]
            self._known[id(found)] = found, _Rates.of(links)
        return self._known[id(found)][1]


@dataclass(frozen=True, slots=True, eq=False)
class _Rates:
    """What is drawn from, of all links in order."""

    bits_hz: Numbers
    """(links, lanes, 4): sifted bits, by basis, right or wrong."""
    others_hz: Numbers
    """(links, lanes): coincidences that make no bits."""
    ones: Numbers
    """(links, lanes, 2): share of ones in Z and X."""
    is_lit: NDArray[np.bool_]
    """(links, lanes): with pairs, on a link that finds its clocks."""

    @classmethod
    def of(cls, links: Sequence[Sequence[LanePrediction]]) -> Self:
        others = [
            [max(0.0, lane.coincidences_hz - lane.sifted_hz) for lane in lanes] for lanes in links
        ]
        return cls(
            np.array([[_rates_hz(lane) for lane in lanes] for lanes in links]),
            np.array(others),
            np.array([[(lane.z_ones, lane.x_ones) for lane in lanes] for lanes in links]),
            np.array(
                [[lane.light.stays_lit and is_lockable(lanes) for lane in lanes] for lanes in links]
            ),
        )

    def drawn_hz(self, is_matched: NDArray[np.bool_]) -> Numbers:
        """(links, lanes, 9): in the order of `DRAWN`, if these lanes (links, lanes) are matched."""
        is_it = is_matched[..., None]
        return np.concatenate(
            [self.bits_hz * is_it, self.bits_hz * ~is_it, self.others_hz[..., None]], axis=-1
        )


def _by_basis(drawn: NDArray[Value]) -> NDArray[Value]:
    """(..., 2, 2): bits of either basis, right or wrong, matched and not."""
    found: NDArray[Value] = drawn[..., : 2 * COUNTS].reshape(*drawn.shape[:-1], 2, 2, 2).sum(-1)
    return found


def _rates_hz(lane: LanePrediction) -> tuple[float, ...]:
    z_qber, x_qber = (0.0 if math.isnan(qber) else qber for qber in (lane.z_qber, lane.x_qber))
    return (
        lane.z_hz * (1.0 - z_qber),
        lane.z_hz * z_qber,
        lane.x_hz * (1.0 - x_qber),
        lane.x_hz * x_qber,
    )
