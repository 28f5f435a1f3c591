"""Kinds of observers by name: built in, registered by a program, or installed by a third party."""

from netsim.observers.observer import ObserverKind
from protocols.registry import Registry

OBSERVERS = Registry[ObserverKind](
    "observer",
    ObserverKind,  # type: ignore[type-abstract]  # only isinstance is asked of it
    {
        "pass": "netsim.observers.observer:Pass",
        "intercept-resend": "netsim.observers.intercept:InterceptResend",
        "splitter": "netsim.observers.passive:Splitter",
        "extra-light": "netsim.observers.passive:ExtraLight",
        "time-shift": "netsim.observers.timeshift:TimeShift",
        "blinding": "netsim.observers.blinding:Blinding",
    },
)
"""What `observers.*.kind` of a topology may be."""
