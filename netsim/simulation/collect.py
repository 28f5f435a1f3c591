"""What a run has found, as results: lanes as scored, links as booked by their two ends."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from netsim.pools.bookkeeper import Bookkeeper
from netsim.pools.counts import bias_notes, failures, net_notes
from netsim.pools.pool import compare_pools
from netsim.results.parts import LaneResult, LinkResult, PaperFigures, TwinResult
from netsim.simulation.parties import Link
from netsim.simulation.scoring import LaneCounts
from netsim.topology.network import Lane
from netsim.topology.specs import PaperSpec, TopologySpec
from netsim.twin.agreement import LinkAgreement
from netsim.twin.prediction import Prediction
from protocols.chsh import Chsh
from protocols.keylength.balance import bias_bits
from protocols.variants import SECURITIES


@dataclass(frozen=True, slots=True)
class ScoredLane:
    """What was counted on a lane.

    Attributes
    ----------
    lane : Lane
    counts : LaneCounts
        Of what is for key.
    chsh : Chsh or None
        Of the Bell test, if the settings make one.
    key_share : float
        Of the light, what was for key.
    """

    lane: Lane
    counts: LaneCounts
    chsh: Chsh | None = None
    key_share: float = 1.0


def lane_results(
    topology: TopologySpec,
    scored: Iterable[ScoredLane],
    prediction: Prediction,
    duration_ps: int,
) -> tuple[LaneResult, ...]:
    """Every lane as the simulator has scored it, beside what was expected and what is published.

    Parameters
    ----------
    scored : iterable of ScoredLane
    prediction : Prediction
        Of the states that the network has been in.
    duration_ps : int
        Of light.
    """
    expected = {(lane.users, lane.channels): lane for lane in prediction.lanes}
    results = []
    for found in scored:
        lane, counts = found.lane, found.counts
        twin = expected[lane.users, lane.channels]
        # Which frames are for key was drawn: the twin is held against those that were.
        drawn = found.key_share / topology.key_share_of(lane.users)
        results.append(
            LaneResult(
                users=lane.users,
                channels=lane.channels,
                duration_ps=duration_ps,
                coincidences=counts.coincidences,
                sifted_bits=counts.sifted_bits,
                errors=counts.errors,
                bias_bits=bias_bits(counts.balances),
                twin=TwinResult(drawn * twin.sifted_hz, twin.qber, drawn * twin.skr_bps),
                paper=_paper_figures(topology.paper, lane),
                chsh=found.chsh,
            )
        )
    return tuple(results)


def _paper_figures(paper: PaperSpec | None, lane: Lane) -> PaperFigures | None:
    outlets = set(zip(lane.channels, lane.users, strict=True))
    for printed in paper.lanes if paper else ():
        if set(zip(printed.channels, printed.users, strict=True)) == outlets:
            return PaperFigures(
                printed.sifted_hz,
                printed.visibility,
                printed.qber,
                printed.skr_bps,
                printed.note,
            )
    return None


def link_result(topology: TopologySpec, link: Link, duration_ps: int) -> LinkResult:
    """A link of endpoints, with what they have sent."""
    announcer, responder = link.ends
    return replace(
        booked_link(
            topology, link.users, link.agreement, (announcer.books, responder.books), duration_ps
        ),
        wire=announcer.driver.wire + responder.driver.wire,
    )


def booked_link(
    topology: TopologySpec,
    users: tuple[str, str],
    agreement: LinkAgreement,
    books: tuple[Bookkeeper, Bookkeeper],
    duration_ps: int,
) -> LinkResult:
    """A link as its two ends have booked it: figures of the announcer, alarms of both."""
    announcer, responder = books
    security = topology.protocol.security
    reasons = failures(announcer.reasons, responder.reasons)
    closed_ps = (announcer.closed_ps, responder.closed_ps)
    return LinkResult(
        users=users,
        duration_ps=duration_ps,
        counts=replace(
            announcer.counts,
            alarms=announcer.counts.alarms + responder.counts.alarms,
            failure_probability=min(1.0, announcer.counts.failure_probability),
        ),
        pools=compare_pools(announcer.pool, responder.pool),
        settle_ps=max(closed_ps) - duration_ps if all(closed_ps) else 0,
        security=security,
        assumptions=SECURITIES.get(security).assumptions,
        notes="; ".join(
            (
                *agreement.notes,
                *reasons,
                *bias_notes(announcer.counts.bias_bits),
                *net_notes(announcer.counts),
            )
        ),
    )
