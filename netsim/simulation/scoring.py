"""Scoring of a link from the true clicks of its two users; no protocol ever sees any of it."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from netsim.frames import DETECTORS, END_PS, ClickFrame
from netsim.physics.encodings.settings import Turns
from netsim.physics.encodings.sifting import Sifting
from netsim.results.chsh import chsh_of
from netsim.simulation.liveclicks import LiveClicks, live_clicks
from netsim.simulation.neighbours import count_differences, match_further
from netsim.topology.network import Network
from netsim.topology.specs import TopologySpec
from protocols.chsh import Chsh
from protocols.keylength.balance import Balance

NO_TURNS: Mapping[str, Turns] = {}

Clicks = NDArray[np.int64]

_NO_CLICKS: Clicks = np.empty(0, dtype=np.int64)

Pair = tuple[ClickFrame, ClickFrame]
"""Frames of two users with the same index."""


@dataclass(frozen=True, slots=True)
class LaneCounts:
    """What was counted on one lane; counts of consecutive runs add up."""

    coincidences: int = 0
    """Matches in the central window, before basis sifting."""
    sifted_z: int = 0
    """Matches with both clicks in the Z basis."""
    sifted_x: int = 0
    errors_z: int = 0
    """Sifted Z matches with different ports."""
    errors_x: int = 0
    """Sifted X matches with equal ports: X outcomes anticorrelate."""
    ones_z: int = 0
    """Sifted Z matches in which the first user's bit is 1."""
    ones_x: int = 0
    """The same of X."""

    def __add__(self, other: "LaneCounts") -> "LaneCounts":
        return LaneCounts(
            *(getattr(self, count.name) + getattr(other, count.name) for count in fields(self))
        )

    @classmethod
    def of_detectors(cls, matches: NDArray[np.int64], sifting: Sifting) -> "LaneCounts":
        """Counts from (4, 4) int64: matches by detector of either user."""
        return cls(
            coincidences=int(matches.sum()),
            sifted_z=int(matches[sifting.in_z].sum()),
            sifted_x=int(matches[sifting.in_x].sum()),
            errors_z=int(matches[sifting.in_z & sifting.errors].sum()),
            errors_x=int(matches[sifting.in_x & sifting.errors].sum()),
            ones_z=int(matches[sifting.in_z & sifting.ones].sum()),
            ones_x=int(matches[sifting.in_x & sifting.ones].sum()),
        )

    @property
    def sifted_bits(self) -> int:
        """Matches with equal bases."""
        return self.sifted_z + self.sifted_x

    @property
    def errors(self) -> int:
        """Errors among the sifted bits."""
        return self.errors_z + self.errors_x

    @property
    def balances(self) -> tuple[Balance, Balance]:
        """Zeros and ones of either basis."""
        return Balance(self.sifted_z, self.ones_z), Balance(self.sifted_x, self.ones_x)


class _Waiting:
    """Frames of two users, in any order between the two."""

    def __init__(self, users: tuple[str, str]) -> None:
        self._frames: dict[str, deque[ClickFrame]] = {user: deque() for user in users}

    def paired(self, user: str, frame: ClickFrame) -> Pair | None:
        """Take one more frame of one of them; what both have then."""
        self._frames[user].append(frame)
        first, second = self._frames.values()
        return (first.popleft(), second.popleft()) if first and second else None


class _Carried:
    """Clicks of two users that later ones may still have to do with."""

    def __init__(self, high_ps: int) -> None:
        self._high_ps = high_ps
        self.first = np.empty(0, dtype=np.int64)
        self.second = np.empty(0, dtype=np.int64)

    def extend(self, first: ClickFrame, second: ClickFrame) -> int:
        """Add the next frames; time before which all partners of first clicks are known."""
        self.first = np.concatenate([self.first, first.clicks])
        self.second = np.concatenate([self.second, second.clicks])
        return min(first.stop_ps, second.stop_ps - self._high_ps)

    def drop(self, used_first: int, used_second: int) -> None:
        """Forget clicks that are used up."""
        self.first = self.first[used_first:].copy()
        self.second = self.second[used_second:].copy()


class _LaneMatcher:
    """Matches of one lane: each click is used once, the first click in the window is taken."""

    def __init__(self, delay_ps: int, window_ps: int) -> None:
        self._low_ps = delay_ps - window_ps // 2
        self._high_ps = self._low_ps + window_ps
        self._left = _NO_CLICKS, _NO_CLICKS
        """Clicks of both users that later ones may still have to do with."""
        self.matches = np.zeros((DETECTORS, DETECTORS), dtype=np.int64)

    def add(self, first: ClickFrame, second: ClickFrame) -> None:
        until_ps = min(first.stop_ps, second.stop_ps - self._high_ps)
        self._match((first.clicks, second.clicks), until_ps)

    def finish(self) -> None:
        self._match((_NO_CLICKS, _NO_CLICKS), END_PS)

    def _match(self, new: tuple[Clicks, Clicks], until_ps: int) -> None:
        used = match_further(self._left, new, until_ps, self._low_ps, self._high_ps, self.matches)
        first, second = map(_rest, self._left, new, used)
        self._left = first, second


def _rest(left: Clicks, new: Clicks, used: int) -> Clicks:
    """Of what was left and what is new behind it, all but what is used up."""
    if used >= left.size:
        return new[used - left.size :].copy()
    return np.concatenate((left[used:], new))


class LaneScorer:
    """Counts coincidences, sifted bits and errors of all lanes of one link.

    A coincidence lies in the half-open window ``[-W/2, W/2)`` around the lane's nominal delay.
    Each click is used once per lane; one within the dead time of an earlier one of its user is
    none, as in `protocols.tagbook`.

    Parameters
    ----------
    network : Network
        Gives the lanes of the link, their delays and the window.
    users : (str, str)
        A link, announcer first.
    live : mapping, optional
        User to what the scorers of all its links share; by the dead times of the network if absent.
    turns : mapping
        User to frames in which its analysers are turned: those are not scored for key. What comes
        while one of the two has turned is counted for Bell's inequality.
    """

    def __init__(
        self,
        network: Network,
        users: tuple[str, str],
        live: Mapping[str, LiveClicks] | None = None,
        turns: Mapping[str, Turns] = NO_TURNS,
    ) -> None:
        self.lanes = network.lanes_of(users)
        """In the order of `counts`: by ascending nominal delay."""
        self.sifting = network.sifting_of(users)
        """Which detectors make bits."""
        window_ps = network.topology.protocol.window_ps
        self._matchers = [_LaneMatcher(round(lane.delay_ps), window_ps) for lane in self.lanes]
        self._tests = [_LaneMatcher(round(lane.delay_ps), window_ps) for lane in self.lanes]
        self._turns = [turns[user] for user in users if user in turns]
        self._frames = Counter[bool]()
        self._waiting = _Waiting(users)
        self._phases_rad = _settings_of(network, users, self._turns)
        self._live = live_clicks(network.topology) if live is None else live

    def add(self, user: str, frame: ClickFrame) -> None:
        """Take the next frame of one of the two users; KeyError for others."""
        pair = self._waiting.paired(user, self._live[user].of(frame))
        if pair is None:
            return
        turned = sum([turns.is_turned(frame.index) for turns in self._turns])
        self._frames[turned == 0] += frame.frames
        for matcher in (self._matchers, self._tests, ())[turned]:
            matcher.add(*pair)

    def finish(self) -> None:
        """Match the last clicks, for which no later partner can come any more."""
        for matcher in (*self._matchers, *self._tests):
            matcher.finish()

    @property
    def key_share(self) -> float:
        """Share of the frames so far in which neither user had turned; 1 before the first."""
        frames = self._frames.total()
        return self._frames[True] / frames if frames else 1.0

    @property
    def chsh(self) -> tuple[Chsh | None, ...]:
        """CHSH tests so far, one per lane; None where the settings test nothing."""
        matchers = self._tests if self._turns else self._matchers
        return tuple(chsh_of(matcher.matches, self._phases_rad) for matcher in matchers)

    @property
    def counts(self) -> tuple[LaneCounts, ...]:
        """Counts so far, one per lane."""
        return tuple(LaneCounts.of_detectors(matches, self.sifting) for matches in self.matches)

    @property
    def matches(self) -> tuple[NDArray[np.int64], ...]:
        """(4, 4) int64 per lane: coincidences by detector of the first and the second user."""
        return tuple(matcher.matches.copy() for matcher in self._matchers)


def build_scorers(
    network: Network, hardware: TopologySpec, turns: Mapping[str, Turns] = NO_TURNS
) -> dict[tuple[str, str], LaneScorer]:
    """Scorers of all links, which share what they need of each user's clicks.

    Parameters
    ----------
    hardware : TopologySpec
        Whose dead times hold.
    """
    live = live_clicks(hardware)
    return {users: LaneScorer(network, users, live, turns) for users in network.links}


def _settings_of(
    network: Network, users: tuple[str, str], turns: Sequence[Turns]
) -> tuple[Sequence[float], Sequence[float]]:
    """Nominal phases in the frames of the test; whose turn it is makes no difference to the sum."""
    topology = network.topology
    one, other = (topology.receiver_of(topology.user(user)) for user in users)
    turn_rad = turns[0].turn_rad if turns else 0.0
    return (
        (one.z.phase_rad + turn_rad, one.x.phase_rad + turn_rad),
        (other.z.phase_rad, other.x.phase_rad),
    )


class DifferenceHistogram:
    """Histogram of all arrival differences, second user less first; for plots and tests.

    Parameters
    ----------
    users : (str, str)
    low_ps : int
        Lower edge of the first bin.
    bin_ps : int
        Width of a bin, >= 1.
    bins : int
        Number of bins, >= 1.
    """

    def __init__(self, users: tuple[str, str], *, low_ps: int, bin_ps: int, bins: int) -> None:
        self.users = users
        self._low_ps = low_ps
        self._bin_ps = bin_ps
        self._waiting = _Waiting(users)
        self._carried = _Carried(low_ps + bin_ps * bins)
        self._counts = np.zeros(bins, dtype=np.int64)

    @property
    def counts(self) -> NDArray[np.int64]:
        """(bins,) int64: differences so far."""
        return self._counts

    @property
    def edges_ps(self) -> NDArray[np.int64]:
        """(bins + 1,) int64: edges of the half-open bins."""
        return self._low_ps + self._bin_ps * np.arange(self._counts.size + 1, dtype=np.int64)

    def add(self, user: str, frame: ClickFrame) -> None:
        """Take the next frame of one of the two users; KeyError for others."""
        pair = self._waiting.paired(user, frame)
        if pair is not None:
            self._count(self._carried.extend(*pair))

    def finish(self) -> None:
        """Count the differences of the last clicks."""
        self._count(END_PS)

    def _count(self, until_ps: int) -> None:
        carried = self._carried
        used = count_differences(
            carried.first, carried.second, until_ps, self._low_ps, self._bin_ps, self._counts
        )
        carried.drop(*used)
