"""What of a network can change in the course of a run: the light follows it from then on.

All else is fixed: devices, clocks and parties are built from it once. A field that is not listed
here counts as fixed, and a change of it is refused, never ignored.
"""

from collections.abc import Iterator, Mapping

from netsim.topology.base import Spec
from netsim.topology.receiver import ReceiverSpec
from netsim.topology.source import CrystalSourceSpec, RingSourceSpec
from netsim.topology.state import DeliveredChannelSpec, FibreSpec, QnspSpec, UserSpec

CANNOT_CHANGE = "cannot change during a run"

_PAIRS = frozenset({"contrast", "pairs", "self_pairs", "statistics"})

FOLLOWED: dict[type[Spec], frozenset[str]] = {
    QnspSpec: frozenset({"pump_rejection_loss_db", "leakage"}),
    DeliveredChannelSpec: frozenset(
        {"user", "users", "splitter_loss_db", "loss_db", "noise_hz_per_mw"}
    ),
    RingSourceSpec: _PAIRS
    | {
        "brightness_hz_per_mw2",
        "ring",
        "comb_spacing_labels",
        "dispersion_hz",
        "facet_loss_db",
        "escape_loss_db",
        "pumps",
        "detuning",
    },
    CrystalSourceSpec: _PAIRS
    | {
        "brightness_hz_per_mw",
        "pump_power_mw",
        "sum_labels",
        "bandwidth_labels",
        "coupling_loss_db",
    },
    UserSpec: frozenset({"is_present", "is_locked", "is_detecting", "alignments"}),
    FibreSpec: frozenset({"attenuation_db_per_km", "extra_loss_db", "is_cut", "raman"}),
    ReceiverSpec: frozenset({"excess_loss_db"}),
}
"""By spec, the fields that the light follows; what lies below such a field is followed with it."""


def fixed_differences(old: object, new: object, path: str = "") -> Iterator[str]:
    """Key paths of all that is fixed and is another in ``new``; parts that are shared cost nothing.

    Parameters
    ----------
    old, new : Spec
        Two states of a network, or parts of them.
    path : str
        Where they stand.
    """
    if old is new:
        return
    mine, others = _parts(old), _parts(new)
    if mine is None or others is None or type(old) is not type(new):
        if old != new:
            yield path
        return
    followed = FOLLOWED.get(type(old), frozenset()) if isinstance(old, Spec) else frozenset()
    for key in dict.fromkeys((*mine, *others)):
        if key not in followed:
            below = f"{path}.{key}" if path else str(key)
            yield from fixed_differences(mine.get(key), others.get(key), below)


def _parts(value: object) -> Mapping[object, object] | None:
    """Parts of a table or list by key or number; None of what has none."""
    if isinstance(value, Spec):
        return {name: getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return value
    return dict(enumerate(value)) if isinstance(value, tuple) else None
