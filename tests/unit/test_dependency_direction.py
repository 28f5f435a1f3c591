"""The direction of dependencies: protocols know no simulator, nothing points upwards or around."""

import ast
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LAYERS = (
    {"units", "errors", "printable", "watch", "children"},
    {"arguments", "durations", "frames", "kernel"},
    {"physics", "pools"},
    {"demand", "observers"},
    {"relay"},
    {"topology"},
    {"results", "taps", "twin"},
    {"devices", "verify"},
    {"simulation"},
    {"recordings"},
    {"studies"},
    {"report"},
    {"board", "delivery", "fit", "plan", "reproduce"},
    {"cli"},
    {"__main__"},
)
"""Parts of netsim from the ground up; a part may import itself and what lies below its layer.

`netsim/__init__.py` names the public API and loads it on demand; it belongs to no layer.
"""

PROTOCOL_LAYERS = (
    {"errors", "kept", "unboxing"},
    {"chsh", "clockprior", "compiled", "keylength", "tags", "timing"},
    {"ascending", "bits", "books", "calibration", "deadtime", "messages", "profile", "registry"},
    {
        "codec",
        "durable",
        "events",
        "expectation",
        "link",
        "pads",
        "reconciliation",
        "tagbook",
        "wire",
    },
    {"budgets", "interfaces", "matching"},
    {"bases", "estimation", "hashing", "security", "variants"},
    {"bbm92", "relay"},
    {"e91"},
    {"endpoint"},
)
"""The same of protocols, whose modules at the top are parts by themselves."""

LAYERS_OF: Mapping[str, tuple[set[str], ...]] = {"netsim": LAYERS, "protocols": PROTOCOL_LAYERS}

SHARED_BY_PROTOCOLS = {
    "protocols.ascending",
    "protocols.bbm92.lockable",
    "protocols.bits",
    "protocols.books",
    "protocols.chsh",
    "protocols.clockprior",
    "protocols.codec",
    "protocols.compiled",
    "protocols.wire.datagrams",
    "protocols.durable",
    "protocols.errors",
    "protocols.events",
    "protocols.expectation",
    "protocols.interfaces",
    "protocols.keylength.arrays",
    "protocols.keylength.balance",
    "protocols.keylength.keyrate",
    "protocols.link",
    "protocols.matching",
    "protocols.messages",
    "protocols.profile",
    "protocols.reconciliation.interface",
    "protocols.registry",
    "protocols.relay",
    "protocols.security",
    "protocols.tags",
    "protocols.unboxing",
    "protocols.variants",
    "protocols.wire.counts",
}
"""Data types and pure formulas, open to all of netsim."""

DRIVER = "netsim.simulation.driver"
"""Moves bytes between endpoints and the simulated channel."""
WITHOUT_SIMULATOR = {
    "netsim.cli.warmup",
    "netsim.recordings.distil",
    "netsim.recordings.exchange",
    "netsim.recordings.recording",
    "netsim.simulation.rate.rounds",
    "netsim.twin.efficiency",
}
"""Two endpoints on recorded tags: who moves their bytes, describes their link, builds them; who has
drawn rounds judged; the bench of error correction; and who has kernels compiled ahead."""
KNOW_ENDPOINTS = {
    DRIVER,
    "netsim.simulation.user",
    "netsim.simulation.eavesdropper",
    "netsim.cli.warmup",
    *WITHOUT_SIMULATOR,
}
"""The driver, the one that builds what it drives, who holds a book against what an observer knows,
and what compiles kernels ahead; the same for recorded tags."""


def module_name(path: Path) -> str:
    """Dotted name of a source file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    """Modules that a file imports, anywhere in it; `from a import b` is a.b where that is one."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            found |= {_deepest(node.module, alias.name) for alias in node.names}
    return found


def _deepest(module: str, name: str) -> str:
    folder = ROOT.joinpath(*module.split("."))
    inside = (folder / name).is_dir() or (folder / f"{name}.py").is_file()
    return f"{module}.{name}" if inside else module


def layer_of(module: str) -> int:
    """Layer of a module; KeyError for one that belongs to none yet."""
    part = part_of(module)
    for layer, parts in enumerate(LAYERS_OF[package_of(module)]):
        if part in parts:
            return layer
    raise KeyError(f"{module} belongs to no layer: give it one in this test")


SOURCES = {
    module_name(path): path
    for package in ("netsim", "protocols")
    for path in sorted((ROOT / package).rglob("*.py"))
}


@cache
def imports() -> Mapping[str, set[str]]:
    """What each module imports; read when it is first asked for, not when tests are collected."""
    return {module: imports_of(path) for module, path in SOURCES.items()}


def package_of(module: str) -> str:
    """netsim, protocols, or something that is not ours."""
    return module.split(".", 1)[0]


def part_of(module: str) -> str:
    """Name of the part of its package that a module belongs to."""
    return module.split(".", 2)[1]


@pytest.mark.parametrize("module", sorted(name for name in SOURCES if "." in name))
def test_nothing_points_upwards(module: str) -> None:
    """A module imports, of its package, its own part and parts of lower layers only."""
    outside = {
        other
        for other in imports()[module]
        if other.startswith(f"{package_of(module)}.")
        and part_of(other) != part_of(module)
        and layer_of(other) >= layer_of(module)
    }
    assert not outside


@pytest.mark.parametrize("package", sorted(LAYERS_OF))
def test_every_part_has_its_layer(package: str) -> None:
    """No part is named that there is not, and none twice."""
    named = [part for parts in LAYERS_OF[package] for part in sorted(parts)]
    there = {part_of(module) for module in SOURCES if module.startswith(f"{package}.")}
    assert sorted(named) == sorted(there)


def test_modules_import_in_no_circle() -> None:
    """Whatever is imported, for type checking or within a function too, is not imported by it."""
    ours = {module: names & SOURCES.keys() for module, names in imports().items()}
    while leaves := {module for module, names in ours.items() if not names - {module}}:
        ours = {module: ours[module] - leaves for module in ours.keys() - leaves}
    assert not ours, f"in a circle, or above one: {sorted(ours)}"


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_protocols_stay_apart(module: str) -> None:
    """Protocols import no simulator and no pydantic, netsim only their data types and formulas."""
    names = imports()[module]
    if module.startswith("protocols"):
        foreign = {"simpy", "netsim", "pydantic", "examples"}
        assert not {name for name in names if name.split(".", 1)[0] in foreign}
        return
    endpoints = {name for name in names if name.startswith("protocols")} - SHARED_BY_PROTOCOLS
    if module not in KNOW_ENDPOINTS:
        assert not endpoints


def test_simpy_and_endpoints_meet_in_the_driver_only() -> None:
    """One module imports both, and it is there."""
    both = {
        module
        for module, names in imports().items()
        if any(name.split(".", 1)[0] == "simpy" for name in names)
        and any(name.startswith("protocols") for name in names - SHARED_BY_PROTOCOLS)
    }
    assert both <= {DRIVER}
    assert DRIVER in SOURCES


def test_protocols_load_no_simulator() -> None:
    """All of protocols imported in a fresh process: neither simpy nor netsim is loaded."""
    script = (
        "import importlib, pkgutil, sys, protocols\n"
        "for found in pkgutil.walk_packages(protocols.__path__, 'protocols.'):\n"
        "    importlib.import_module(found.name)\n"
        "assert 'protocols.tags' in sys.modules\n"
        "print(sorted({'simpy', 'netsim'} & set(sys.modules)))"
    )
    output = subprocess.run(  # this interpreter, a script of ours
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    assert output == "[]\n"


def test_import_netsim_is_light() -> None:
    """`import netsim` loads none of the heavy libraries; its public names load on demand."""
    script = (
        "import sys, netsim\n"
        "print(sorted({'numpy', 'numba', 'simpy', 'pydantic', 'typer'} & set(sys.modules)))\n"
        "assert set(netsim.__all__) <= set(dir(netsim))\n"
        "for name in netsim.__all__:\n"
        "    assert callable(getattr(netsim, name)), name\n"
    )
    output = subprocess.run(  # this interpreter, a script of ours
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    assert output == "[]\n"
