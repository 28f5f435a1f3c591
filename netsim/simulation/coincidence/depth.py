"""What follows from drawing coincidences alone: long frames, one peak a lane, books by formula."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from netsim.devices.world import PhotonLevel, Stage
from netsim.results.fidelity import Fidelity
from netsim.results.parts import UserResult
from netsim.simulation.coincidence.light import CoincidenceLight
from netsim.simulation.depth import Depth, OnEvents
from netsim.simulation.singles import drawn_singles
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import Timeline, networks_of
from netsim.twin.brightness import announced_bytes
from netsim.twin.cadence import (
    Cadence,
    clocks_followed_ps,
    comes_and_goes,
    round_ps,
    whole_frames_ps,
)
from netsim.twin.detectors import clicks_hz
from netsim.twin.prediction import Prediction
from netsim.units import PS_PER_S, s_from_ps
from protocols.events import BlockHeld, BlockPrepared, BlockUsable, Event, RoundAborted
from protocols.link import LinkConfig
from protocols.variants import AUTHENTICATIONS

LONGEST_FRAME_PS = 24 * PS_PER_S
"""A frame is an announcement, which costs more by its number than by its length. Through more of it
a clock is predicted to worse than 190 ns (the walk of its drift, `protocols.bbm92.smoothing`), of
which the parties follow four standard deviations, and it is cut into no more than 256 cells."""
BUSY_FRAME_PS = PS_PER_S // 2
"""Where processes stop and start: light is lost by whole frames."""
MAX_FRAME_CLICKS = 1 << 20
"""Of the busiest user."""
LARGEST_DATAGRAM_BYTES = 65_507
"""What UDP over IPv4 carries; frames are long, and so is what is said of them."""


class CoincidenceDepth(Depth):
    """Clicks that belong to coincidences, and no others.

    Parameters
    ----------
    timeline : Timeline
    prediction : Prediction
        Of its states: how many clicks a frame holds.
    """

    FIDELITY = Fidelity.COINCIDENCE
    ARE_LINKS_APART = True

    def __init__(self, timeline: Timeline, prediction: Prediction) -> None:
        super().__init__(timeline, _cadence(timeline.topology, prediction))
        self._singles_hz = _most_singles_hz(timeline.topology)
        self.hardware = _hardware(timeline.topology)

    def build(self, stage: Stage) -> PhotonLevel:
        """Coincidences in the place of source, fibres and receivers."""
        return CoincidenceLight(stage)

    def configured(self, config: LinkConfig) -> LinkConfig:
        """No side peaks to look for."""
        return replace(config, umi_delay_ps=0)

    def booked(self, config: LinkConfig, record: OnEvents) -> OnEvents:
        """With the announcements of all clicks in what the tags of a round cover."""
        authentication = AUTHENTICATIONS.get(config.profile.authentication)
        announced = math.ceil(self._announced_bytes(config))
        bound = authentication.forgery_probability(announced)
        return partial(_record, record, bound)

    def users(self, world: PhotonLevel, seed: int, done_ps: int) -> Iterator[UserResult]:
        """Drawn by their rates: most of them are in no coincidence."""
        return drawn_singles(world.history, seed, done_ps)

    def _announced_bytes(self, config: LinkConfig) -> float:
        """Of a round in its brightest light, all clicks published as at the photon level."""
        singles_hz = self._singles_hz[config.announcer]
        clicks = singles_hz * config.frames_per_round * s_from_ps(config.frame_ps)
        return announced_bytes(clicks, singles_hz, tick_ps=config.announcer_tick_ps)


def _most_singles_hz(topology: TopologySpec) -> dict[str, float]:
    """Clicks per second of each user, in that state of the network in which they are most."""
    networks = networks_of(topology)
    return {
        user.name: max(float(clicks_hz(network, user.name).sum()) for network in networks)
        for user in topology.users
    }


def _cadence(topology: TopologySpec, prediction: Prediction) -> Cadence:
    """Every announcement is a frame, the longest one that all links can do with."""
    links = dict.fromkeys(lane.users for lane in prediction.lanes)
    rounds_ps = {users: round_ps(topology, users) for users in links}
    usual_ps = BUSY_FRAME_PS if comes_and_goes(topology) else LONGEST_FRAME_PS
    longest_ps = min((usual_ps, *(clocks_followed_ps(topology, users) for users in links)))
    busiest_hz = max(
        math.fsum(lane.light.coincidences_hz for lane in prediction.lanes if user in lane.users)
        for user in (user.name for user in topology.users)
    )
    if busiest_hz * longest_ps > MAX_FRAME_CLICKS * PS_PER_S:
        longest_ps = MAX_FRAME_CLICKS / busiest_hz * PS_PER_S
    frame_ps = whole_frames_ps(topology, rounds_ps.values(), int(longest_ps))
    return Cadence(frame_ps, rounds_ps, dict.fromkeys(links, frame_ps))


def _hardware(topology: TopologySpec) -> TopologySpec:
    """Without dead times, which are in the rates: what they take is not drawn."""
    receivers = {
        name: spec.model_copy(
            update={
                "detectors": tuple(
                    detector.model_copy(update={"dead_time_ps": 0}) for detector in spec.detectors
                )
            }
        )
        for name, spec in topology.receivers.items()
    }
    classical = topology.classical.model_copy(update={"max_datagram_bytes": LARGEST_DATAGRAM_BYTES})
    return topology.model_copy(update={"receivers": receivers, "classical": classical})


def _record(record: OnEvents, bound: float, step: Sequence[Event], time_ps: int) -> None:
    record([_with_bound(event, bound) for event in step], time_ps)


def _with_bound(event: Event, bound: float) -> Event:
    """Books of a round, with what was not announced in its bound on forgeries."""
    if not isinstance(event, BlockHeld | BlockPrepared | BlockUsable | RoundAborted):
        return event
    if not event.books.forgery_probability:
        return event  # no tag was checked
    books = event.books._replace(
        forgery_probability=min(1.0, event.books.forgery_probability + bound)
    )
    return replace(event, books=books)
