"""Controllers: the provider's reactions to what the links of its network report.

A controller sees what the users of a link would tell their provider over an ordinary channel, all
of it public: how many bits a round sifted and how many of them were wrong. It answers with changes
of the optical network (`netsim.topology.changes`). It never sees clicks, bits or key.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import assert_never

from netsim.topology.changes import Change, Power, Realign
from netsim.topology.controller import BalanceSpec, ControllerSpec, RealignSpec
from netsim.topology.source import CrystalSourceSpec
from netsim.topology.specs import TopologySpec
from protocols import events
from protocols.keylength.keyrate import PAPER_EFFICIENCY, LaneCounts, binary_entropy

MIN_STEP = 1.02
"""Trials smaller than this would be noise."""
UNKNOWN_QBER = 0.5
"""Assumed of a round whose errors nobody counted."""


@dataclass(frozen=True, slots=True)
class RoundReport:
    """What a link tells of a round that has ended.

    Attributes
    ----------
    users : (str, str)
        The link.
    start_s, stop_s : float
        When the round's light was sent.
    sifted_bits : int
    lanes : tuple of LaneCounts
        Bits and errors of each lane; empty if error correction never ended.
    """

    users: tuple[str, str]
    start_s: float
    stop_s: float
    sifted_bits: int
    lanes: tuple[LaneCounts, ...]

    @property
    def qber(self) -> float:
        """Of all lanes; that of chance where nobody counted the errors."""
        bits = sum(lane.bits for lane in self.lanes)
        return sum(lane.errors for lane in self.lanes) / bits if bits else UNKNOWN_QBER

    @property
    def rate_bps(self) -> float:
        """Sum over lanes of N [1 - (1 + f) h(Q)]; below zero where there is no key, to learn by."""
        length_s = self.stop_s - self.start_s
        counts = [(lane.bits, lane.errors) for lane in self.lanes if lane.bits]
        if not counts:
            counts = [(self.sifted_bits, round(UNKNOWN_QBER * self.sifted_bits))]
        return math.fsum(
            bits / length_s * (1.0 - (1.0 + PAPER_EFFICIENCY) * binary_entropy(errors / bits))
            for bits, errors in counts
            if bits
        )


class RoundReports:
    """What the announcers of all links tell of their rounds.

    Rounds are numbered, not timed: a link that was dark for long has gone on with the next number.
    So the time of a round is that of its first announcement, less the light in it.

    Parameters
    ----------
    announced_s : callable
        Two users to the light of an announcement of their link.
    """

    def __init__(self, announced_s: Callable[[tuple[str, str]], float]) -> None:
        self._announced_s = announced_s
        self._starts_s: dict[tuple[tuple[str, str], int], float] = {}

    def take(
        self, users: tuple[str, str], round_s: float, event: events.Event, now_s: float
    ) -> RoundReport | None:
        """Report of the round that ``event`` of the announcer's end tells the end of, if it does.

        Parameters
        ----------
        round_s, now_s : float
            Light of a round; when the event happened.
        """
        if isinstance(event, events.RoundStarted):
            self._starts_s[users, event.round] = max(0.0, now_s - self._announced_s(users))
        if not isinstance(event, events.BlockHeld | events.RoundAborted):
            return None
        start_s = self._starts_s.pop((users, event.round), None)
        if start_s is None:
            return None
        books = event.books
        return RoundReport(users, start_s, start_s + round_s, books.sifted_bits, books.lanes)


class Controller(ABC):
    """Decides what the provider changes."""

    @abstractmethod
    def report(self, report: RoundReport, now_s: float) -> Iterable[Change]:
        """Take one report; the changes that happen at once because of it."""


class PowerBalance(Controller):
    """Searches the pump powers with which the poorest link is best off, by trial.

    A trial changes all pumps alike, or one of them, by the step. It is kept if the smallest rate of
    any link has grown, and undone if not; when no trial of a round robin has helped, the step
    shrinks and the present state is measured afresh.

    Parameters
    ----------
    topology : TopologySpec
        The plan: pumps and their powers at the start.
    links : sequence of (str, str)
        Links that report.
    step : float
        Ratio of the first trials, > 1.
    rounds : int
        Reports of every link per trial.
    """

    def __init__(
        self,
        topology: TopologySpec,
        links: Sequence[tuple[str, str]],
        *,
        step: float,
        rounds: int,
    ) -> None:
        source = topology.qnsp.source
        self._powers_mw: dict[str | None, float] = (
            {None: source.pump_power_mw}
            if isinstance(source, CrystalSourceSpec)
            else {pump.channel: pump.power_mw for pump in source.pumps}
        )
        self._links = tuple(links)
        self._rounds = rounds
        self._step = step
        self._directions = self._every_direction()
        self._kept_mw = dict(self._powers_mw)
        self._kept_bps: float | None = None
        self._since_s = 0.0
        self._rates_bps: dict[tuple[str, str], list[float]] = {link: [] for link in self._links}

    @property
    def powers_mw(self) -> dict[str | None, float]:
        """Powers by pump (None: the one of a crystal) as they are now."""
        return dict(self._powers_mw)

    def _every_direction(self) -> Iterator[tuple[float, ...]]:
        """Exponents of the step for each pump: all alike, then one by one."""
        count = len(self._powers_mw)
        yield from ((sign,) * count for sign in (-1.0, 1.0))
        if count > 1:
            for chosen, sign in product(range(count), (-1.0, 1.0)):
                yield tuple(sign if pump == chosen else 0.0 for pump in range(count))

    def report(self, report: RoundReport, now_s: float) -> Iterable[Change]:
        """Judge the present trial once every link has reported enough whole rounds of it."""
        if report.start_s < self._since_s or report.users not in self._rates_bps:
            return ()
        self._rates_bps[report.users].append(report.rate_bps)
        if any(len(rates) < self._rounds for rates in self._rates_bps.values()):
            return ()
        poorest_bps = min(math.fsum(rates) / len(rates) for rates in self._rates_bps.values())
        return self._judge(poorest_bps, now_s)

    def _judge(self, poorest_bps: float, now_s: float) -> Iterable[Change]:
        if self._kept_bps is None or poorest_bps > self._kept_bps:
            # Better than before, or measured for the first time: go on from here.
            is_trial = self._kept_bps is not None
            self._kept_mw, self._kept_bps = dict(self._powers_mw), poorest_bps
            self._directions = self._again() if is_trial else self._every_direction()
        return self._try_next(now_s)

    def _again(self) -> Iterator[tuple[float, ...]]:
        """The direction that has just helped, then all."""
        yield self._last
        yield from self._every_direction()

    def _try_next(self, now_s: float) -> Iterable[Change]:
        direction = next(self._directions, None)
        if direction is None:
            self._step = max(MIN_STEP, math.sqrt(self._step))
            self._kept_bps = None
            direction = (0.0,) * len(self._powers_mw)
        self._last = direction
        wanted_mw = {
            pump: power_mw * self._step**exponent
            for (pump, power_mw), exponent in zip(self._kept_mw.items(), direction, strict=True)
        }
        self._since_s = now_s
        self._rates_bps = {link: [] for link in self._links}
        changes = [
            _power(pump, power_mw, now_s)
            for pump, power_mw in wanted_mw.items()
            if power_mw != self._powers_mw[pump]
        ]
        self._powers_mw = wanted_mw
        return changes


class Realigner(Controller):
    """Has the fibres of a link's users aligned when one of its rounds has too many errors.

    Parameters
    ----------
    qber : float
        More than this is too much.
    """

    def __init__(self, qber: float) -> None:
        self._qber = qber
        self._aligned_s: dict[str, float] = {}

    def report(self, report: RoundReport, now_s: float) -> Iterable[Change]:
        """Align what this round has seen of: not what was aligned since it began."""
        if report.qber <= self._qber:
            return ()
        users = [user for user in report.users if report.start_s >= self._aligned_s.get(user, 0.0)]
        self._aligned_s |= dict.fromkeys(users, now_s)
        return [Realign(time_s=now_s, user=user) for user in users]


def _power(pump: str | None, power_mw: float, now_s: float) -> Power:
    return Power(time_s=now_s, channel=pump, power_mw=power_mw)


def build_controller(
    spec: ControllerSpec, topology: TopologySpec, links: Sequence[tuple[str, str]]
) -> Controller:
    """The controller that a topology asks for."""
    match spec:
        case BalanceSpec():
            return PowerBalance(topology, links, step=spec.step, rounds=spec.rounds)
        case RealignSpec():
            return Realigner(spec.qber)
        case _:
            assert_never(spec)
