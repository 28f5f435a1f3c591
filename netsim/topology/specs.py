"""Frozen specs of a whole topology file: a network, and what happens to it in a run."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from netsim.topology.anychange import AnyChange
from netsim.topology.applications import ApplicationSpec, PoolSpec
from netsim.topology.base import Name, NonNegative, Probability, Spec
from netsim.topology.controller import ControllerSpec
from netsim.topology.labels import Pair
from netsim.topology.state import StateSpec
from netsim.topology.wire import TapSpec


class CrashSpec(Spec):
    """A user's process stops and starts again; its hardware goes on, its store survives."""

    user: Name
    """Whose process."""
    stop_s: NonNegative
    """Simulated time of the crash."""
    start_s: NonNegative
    """Simulated time of the return."""

    @model_validator(mode="after")
    def _returns(self) -> Self:
        if self.start_s <= self.stop_s:
            raise ValueError("a process starts again after it has stopped: start_s > stop_s")
        return self


class PaperLaneSpec(Spec):
    """What a publication prints for one lane; shown beside the results, never used."""

    users: Annotated[tuple[Name, Name], Field(strict=False)]
    """The two users of the lane."""
    channels: Pair
    """Channel of the first user, channel of the second."""
    sifted_hz: NonNegative
    """Sifted coincidences per second."""
    visibility: Annotated[float, Field(ge=-1, le=1)]
    """Two-photon visibility, accidentals included."""
    qber: Probability
    """Quantum bit error rate."""
    skr_bps: NonNegative
    """Asymptotic secret key rate."""
    note: str | None = None
    """Shown beside the figures."""


class PaperSpec(Spec):
    """Published figures to compare with."""

    source: str
    """Where the figures are printed."""
    total_skr_bps: NonNegative | None = None
    """Printed sum of the secret key rates."""
    lanes: Annotated[tuple[PaperLaneSpec, ...], Field(strict=False)] = ()
    """One entry per printed lane."""


class TopologySpec(StateSpec):
    """A whole network: how it stands at first, and what happens to it."""

    events: Annotated[tuple[AnyChange, ...], Field(strict=False)] = ()
    """Changes of the optical network during the run."""
    controller: ControllerSpec | None = None
    """Changes of the optical network by what the links report."""
    crashes: Annotated[tuple[CrashSpec, ...], Field(strict=False)] = ()
    """Crashes of users' processes during the run."""
    taps: Annotated[tuple[TapSpec, ...], Field(strict=False)] = ()
    """Attackers on the classical channels; of two on one wire the earlier sees a datagram first."""
    applications: Annotated[tuple[ApplicationSpec, ...], Field(strict=False)] = ()
    """Who draws key from the pools."""
    pools: Annotated[tuple[PoolSpec, ...], Field(strict=False)] = ()
    """Thresholds of pools; a link that is not named has none."""
    paper: PaperSpec | None = None
    """Published figures to compare with; never used in a calculation."""
