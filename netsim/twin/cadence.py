"""How light is cut: frames that are drawn at once, announcements of click times, rounds.

Rounds are whole numbers of the grid. Frames and announcements cost by their number, so both are as
long as nothing that is simulated depends on it, unless the topology says how long; but for runs of
little more than one announcement, in which clocks are looked for a few times. All of it follows
from the topology with all its events, never from how long a run is.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from netsim.physics.encodings.registry import BUILT_IN
from netsim.topology.network import Network
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import networks_of
from netsim.twin.brightness import announced_bytes, photons_hz
from netsim.twin.detectors import clicks_hz
from netsim.units import PS_PER_S, ps_from_s
from protocols.messages import MAX_TIMES_BYTES

Users = tuple[str, str]
"""Of a link, announcer first."""

LONGEST_FRAME_PS = PS_PER_S // 2
"""Chosen ones are whole parts of it, so that announcements are whole numbers of them."""
MOST_PHOTONS = 1 << 19
"""Of a frame, 40 MB; longer frames cost as much CPU."""
LONGEST_ANNOUNCEMENT_PS = 2 * PS_PER_S
CHANGING_PS = PS_PER_S // 2
"""Where light comes and goes, it is missed by whole announcements; and as a responder matches one
when its next frame has come, frames are as short as the grid there."""
MOST_WANDER_PS = 4800.0
"""Standard deviation of what two clocks move by, beside their rates, in one announcement: a course
has 256 cells at most, in each of which they should move by no more than 300 ps
(`protocols.bbm92.clockfilter`)."""
FOLLOWED_PS = PS_PER_S // 2
"""However clocks wander: less at once saves no bits up to an Allan deviation of 1e-8 at 1 s, and
few beyond, where none can be followed."""


@dataclass(frozen=True, slots=True)
class Cadence:
    """How light is cut.

    Attributes
    ----------
    frame_ps : int
        Whole numbers of it make every round.
    rounds_ps, announcements_ps : mapping
        By users: light of a round; light that is announced at once, where a round is as long and a
        frame no longer.
    """

    frame_ps: int
    rounds_ps: Mapping[Users, int]
    announcements_ps: Mapping[Users, int]

    def frames_per_round(self, users: Users) -> int:
        """Frames of a round of a link."""
        return self.rounds_ps[users] // self.frame_ps

    def announced_frames(self, users: Users) -> int:
        """Frames of a link whose click times are announced at once."""
        asked = max(1, self.announcements_ps[users] // self.frame_ps)
        return min(asked, self.frames_per_round(users))

    def announced_ps(self, users: Users) -> int:
        """Light of an announcement of a link."""
        return self.announced_frames(users) * self.frame_ps


def round_ps(topology: TopologySpec, users: Users) -> int:
    """Light of a round of the link between ``users``."""
    grids = max(1, round(topology.round_s_of(users) / topology.grid_s))
    return grids * ps_from_s(topology.grid_s)


def round_cadence(topology: TopologySpec, links: Iterable[Users]) -> Cadence:
    """How light is cut where a round is drawn as a whole."""
    rounds_ps = {users: round_ps(topology, users) for users in links}
    return Cadence(ps_from_s(topology.grid_s), rounds_ps, rounds_ps)


def whole_frames_ps(topology: TopologySpec, rounds_ps: Iterable[int], longest_ps: int) -> int:
    """The longest frame that makes all rounds, whole numbers of the grid, up to ``longest_ps``."""
    grid_ps = ps_from_s(topology.grid_s)
    common = math.gcd(*(length_ps // grid_ps for length_ps in rounds_ps))
    most = max(1, longest_ps // grid_ps)
    return grid_ps * max(grids for grids in range(1, most + 1) if common % grids == 0)


def clocks_followed_ps(topology: TopologySpec, users: Users) -> float:
    """Through how much light the two clocks of a link are followed at once.

    The phase of a clock of Allan deviation sigma at 1 s, white frequency noise, walks by
    sigma sqrt(T 1 s) in T; two add up in squares.
    """
    clocks = (topology.clock_of(topology.user(name)) for name in users)
    walk_ps = PS_PER_S * math.hypot(*(clock.allan_deviation_1s for clock in clocks))
    if not walk_ps:
        return math.inf
    return max(FOLLOWED_PS, PS_PER_S * (MOST_WANDER_PS / walk_ps) ** 2)


def photon_cadence(
    topology: TopologySpec,
    networks: Sequence[Network] | None = None,
    *,
    is_controlled: bool = False,
) -> Cadence:
    """How light is cut that is drawn photon by photon.

    Parameters
    ----------
    topology : TopologySpec
        As in the file.
    networks : sequence of Network, optional
        All states that its events lead to, where they are known.
    is_controlled : bool
        Whether somebody changes the network whom the topology does not name.
    """
    if networks is None:
        networks = networks_of(topology)
    is_changing = is_controlled or _is_changing(topology)
    links = networks[0].links
    rounds_ps = {users: round_ps(topology, users) for users in links}
    is_short = topology.frame_s is not None or is_changing or _moves(topology)
    grid_ps = ps_from_s(topology.grid_s)
    longest_frame_ps = grid_ps if is_short else _longest_frame_ps(networks)
    asked_s = topology.protocol.announcement_s
    if asked_s is None:
        longest_ps = _longest_announcements_ps(topology, networks, is_changing=is_changing)
        asked_ps = LONGEST_FRAME_PS
    else:
        asked_ps = grid_ps * max(1, round(asked_s / topology.grid_s))
        longest_ps = dict.fromkeys(links, float(asked_ps))
    frame_ps = whole_frames_ps(
        topology,
        (LONGEST_FRAME_PS, asked_ps, *rounds_ps.values()),
        int(min((*longest_ps.values(), longest_frame_ps))),
    )
    announcements_ps = {users: frame_ps * int(ps / frame_ps) for users, ps in longest_ps.items()}
    return Cadence(frame_ps, rounds_ps, announcements_ps)


def _longest_announcements_ps(
    topology: TopologySpec, networks: Sequence[Network], *, is_changing: bool
) -> dict[Users, float]:
    """What each link may announce at once."""
    links = networks[0].links
    usual_ps = CHANGING_PS if is_changing else LONGEST_ANNOUNCEMENT_PS
    carried_ps = {name: _carried_ps(networks, name) for name, _ in links}
    return {
        users: min(usual_ps, clocks_followed_ps(topology, users), carried_ps[users[0]])
        for users in links
    }


def comes_and_goes(topology: TopologySpec) -> bool:
    """Whether processes of users stop and start: light is lost by whole frames."""
    return (
        bool(topology.crashes)
        or not all(user.is_present for user in topology.users)
        or any(event.leaving or event.joining for event in topology.events)
    )


def _is_changing(topology: TopologySpec) -> bool:
    """Whether anything happens to the network or its light that the parties have to find out.

    Observers come and go, and no rate here counts the light that they add.
    """
    from_outside = topology.events or topology.controller or topology.observers
    return bool(from_outside) or comes_and_goes(topology)


def _longest_frame_ps(networks: Iterable[Network]) -> int:
    """What the brightest state allows."""
    brightest_hz = max(map(photons_hz, networks))
    if brightest_hz * LONGEST_FRAME_PS <= MOST_PHOTONS * PS_PER_S:
        return LONGEST_FRAME_PS
    return int(MOST_PHOTONS / brightest_hz * PS_PER_S)


def _moves(topology: TopologySpec) -> bool:
    """Whether analysers may move: they stand still while a frame is measured.

    Of kinds of receivers that were added nobody knows.
    """
    receivers = [topology.receiver_of(user) for user in topology.users]
    drifts = [one.drift for each in receivers for one in each.analysers if one.drift]
    return (
        any(user.fibre.rotation_walk_rad_per_sqrt_s for user in topology.users)
        or any(each.bell or each.kind not in BUILT_IN for each in receivers)
        or any(drift.walk_rad_per_sqrt_s or drift.reading_rad for drift in drifts)
    )


def _carried_ps(networks: Iterable[Network], user: str) -> float:
    """Light whose clicks one announcement carries with room to spare, in any state."""
    rate_hz = max(float(clicks_hz(network, user).sum()) for network in networks)
    topology = next(iter(networks)).topology
    tick_ps = topology.receiver_of(topology.user(user)).tick_ps
    bytes_per_s = announced_bytes(rate_hz, rate_hz, tick_ps=tick_ps)
    return MAX_TIMES_BYTES / 2 / bytes_per_s * PS_PER_S if bytes_per_s else math.inf
