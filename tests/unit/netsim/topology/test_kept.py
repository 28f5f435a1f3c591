"""What is kept of a topology in a run directory is the same topology, whatever it holds."""

from pathlib import Path
from typing import get_args

import pytest

from netsim.results.directory import TOPOLOGY, save_topology
from netsim.results.provenance import collect_provenance
from netsim.topology.load import load_topology
from netsim.topology.shipped import shipped_topologies
from netsim.topology.specs import TopologySpec
from netsim.topology.wire import TapKind

FAULTS = [
    'crashes=[{user="bob", stop_s=1.0, start_s=2.0}]',
    "classical.outages=[{start_s=1.0, stop_s=2.0}]",
    "classical.bandwidth_changes=[{time_s=1.0, bandwidth_bps=1e6}]",
    'events=[{kind="cut", time_s=1.0, user="bob"}]',
]


def check_kept(topology: TopologySpec, directory: Path) -> None:
    """Equal, and by its hash the same."""
    save_topology(topology, directory)
    kept = load_topology(directory / TOPOLOGY)
    assert kept == topology
    one, other = (collect_provenance(spec.model_dump(mode="json")) for spec in (kept, topology))
    assert one.topology_sha256 == other.topology_sha256


@pytest.mark.parametrize("name", shipped_topologies())
def test_shipped_topologies(name: str, tmp_path: Path) -> None:
    """Each of them."""
    check_kept(load_topology(name), tmp_path)


@pytest.mark.parametrize("kind", get_args(TapKind))
def test_faults_and_taps(kind: TapKind, tmp_path: Path) -> None:
    """Every kind of attack, with faults of wire, fibre and process beside it."""
    tap = f'taps=[{{kind="{kind}", link="alice-bob"}}]'
    check_kept(load_topology("two_user", overrides=[tap, *FAULTS]), tmp_path)
