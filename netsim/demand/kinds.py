"""Kinds of arrival processes by name: built in, registered by a program, or installed."""

from netsim.demand.arrivals import ArrivalKind
from protocols.registry import Registry

ARRIVALS = Registry[ArrivalKind](
    "arrivals",
    ArrivalKind,  # type: ignore[type-abstract]  # only isinstance is asked of it
    {
        "periodic": "netsim.demand.processes:Periodic",
        "poisson": "netsim.demand.processes:Poisson",
        "on-off": "netsim.demand.processes:OnOff",
        "daily": "netsim.demand.processes:Daily",
        "trace": "netsim.demand.processes:TraceFile",
    },
)
"""What `applications.*.arrivals` of a topology may be."""
