"""What both ends of a link know before they start, as it follows from topology and twin."""

import math

from netsim.topology.network import Network
from netsim.twin.agreement import LinkAgreement, agree
from netsim.twin.cadence import Cadence
from protocols.link import LinkConfig
from protocols.variants import AUTHENTICATIONS

INITIAL_PADS = 64
"""Pre-shared one-time pads per direction."""


def link_config(
    network: Network,
    users: tuple[str, str],
    cadence: Cadence,
    agreement: LinkAgreement | None = None,
) -> LinkConfig:
    """Public description of the link between ``users`` (announcer first).

    Parameters
    ----------
    cadence : Cadence
        How light is cut.
    agreement : LinkAgreement, optional
        If it has been worked out already.
    """
    topology = network.topology
    agreement = agreement or agree(network, users)
    profile = agreement.profile
    ends = [topology.user(name) for name in users]
    receivers = [topology.receiver_of(end) for end in ends]
    clocks = [topology.clock_of(end) for end in ends]
    sides_ps = [far for each in receivers for far in each.encoding.side_peaks_ps.values()]
    return LinkConfig(
        link="-".join(users),
        announcer=users[0],
        responder=users[1],
        announcer_tick_ps=receivers[0].tick_ps,
        responder_tick_ps=receivers[1].tick_ps,
        window_ps=topology.protocol.window_ps,
        umi_delay_ps=round(math.fsum(sides_ps) / len(sides_ps)) if sides_ps else 0,
        coherence_rate_per_s=2 * math.pi * topology.qnsp.source.bandwidth_hz,
        lane_delays_ps=tuple(round(lane.delay_ps) for lane in network.lanes_of(users)),
        offset_bound_ps=sum(clock.offset_bound_ps for clock in clocks),
        rate_bound_ppm=math.fsum(clock.rate_bound_ppm for clock in clocks),
        allan_deviation_1s=math.hypot(*(clock.allan_deviation_1s for clock in clocks)),
        frame_ps=cadence.frame_ps,
        frames_per_round=cadence.frames_per_round(users),
        frames_per_announcement=cadence.announced_frames(users),
        profile=profile,
        initial_pads=INITIAL_PADS if AUTHENTICATIONS.get(profile.authentication).uses_pads else 0,
        match_rate_hz=agreement.match_rate_hz,
    )
