"""All taps of a network on all its wires; what times and events are is left to the caller."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from netsim.taps.tap import Forward, Tap, TapContext, TapPlan, Wire


@dataclass(slots=True)
class TapChain:
    """The taps of one wire, each fed with what the one before forwards.

    Attributes
    ----------
    wire : Wire
        Read before any of the taps sees a datagram.
    taps : list of (TapPlan, Tap)
        In the order of the plans.
    """

    wire: Wire
    taps: list[tuple[TapPlan, Tap]]

    def see(self, datagram: bytes, now_ps: int) -> list[Forward]:
        """What goes on instead of ``datagram``: delays in ps and bytes."""
        self.wire.view.read(datagram)
        passing: list[Forward] = [(0, datagram)]
        for plan, tap in self.taps:
            if plan.is_active(now_ps):
                passing = [
                    (delay_ps + later_ps, forwarded)
                    for delay_ps, data in passing
                    for later_ps, forwarded in tap.see(data, now_ps)
                ]
        return passing


def tap_chains(
    wires: Sequence[Wire],
    plans: Sequence[TapPlan],
    rng_of: Callable[[str], np.random.Generator],
    now_ps: Callable[[], int],
) -> list[TapChain]:
    """One chain for each of ``wires``.

    Parameters
    ----------
    wires : sequence of Wire
        Both directions of every link.
    plans : sequence of TapPlan
        Whose taps are made; ValueError for one that sits on no wire.
    rng_of : callable
        Random stream by name.
    now_ps : callable
        Simulated time: what a tap injects outside its attack does not get through.
    """
    for plan in plans:
        if not any(plan.sits_on(wire) for wire in wires):
            raise ValueError(f"a tap on {plan.link or 'any link'}: there is no such wire")
    return [
        TapChain(
            wire,
            [
                (plan, plan.make(_context(wire, wires, plan, rng_of(_name(wire, k)), now_ps)))
                for k, plan in enumerate(plans)
                if plan.sits_on(wire)
            ],
        )
        for wire in wires
    ]


def _name(wire: Wire, index: int) -> str:
    return f"{wire.link}/tap{index}/{wire.sender}"


def _context(
    wire: Wire,
    wires: Sequence[Wire],
    plan: TapPlan,
    rng: np.random.Generator,
    now_ps: Callable[[], int],
) -> TapContext:
    def limited(target: Wire) -> Wire:
        def inject(datagram: bytes, delay_ps: int) -> None:
            if plan.is_active(now_ps()):
                target.inject(datagram, delay_ps)

        return replace(target, inject=inject)

    reverse = next(w for w in wires if w.link == wire.link and w.role is wire.role.peer)
    others = tuple(limited(other) for other in wires if other.link != wire.link)
    return TapContext(limited(wire), limited(reverse), others, rng)
