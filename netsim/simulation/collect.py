"""What a run has found, as results: lanes as scored, links as booked by their two ends."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from netsim.pools.counts import LinkCounts, bias_notes, failures, net_notes, reasons_of
from netsim.pools.pool import NOTHING_COMPARED, Comparison, compare_pools
from netsim.results.parts import LaneResult, LinkResult, PaperFigures, TwinResult
from netsim.simulation.counting import ScoredLane
from netsim.simulation.parties import Link
from netsim.topology.network import Lane
from netsim.topology.specs import PaperSpec, TopologySpec
from netsim.twin.agreement import LinkAgreement
from netsim.twin.prediction import Prediction
from protocols.keylength.balance import bias_bits
from protocols.variants import SECURITIES


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
    announcer, responder = (end.books for end in link.ends)
    closed_ps = (announcer.closed_ps, responder.closed_ps)
    booked = BookedLink(
        replace(announcer.counts, alarms=announcer.counts.alarms + responder.counts.alarms),
        reasons_of(announcer.reasons, responder.reasons),
        max(closed_ps) if all(closed_ps) else None,
        compare_pools(announcer.pool, responder.pool),
    )
    return replace(
        booked_link(topology, link.users, link.agreement, booked, duration_ps),
        wire=link.ends[0].driver.wire + link.ends[1].driver.wire,
    )


@dataclass(frozen=True, slots=True)
class BookedLink:
    """What the two ends of a link have booked.

    Attributes
    ----------
    counts : LinkCounts
        Of the announcer; alarms of both.
    reasons : mapping
        How often rounds had no key, by reason.
    closed_ps : int or None
        When both ends had closed.
    pools : Comparison
    """

    counts: LinkCounts
    reasons: Mapping[str, int]
    closed_ps: int | None
    pools: Comparison = NOTHING_COMPARED


def booked_link(
    topology: TopologySpec,
    users: tuple[str, str],
    agreement: LinkAgreement,
    booked: BookedLink,
    duration_ps: int,
) -> LinkResult:
    """A link as its two ends have booked it."""
    security, counts = topology.protocol.security, booked.counts
    return LinkResult(
        users=users,
        duration_ps=duration_ps,
        counts=replace(counts, failure_probability=min(1.0, counts.failure_probability)),
        pools=booked.pools,
        settle_ps=0 if booked.closed_ps is None else booked.closed_ps - duration_ps,
        security=security,
        assumptions=SECURITIES.get(security).assumptions,
        notes="; ".join(
            (
                *agreement.notes,
                *failures(booked.reasons),
                *bias_notes(counts.bias_bits),
                *net_notes(counts),
            )
        ),
    )
