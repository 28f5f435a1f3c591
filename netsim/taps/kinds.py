"""From the name of a kind of tap to the tap; the random mixture of all of them."""

from collections.abc import Mapping, Sequence

from netsim.taps.attacks import (
    DEFAULT_DELAY_PS,
    DEFAULT_PROBABILITY,
    Attack,
    Delay,
    Drop,
    Flip,
    FlipOne,
    Reflect,
    Replay,
    Splice,
)
from netsim.taps.finals import DropLast, ForgeAbort
from netsim.taps.forgery import Forge
from netsim.taps.tap import Forward, PassTap, Tap, TapContext, TapMaker
from netsim.topology.wire import TapKind


class Mixture(Attack):
    """Strikes with one of the other attacks, drawn anew each time.

    Parameters
    ----------
    context : TapContext
        Shared by all of them.
    probability : float
        Share of the datagrams that are struck.
    delay_ps : int
        Longest delay of those that delay.
    """

    def __init__(
        self,
        context: TapContext,
        *,
        probability: float = DEFAULT_PROBABILITY,
        delay_ps: int = DEFAULT_DELAY_PS,
    ) -> None:
        super().__init__(context, probability=probability)
        plain = (Flip, Drop, Reflect, Splice, Forge, ForgeAbort, DropLast)
        self._attacks: list[Attack] = [kind(context) for kind in plain]
        self._attacks += [kind(context, delay_ps=delay_ps) for kind in (Delay, Replay)]

    def strike(self, datagram: bytes) -> Sequence[Forward]:
        """Forward what one of the attacks makes of it."""
        return self._attacks[self._below(len(self._attacks))].strike(datagram)


ATTACKS: Mapping[TapKind, type[Attack]] = {
    "flip": Flip,
    "drop": Drop,
    "delay": Delay,
    "replay": Replay,
    "reflect": Reflect,
    "splice": Splice,
    "forge": Forge,
    "forge-abort": ForgeAbort,
    "drop-last": DropLast,
    "mixture": Mixture,
}


def tap_maker(kind: TapKind, **options: float) -> TapMaker:
    """What makes taps of a kind.

    Parameters
    ----------
    kind : str
        One of those of `netsim.topology.wire.TapKind`.
    **options : int or float
        ``probability``, ``delay_ps``, ``datagram``, ``byte``, ``bit``, as far as the kind has them.
    """

    def make(context: TapContext) -> Tap:
        if kind == "pass":
            return PassTap(context)
        if "datagram" in options:
            place = {name: int(value) for name, value in options.items()}
            return FlipOne(context, **{"byte": 0, "bit": 0, **place})
        return ATTACKS[kind](context, **options)

    return make
