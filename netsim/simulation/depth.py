"""How deep a run simulates its light, and what follows from it for those who see it.

A depth makes the light and says what else depends on how it is made. Everything above it, parties,
messages, pools and books, is the same at every depth.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from netsim.devices.world import PhotonLevel, Stage, WorldBuilder
from netsim.results.fidelity import Fidelity
from netsim.results.parts import UserResult
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import Timeline
from netsim.twin.cadence import Cadence, photon_cadence
from netsim.twin.light import check_light
from netsim.units import s_from_ps
from protocols.events import Event
from protocols.link import LinkConfig

OnEvents = Callable[[Sequence[Event], int], None]
"""Takes what an end of a link has told in one step, and when."""


class Depth(ABC):
    """How the light of one run is made.

    Parameters
    ----------
    timeline : Timeline
        All states of the network.
    cadence : Cadence
        How its light is cut.

    Attributes
    ----------
    hardware : TopologySpec
        The network, with the hardware as users and scoring have to know it.
    cadence : Cadence
    """

    FIDELITY: ClassVar[Fidelity]
    ARE_LINKS_APART: ClassVar[bool]
    """Whether it is of no account which of two links comes first that want one click."""

    def __init__(self, timeline: Timeline, cadence: Cadence) -> None:
        self._timeline = timeline
        self.hardware: TopologySpec = timeline.topology
        self.cadence = cadence

    @property
    def frame_ps(self) -> int:
        """How often users are handed their tags."""
        return self.cadence.frame_ps

    def announced_s(self, users: tuple[str, str]) -> float:
        """Light of an announcement of the link between ``users``."""
        return s_from_ps(self.cadence.announced_ps(users))

    @abstractmethod
    def build(self, stage: Stage) -> PhotonLevel:
        """Build what makes the light."""

    @abstractmethod
    def configured(self, config: LinkConfig) -> LinkConfig:
        """What a link knows before it starts, where the light is made like this."""

    @abstractmethod
    def booked(self, config: LinkConfig, record: OnEvents) -> OnEvents:
        """What takes the events of an end of a link, in front of its books."""

    @abstractmethod
    def users(self, world: PhotonLevel, seed: int, done_ps: int) -> Iterator[UserResult]:
        """All clicks of every user in ``done_ps`` of light."""


class PhotonDepth(Depth):
    """Photon by photon: everything follows.

    Parameters
    ----------
    timeline : Timeline
    build : callable
        Makes the light; another one than `netsim.devices.world.build_world` may replay it.
    is_controlled : bool
        As of `netsim.twin.cadence.photon_cadence`.

    Raises
    ------
    ConfigError
        More light than can be drawn.
    """

    FIDELITY = Fidelity.PHOTON
    ARE_LINKS_APART = False

    def __init__(self, timeline: Timeline, build: WorldBuilder, *, is_controlled: bool) -> None:
        check_light(timeline.networks)
        super().__init__(timeline, photon_cadence(timeline.topology, is_controlled=is_controlled))
        self._build = build

    def build(self, stage: Stage) -> PhotonLevel:
        """Source, fibres and receivers."""
        return self._build(stage)

    def configured(self, config: LinkConfig) -> LinkConfig:
        """As it is."""
        return config

    def booked(self, config: LinkConfig, record: OnEvents) -> OnEvents:
        """As it is."""
        _ = config
        return record

    def users(self, world: PhotonLevel, seed: int, done_ps: int) -> Iterator[UserResult]:
        """As counted."""
        _ = seed
        for name, clicks in world.clicks.items():
            yield UserResult(name, done_ps, tuple(clicks.tolist()))
