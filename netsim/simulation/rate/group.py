"""Links that run alike, drawn and booked together: one round of all of them at a time."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netsim.kernel.rng import RngTree
from netsim.pools.rounds import Rounds, no_rounds
from netsim.simulation.rate.ends import Ends, Sums
from netsim.simulation.rate.leak import LeakTable
from netsim.simulation.rate.light import Counts, Light, LightSource, LinkStreams, Span
from netsim.simulation.rate.rounds import Chance, Judge, Judged
from netsim.simulation.scoring import LaneCounts
from netsim.simulation.stretches import Stretches
from netsim.topology.network import Lane
from netsim.twin.agreement import LinkAgreement
from netsim.units import s_from_ps
from protocols.link import LinkConfig
from protocols.variants import AUTHENTICATIONS, round_epsilons

BATCH = 2**18
"""Lanes of rounds that are drawn together, at most."""
BYTES_PER_CLICK = 8
"""At most, in an announcement: for the bound on forgeries, which grows with what is tagged."""


@dataclass(frozen=True, slots=True)
class RateLink:
    """A link, and what it has agreed on."""

    users: tuple[str, str]
    lanes: tuple[Lane, ...]
    agreement: LinkAgreement
    config: LinkConfig

    @property
    def round_ps(self) -> int:
        """Light of a round."""
        return self.config.frames_per_round * self.config.frame_ps

    @property
    def kind(self) -> tuple[object, ...]:
        """Links of one kind run alike."""
        return self.round_ps, len(self.lanes), self.config.profile, self.config.initial_pads


EndedRounds = tuple[Counts, Rounds]
"""Which links of a group have had a round, and the records of these."""


class Surroundings(NamedTuple):
    """What all links of a run have in common.

    Attributes
    ----------
    users : dict
        Numbers of all users.
    stretches : Stretches
    leaks : LeakTable
    rng_tree : RngTree
        Streams ``<link>/light``, ``ones``, ``leaks``, ``checks`` and, if bits are published,
        ``sample``.
    duration_ps : int
        Of the run.
    """

    users: dict[str, int]
    stretches: Stretches
    leaks: LeakTable
    rng_tree: RngTree
    duration_ps: int


class Group:
    """Links of one kind.

    Parameters
    ----------
    links : sequence of RateLink
        L of them, at least one.
    common : Surroundings

    Attributes
    ----------
    links : sequence of RateLink
    ends : Ends
    sums : Sums
    """

    def __init__(self, links: Sequence[RateLink], common: Surroundings) -> None:
        self.links = links
        rng_tree = common.rng_tree
        first = links[0]
        profile = first.config.profile
        self.ends = Ends(len(links), first.config.initial_pads)
        self.sums = Sums(len(links), has_secrecy=round_epsilons(profile)[1] is not None)
        self._numbers = np.array([[common.users[name] for name in link.users] for link in links])
        self._stretches = common.stretches
        self._duration_ps = common.duration_ps
        self._round_ps = first.round_ps
        self._authentication = AUTHENTICATIONS.get(profile.authentication)
        names = [link.config.link for link in links]
        streams = [
            LinkStreams(*(rng_tree.stream(f"{name}/{what}") for what in LinkStreams._fields))
            for name in names
        ]
        self._light = LightSource([link.lanes for link in links], common.stretches, streams)
        self._leak_streams = [rng_tree.stream(f"{name}/leaks") for name in names]
        self._check_streams = [rng_tree.stream(f"{name}/checks") for name in names]
        self._sampling = cache(lambda link: rng_tree.stream(f"{names[link]}/sample"))
        self._judge = Judge(profile, common.leaks, len(links))
        lanes = (len(links), len(first.lanes))
        self._scored = np.zeros((*lanes, 4), dtype=np.int64)
        self._ones = np.zeros((*lanes, 2), dtype=np.int64)
        self._coincidences = np.zeros(lanes, dtype=np.int64)
        self._pool_bits = np.zeros(len(links), dtype=np.int64)
        self._start_ps = 0

    def rounds(self) -> Iterator[tuple[int, Callable[[], EndedRounds]]]:
        """When rounds end, and what books them then; the last one may be shorter.

        It gives which links have had one, and the records of these.
        """
        # Phases that wander are followed in order of time: no group is drawn ahead of others.
        size = max(1, BATCH // self._coincidences.size) if self._stretches.is_steady else 1
        starts_ps = range(0, self._duration_ps, self._round_ps)
        for first in range(0, len(starts_ps), size):
            spans = [
                Span(start_ps, min(start_ps + self._round_ps, self._duration_ps))
                for start_ps in starts_ps[first : first + size]
            ]
            light, chances = self._light.draw(spans), self._chances(len(spans))
            for index, span in enumerate(spans):
                yield span.stop_ps, partial(self._end, span, light.span(index), chances[index])

    def _chances(self, rounds: int) -> list[Chance]:
        lanes = self._coincidences.shape[1]
        leaks = np.stack([rng.standard_normal((rounds, lanes)) for rng in self._leak_streams])
        checks = np.stack([rng.random(rounds) for rng in self._check_streams])
        return [
            Chance(leaks[:, index], checks[:, index], self._sampling) for index in range(rounds)
        ]

    def _end(self, span: Span, light: Light, chance: Chance) -> EndedRounds:
        """Without any bits, or without pads, there is no round."""
        self._score(light)
        self._start_ps = span.stop_ps
        has_bits = light.matched.any(axis=(1, 2)) & ~self.ends.has_stopped
        links = np.flatnonzero(has_bits)
        if not links.size:
            return links, no_rounds(0)
        judged = self._judge.judge(links, light.matched[links], light.matched_ones[links], chance)
        blocks = self.ends.numbers[links]
        forgery_probability = self._forgery_probability(span)[links]
        reserve_bits, spent_bits = self.ends.settle(links, judged)
        self.sums.add(links, judged, forgery_probability)
        self.sums.spend(links, spent_bits)
        self._pool_bits[links] += judged.key_bits - reserve_bits
        rounds = _records(judged)
        rounds["announcer"], rounds["responder"] = self._numbers[links].T
        rounds["block"] = blocks
        rounds["start_ps"], rounds["stop_ps"] = span
        rounds["reserve_bits"], rounds["spent_bits"] = reserve_bits, spent_bits
        rounds["forgery_probability"] = forgery_probability
        rounds["pool_bits"] = self._pool_bits[links]
        return links, rounds

    def score_until(self, time_ps: int) -> None:
        """Score the light of the rounds under way, which a stop cuts off."""
        if self._start_ps < time_ps:
            self._score(self._light.draw([Span(self._start_ps, time_ps)]).span(0))

    def _score(self, light: Light) -> None:
        self._scored += light.scored
        self._ones += light.ones
        self._coincidences += light.coincidences

    def _forgery_probability(self, span: Span) -> NDArray[np.float64]:
        """(L,) float64: bound for what the announcer would publish, and tag."""
        parts = [
            (s_from_ps(stop_ps - start_ps), {user.name: user.singles_hz for user in found.users})
            for start_ps, stop_ps, found in self._stretches.between(*span)
        ]
        bounds: dict[str, float] = {}
        for link in self.links:
            name = link.config.announcer
            if name not in bounds:
                clicks = math.fsum(length_s * singles[name] for length_s, singles in parts)
                tagged_bytes = math.ceil(BYTES_PER_CLICK * clicks)
                bounds[name] = self._authentication.forgery_probability(tagged_bytes)
        return np.array([bounds[link.config.announcer] for link in self.links])

    def scored(self, link: int) -> Iterator[LaneCounts]:
        """What the simulator has counted on each lane of a link."""
        rows = zip(
            self._scored[link].tolist(),
            self._ones[link].tolist(),
            self._coincidences[link].tolist(),
            strict=True,
        )
        for (z_right, z_wrong, x_right, x_wrong), (ones_z, ones_x), coincidences in rows:
            yield LaneCounts(
                coincidences=coincidences,
                sifted_z=z_right + z_wrong,
                sifted_x=x_right + x_wrong,
                errors_z=z_wrong,
                errors_x=x_wrong,
                ones_z=ones_z,
                ones_x=ones_x,
            )


def _records(judged: Judged) -> Rounds:
    """What a record has under the names of `Judged`, and its reason and its epsilon."""
    rounds = no_rounds(len(judged.reasons))
    for name in set(rounds.dtype.names or ()) & set(judged.__slots__):
        rounds[name] = getattr(judged, name)
    rounds["reason"] = judged.reasons
    rounds["epsilon"] = judged.correctness_epsilon + judged.secrecy_epsilon
    return rounds


def groups_of(links: Sequence[RateLink]) -> list[list[RateLink]]:
    """Links of each kind, in the order of their first ones."""
    found: dict[tuple[object, ...], list[RateLink]] = {}
    for link in links:
        found.setdefault(link.kind, []).append(link)
    return list(found.values())
