"""What must hold to many digits: S of pairs, and intercept-resend on both kinds of receiver."""

import math
from collections.abc import Sequence

from netsim.board.bench import pair_link
from netsim.board.experiment import (
    BoardRow,
    Experiment,
    Measured,
    bell_of,
    error_rate,
    lane_of,
    rate_of,
    ratio_of,
)
from netsim.studies.shots import Shot
from netsim.topology.load import load_topology

VISIBILITY = 0.971
SHARES = (0.5, 1.0)
LIGHT_S = 20.0
PAIRS_HZ = 2e4


def shots() -> Sequence[Shot]:
    """A link with Bell tests, and either kind of receiver without and with somebody."""
    bell = pair_link("theory-bell", pairs_hz=PAIRS_HZ, visibility=VISIBILITY, bell_share=0.5)
    caught = [
        Shot(
            _name(share),
            pair_link("theory-caught", pairs_hz=PAIRS_HZ, visibility=1.0, intercepted=share),
            LIGHT_S,
        )
        for share in SHARES
    ]
    slots = [
        Shot(_slots(share), load_topology("two_user", overrides=_caught(share)), LIGHT_S)
        for share in (0.0, 1.0)
    ]
    return (Shot("theory/bell", bell, LIGHT_S), *caught, *slots)


def _caught(share: float) -> list[str]:
    if not share:
        return []
    return [f'observers=[{{kind="intercept-resend", user="bob", share={share}}}]']


def _name(share: float) -> str:
    return f"theory/polarisation/{share:g}"


def _slots(share: float) -> str:
    return f"theory/franson/{share:g}"


def rows(measured: Measured) -> Sequence[BoardRow]:
    """Simulated beside the formula; nothing is fitted, so only errors of counting are allowed."""
    plain, seen = (lane_of(measured[_slots(share)]) for share in (0.0, 1.0))
    caught = lane_of(measured[_name(1.0)])
    visibility = 1 - 2 * error_rate(plain, percent=False).value
    return (
        BoardRow(
            f"S at V = {VISIBILITY}",
            "theory",
            bell_of(lane_of(measured["theory/bell"])),
            2 * math.sqrt(2) * VISIBILITY,
            0.0,
            note="2 sqrt(2) V",
        ),
        *(
            BoardRow(
                f"QBER of polarisation, {100 * share:g} % caught [%]",
                "theory",
                error_rate(lane_of(measured[_name(share)])),
                25 * share,
                0.0,
                note="p / 4",
            )
            for share in SHARES
        ),
        BoardRow(
            "QBER of slots, all caught [%]",
            "theory",
            error_rate(seen),
            100 * (1 - visibility / 3) / 2,
            0.2,
            note="p / (4 - p) at V = 1; here with V of the undisturbed run, whose error is 0.2",
        ),
        BoardRow(
            "central rate of slots, all caught, over undisturbed",
            "theory",
            ratio_of(seen.sifted_bits, plain.sifted_bits),
            0.75,
            0.005,
            note="1 - p / 4; 2 % of accidentals, which nobody catches, are 0.005 of it",
        ),
        BoardRow(
            "rate of pairs in Z or X of both [1/s]",
            "theory",
            rate_of(caught.sifted_bits, measured[_name(1.0)].light_s),
            PAIRS_HZ / 2,
            0.0,
            note="half of the pairs: passive bases",
        ),
    )


EXPERIMENT = Experiment(
    "theory",
    "Formulas",
    "CHSH 1969; intercept-resend on passive receivers, see `netsim.observers.intercept`",
    (("all", "chosen; nothing is fitted"),),
    shots,
    rows,
)
