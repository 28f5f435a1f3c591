"""What a tap is: the small interface of an attacker, and what he may touch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from netsim.taps.view import StreamView
from protocols.messages import Role

Forward = tuple[int, bytes]
"""Delay in ps (>= 0) and datagram."""


class Tap(Protocol):
    """An attacker on one direction of one link."""

    def see(self, datagram: bytes, now_ps: int) -> Sequence[Forward]:
        """Decide what goes on instead of ``datagram``.

        Parameters
        ----------
        datagram : bytes
            As its sender has put it on the wire.
        now_ps : int
            Simulated time.

        Returns
        -------
        sequence of (int, bytes)
            Delay in ps (>= 0) and bytes of each datagram to forward; empty drops it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Wire:
    """One direction of a link, as an attacker has it.

    Attributes
    ----------
    link : str
        As in ``alice-bob``.
    sender : str
        Name of the user whose datagrams pass.
    role : Role
        Whether that is the announcer or the responder.
    inject : callable
        Puts a datagram on the wire, after a delay in ps (>= 0).
    view : StreamView
        What has been read off the wire so far.
    """

    link: str
    sender: str
    role: Role
    inject: Callable[[bytes, int], None]
    view: StreamView = field(default_factory=StreamView)


@dataclass(frozen=True, slots=True)
class TapContext:
    """What a tap works with.

    Attributes
    ----------
    wire, reverse : Wire
        The direction that it sees, and the one back.
    others : sequence of Wire
        All wires of other links; their views are full even where no tap sits.
    rng : numpy.random.Generator
        The attacker's own randomness.
    """

    wire: Wire
    reverse: Wire
    others: Sequence[Wire]
    rng: np.random.Generator


TapMaker = Callable[[TapContext], Tap]


@dataclass(frozen=True, slots=True)
class TapPlan:
    """Which tap sits where, and when.

    Attributes
    ----------
    make : callable
        Makes the tap of one direction; called once for each direction concerned.
    link, sender : str, optional
        Only this link, only datagrams of this user; all if None.
    start_ps, stop_ps : int
        The attack lasts for [start, stop); without a stop it never ends. Before and after it the
        tap sees nothing, and nothing that it injects gets through.
    """

    make: TapMaker
    link: str | None = None
    sender: str | None = None
    start_ps: int = 0
    stop_ps: int | None = None

    def sits_on(self, wire: Wire) -> bool:
        """Whether it concerns ``wire``."""
        return self.link in (None, wire.link) and self.sender in (None, wire.sender)

    def is_active(self, time_ps: int) -> bool:
        """Whether the attack is under way."""
        return self.start_ps <= time_ps and (self.stop_ps is None or time_ps < self.stop_ps)


class PassTap:
    """Lets everything pass: the channel behaves as without it, bit for bit."""

    def __init__(self, context: TapContext) -> None:
        _ = context

    def see(self, datagram: bytes, now_ps: int) -> Sequence[Forward]:
        """Forward ``datagram`` at once."""
        _ = now_ps
        return ((0, datagram),)
