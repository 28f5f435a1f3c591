"""Kinds of receivers by the name that a topology calls them (``receivers.*.kind``).

The one place that knows which there are; a program adds its own with `register`.
"""

from functools import cache, lru_cache
from importlib import import_module

from netsim.physics.encodings.interface import Encoding
from netsim.physics.encodings.optics import Optics

BUILT_IN = {
    "franson": "netsim.physics.encodings.franson:Franson",
    "polarisation": "netsim.physics.encodings.polarisation:Polarisation",
    "delayed-basis": "netsim.physics.encodings.delayed:DelayedBasis",
    "time-bin": "netsim.physics.encodings.timebin:TimeBin",
}
"""Kind to module and class, imported when it is asked for."""
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
    return _registered[kind] if kind in _registered else _built_in(kind)


@cache
def _built_in(kind: str) -> type[Encoding]:
    module, _, name = BUILT_IN[kind].partition(":")
    found: type[Encoding] = getattr(import_module(module), name)
    return found


def build_encoding(kind: str, optics: Optics) -> Encoding:
    """Encoding of a receiver of this kind with these optics; KeyError for an unknown kind.

    Equal receivers have one encoding.
    """
    return _build(encoding_class(kind), optics)


@lru_cache(maxsize=256)
def _build(encoding: type[Encoding], optics: Optics) -> Encoding:
    return encoding(optics)
