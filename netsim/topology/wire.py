"""Specs of what happens on the classical channels at given times: faults and attackers.

A link is named ``FIRST-SECOND``, its two users in the order of the file.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from netsim.topology.base import HUGE, Name, Probability, RunSeconds, SecondInPs, Spec

TapKind = Literal[
    "pass",
    "flip",
    "drop",
    "delay",
    "replay",
    "reflect",
    "splice",
    "forge",
    "forge-abort",
    "drop-last",
    "mixture",
]

TAP_OPTIONS: dict[TapKind, frozenset[str]] = {
    "pass": frozenset(),
    "flip": frozenset({"probability", "datagram", "byte", "bit"}),
    "drop": frozenset({"probability"}),
    "delay": frozenset({"probability", "delay_ps"}),
    "replay": frozenset({"probability", "delay_ps"}),
    "reflect": frozenset({"probability"}),
    "splice": frozenset({"probability"}),
    "forge": frozenset({"probability"}),
    "forge-abort": frozenset({"probability"}),
    "drop-last": frozenset({"probability"}),
    "mixture": frozenset({"probability", "delay_ps"}),
}
"""What may be set beside link, sender and times."""


class BandwidthChangeSpec(Spec):
    """From a given time on, a link (or all of them) has another bandwidth."""

    time_s: RunSeconds
    """Simulated time."""
    bandwidth_bps: Annotated[float, Field(ge=1, le=HUGE)]
    """Bits per second in each direction from then on."""
    link: Name | None = None
    """The only link that changes, as in ``alice-bob``; all links if absent."""


class OutageSpec(Spec):
    """A time in which nothing that is sent arrives."""

    start_s: RunSeconds
    """Simulated time."""
    stop_s: RunSeconds
    """Simulated time; what is sent from then on arrives again."""
    link: Name | None = None
    """The only link concerned, as in ``alice-bob``; all links if absent."""

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.stop_s <= self.start_s:
            raise ValueError("an outage ends after it has begun: stop_s > start_s")
        return self


class TapSpec(Spec):
    """An attacker on the datagrams of a link, below its retransmission."""

    kind: TapKind
    """What is done; `netsim.taps` says what exactly."""
    link: Name | None = None
    """The link, as in ``alice-bob``; every link if absent."""
    sender: Name | None = None
    """Only datagrams of this user; both directions if absent."""
    start_s: RunSeconds = 0.0
    """The attack begins."""
    stop_s: RunSeconds | None = None
    """The attack ends and the channel heals; never if absent."""
    probability: Probability | None = None
    """Share of the datagrams (or final messages) that are attacked; 1 for drop-last, else 0.05."""
    delay_ps: SecondInPs | None = None
    """Longest delay, drawn uniformly; one second if absent."""
    datagram: Annotated[int, Field(ge=0)] | None = None
    """Flip: number of the one datagram that is changed, from 0; others pass."""
    byte: Annotated[int, Field(ge=0)] = 0
    """Flip: byte of that datagram; beyond its end nothing changes."""
    bit: Annotated[int, Field(ge=0, le=7)] = 0
    """Flip: bit of that byte, 0 is the lowest."""

    def sits_on(self, link: tuple[str, str]) -> bool:
        """Whether it sees anything of the link between two users."""
        return self.link in (None, "-".join(link)) and self.sender in (None, *link)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.stop_s is not None and self.stop_s <= self.start_s:
            raise ValueError("an attack ends after it has begun: stop_s > start_s")
        general = {"kind", "link", "sender", "start_s", "stop_s"}
        fields = type(self).model_fields
        # A default that is written out, as in a run's topology.json, says nothing.
        given = {name for name in fields if getattr(self, name) != fields[name].default}
        foreign = sorted(given - general - TAP_OPTIONS[self.kind])
        if foreign:
            raise ValueError(f"a tap of kind {self.kind} has no {', '.join(foreign)}")
        if self.datagram is not None and self.probability is not None:
            raise ValueError("a flip has a probability or a datagram, not both")
        return self
