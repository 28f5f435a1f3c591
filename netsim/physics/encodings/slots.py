"""Time slots of a pulsed source: in which a receiver finds photons, alone and in pairs.

A photon of a double pulse comes out of an interferometer of the same delay in one of three slots:
first pulse and short path, either pulse and the other path, second pulse and long path. Two photons
of a pair are of one pulse. In the middle slot of both users nobody knows of which; all else tells
(J. Brendel et al., Phys. Rev. Lett. 82, 2594 (1999)).
"""

from dataclasses import dataclass
from functools import lru_cache
from math import erf, inf, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netsim.physics.pulses import Pulses
from protocols.tags import DETECTOR_BITS

Table = NDArray[np.float64]

FIRST, MIDDLE, LAST = SLOTS = (0, 1, 2)
ALONE: Table = np.array([0.25, 0.5, 0.25])
"""Slots of a photon by itself."""
TOGETHER: Table = np.array([[1.0, 1.0, 0.0], [1.0, 2.0, 1.0], [0.0, 1.0, 1.0]]) / 8.0
"""Slots of two photons of a pair: each of two pulses by two paths each."""
PERIODS = (-1, 0, 1)
"""Into which jitter may carry a click, of width no more than a slot."""
APART = tuple(range(-2, 3))
"""Periods between the clicks of two photons of one pair."""
NODES = 41
"""Of the integral over a pulse, by Gauss and Hermite."""


class Sight(NamedTuple):
    """How sharply a detector sees slots."""

    jitter_ps: float
    """Standard deviation."""
    gate_ps: float = inf
    """How much of a slot counts, about its middle; at most all."""

    def open_ps(self, pulses: Pulses) -> float:
        """How much of a slot does."""
        return min(self.gate_ps, float(pulses.slot_ps))


@dataclass(frozen=True, slots=True, eq=False)
class SlotTables:
    """What two users read of the photons of a pair.

    Attributes
    ----------
    alone : (2, 3) float64
        Either user's probability of each slot.
    together : (5, 3, 3) float64
        By the periods between them (`APART`) and the slots of both.
    fringe : (5,) float64
        The part of it in which both are in the middle, and were so at the receivers.
    """

    alone: Table
    together: Table
    fringe: Table


@lru_cache(maxsize=256)
def read_alone(pulses: Pulses, sight: Sight) -> Table:
    """(3,) float64: probability that a photon is read in each slot, of any period.

    Parameters
    ----------
    pulses : Pulses
    sight : Sight
    """
    blurred = sight._replace(jitter_ps=sqrt(pulses.sigma_ps**2 + sight.jitter_ps**2))
    passages: Table = ALONE @ _passages(pulses, 0.0, blurred).sum(axis=1)
    return passages


@lru_cache(maxsize=256)
def read_together(pulses: Pulses, first: Sight, second: Sight) -> SlotTables:
    """What two users read."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    together, fringe = np.zeros((len(APART), 3, 3)), np.zeros(len(APART))
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        late_ps = float(node) * pulses.sigma_ps
        own, its = (_passages(pulses, late_ps, sight) for sight in (first, second))
        for one, period in enumerate(PERIODS):
            for other, later in enumerate(PERIODS):
                apart = APART.index(later - period)
                met = own[:, one, :].T @ TOGETHER @ its[:, other, :]
                together[apart] += weight * met
                both = own[MIDDLE, one, MIDDLE] * its[MIDDLE, other, MIDDLE]
                fringe[apart] += weight * TOGETHER[MIDDLE, MIDDLE] * both
    alone = np.array([read_alone(pulses, sight) for sight in (first, second)])
    return SlotTables(alone, together, fringe)


def _passages(pulses: Pulses, late_ps: float, sight: Sight) -> Table:
    """(3, 3, 3) float64: from the slot of arrival to the period (`PERIODS`) and slot read."""
    found, gate_ps = np.zeros((3, 3, 3)), sight.open_ps(pulses)
    for arrival in SLOTS:
        middle_ps = (arrival + 0.5) * pulses.slot_ps + late_ps
        for place, period in enumerate(PERIODS):
            for slot in SLOTS:
                read_ps = period * pulses.period_ps + (slot + 0.5) * pulses.slot_ps - middle_ps
                low, high = (
                    _below(read_ps + side * gate_ps, sight.jitter_ps) for side in (-0.5, 0.5)
                )
                found[arrival, place, slot] = high - low
    return found


def _below(x_ps: float, sigma_ps: float) -> float:
    if sigma_ps == 0.0:
        return float(x_ps > 0.0)
    return 0.5 * (1.0 + erf(x_ps / (sigma_ps * sqrt(2.0))))


@dataclass(frozen=True, slots=True)
class SlotReader:
    """Reads clicks by the pump's clock: outcomes from slots, and times in whole periods.

    Times of slots would tell the bits of one basis. Clicks outside the gates, or between the last
    slot and the next period, stand for nothing and are dropped.

    Attributes
    ----------
    pulses : Pulses
    start_ps : int
        When the light of a period that begins at time 0 begins to come.
    gate_ps : float
        As of `Sight`.
    """

    pulses: Pulses
    start_ps: int
    gate_ps: float = inf

    @property
    def span_ps(self) -> int:
        """A period."""
        return self.pulses.period_ps

    def read(self, clicks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Outcomes of clicks, ascending.

        Parameters
        ----------
        clicks : (N,) int64
            ``time_ps << 2 | port``.

        Returns
        -------
        (M,) int64, M <= N, ascending
            ``period_ps << 2 | outcome``: the first slot, the last, the middle one by port.
        """
        since_ps = (clicks >> DETECTOR_BITS) - self.start_ps
        within_ps = since_ps % self.pulses.period_ps
        slots, in_slot_ps = np.divmod(within_ps, self.pulses.slot_ps)
        counts = (slots <= LAST) & (abs(2 * in_slot_ps - self.pulses.slot_ps) <= self.gate_ps)
        ports = clicks & 1
        outcomes = np.where(slots == MIDDLE, 2 + ports, slots // LAST)
        starts_ps = self.start_ps + since_ps - within_ps
        found: NDArray[np.int64] = (starts_ps << DETECTOR_BITS | outcomes)[counts]
        found.sort()
        return found

    def boundary_ps(self, time_ps: int) -> int:
        """Begin of the period in which a true time lies."""
        return time_ps - (time_ps - self.start_ps) % self.pulses.period_ps
