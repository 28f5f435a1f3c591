"""Entanglement-based QKD networks, simulated from the photon to authenticated key.

A study, step by step::

    import netsim

    lab = netsim.new("star", users=3, distance="10km")  # a network to begin with; or a TOML file,
    lab = netsim.load_topology("two_user")  # or a shipped one (`netsim list`)

    power = "qnsp.source.pumps.*.power_mw"  # any number of a topology, by its path
    forecast = netsim.predict(lab, overrides={power: 0.3})  # by formula, in milliseconds
    print(forecast.skr_bps, [link.qber for link in forecast.links])
    curve = netsim.predict_over(lab, {power: "0.1:1:10"})

    run = netsim.simulate(lab, duration_s="1h", seed=1, fidelity="rate")  # or photon by photon
    for lane in run.lanes:
        print(lane.channels, lane.sifted_hz, lane.qber, "twin:", lane.twin.sifted_hz)
    print(run.links[0].net_key_bps, run.rows("links"))  # `to_pandas`, `to_arrow` as well

    found = netsim.sweep(lab, {power: [0.2, 0.4]}, duration_s="10min", seeds=2, fidelity="rate")
    print(found.rows)

Overrides may stand in every call; times take units. ``help(netsim.simulate)`` and so on have all
arguments; a run in a notebook shows its tables. The names below are loaded when they are first
used, so that ``import netsim`` stays light. The parties' own side is the package `protocols`.
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netsim.errors import ConfigError
    from netsim.results.directory import load_run
    from netsim.results.run import Run
    from netsim.simulation.again import extend, resume
    from netsim.simulation.run import simulate
    from netsim.studies.optimise import optimise
    from netsim.studies.optimum import Optimum
    from netsim.studies.scan import predict_over
    from netsim.studies.sweep import Sweep, sweep
    from netsim.topology.load import load_topology
    from netsim.topology.starter import new
    from netsim.twin.forecast import predict

__all__ = [
    "ConfigError",
    "Optimum",
    "Run",
    "Sweep",
    "extend",
    "load_run",
    "load_topology",
    "new",
    "optimise",
    "predict",
    "predict_over",
    "resume",
    "simulate",
    "sweep",
]

_HOMES = {
    "ConfigError": "netsim.errors",
    "Run": "netsim.results.run",
    "extend": "netsim.simulation.again",
    "load_run": "netsim.results.directory",
    "load_topology": "netsim.topology.load",
    "optimise": "netsim.studies.optimise",
    "Optimum": "netsim.studies.optimum",
    "resume": "netsim.simulation.again",
    "new": "netsim.topology.starter",
    "predict": "netsim.twin.forecast",
    "predict_over": "netsim.studies.scan",
    "Sweep": "netsim.studies.sweep",
    "simulate": "netsim.simulation.run",
    "sweep": "netsim.studies.sweep",
}


def _check_protocols() -> None:
    """Refuse another package or module ``protocols`` that Python would find first."""
    spec = find_spec("protocols")
    found = None if spec is None or spec.origin is None else Path(spec.origin)
    if found is not None and found.parent.parent.resolve() != Path(__file__).parents[1].resolve():
        raise ImportError(
            f"{found} hides the package protocols that netsim is installed with: rename it, or "
            "keep its folder out of sys.path (a script's own folder comes first there)",
            name="protocols",
            path=str(found),
        )


_check_protocols()


def __getattr__(name: str) -> Any:
    """Load one of the public names (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Public names, loaded or not."""
    return sorted([*globals(), *__all__])
