"""Kinds of arrival processes by name: built in, registered by a program, or installed."""

from netsim.demand.arrivals import ArrivalKind
from protocols.registry import Registry

ARRIVALS = Registry[ArrivalKind](
    "arrivals",
    ArrivalKind,  # type: ignore[type-abstract]  # only isinstance is asked of it
    {
        "periodic": "netsim.demand.arrivals:Periodic",
        "poisson": "netsim.demand.arrivals:Poisson",
        "on-off": "netsim.demand.arrivals:OnOff",
        "daily": "netsim.demand.arrivals:Daily",
        "trace": "netsim.demand.arrivals:TraceFile",
    },
)
"""What `applications.*.arrivals` of a topology may be."""
