"""Kinds of receivers by the name that a topology calls them (``receivers.*.kind``).

The one place that knows which there are; a program adds its own with `register`.
"""

from functools import lru_cache

from netsim.physics.encodings.delayed import DelayedBasis
from netsim.physics.encodings.franson import Franson
from netsim.physics.encodings.interface import Encoding
from netsim.physics.encodings.optics import Optics
from netsim.physics.encodings.polarisation import Polarisation
from netsim.physics.encodings.timebin import TimeBin

BUILT_IN: dict[str, type[Encoding]] = {
    "franson": Franson,
    "polarisation": Polarisation,
    "delayed-basis": DelayedBasis,
    "time-bin": TimeBin,
}
_registered: dict[str, type[Encoding]] = {}


def kinds() -> tuple[str, ...]:
    """All names, those built in first."""
    return (*BUILT_IN, *_registered)


def register(kind: str, encoding: type[Encoding]) -> None:
    """Add a kind of receiver for this process; topologies may then name it.

    A second registration under a name replaces the first.

    Raises
    ------
    ValueError
        If the name is built in.
    """
    if kind in BUILT_IN:
        raise ValueError(f"the kind {kind!r} of receiver is built in")
    _registered[kind] = encoding


def encoding_class(kind: str) -> type[Encoding]:
    """Encoding of a kind of receiver; KeyError for an unknown one."""
    return {**BUILT_IN, **_registered}[kind]


def build_encoding(kind: str, optics: Optics) -> Encoding:
    """Encoding of a receiver of this kind with these optics; KeyError for an unknown kind.

    Equal receivers have one encoding.
    """
    return _build(encoding_class(kind), optics)


@lru_cache(maxsize=256)
def _build(encoding: type[Encoding], optics: Optics) -> Encoding:
    return encoding(optics)
