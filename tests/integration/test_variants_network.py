"""Variants in whole runs: what they print, keep and read back, and that the books are in order."""

import io
import re
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
from rich.console import Console

from netsim.cli import run_command
from netsim.report.tables import print_run
from netsim.results.directory import load_run
from netsim.results.parts import LinkResult
from netsim.results.run import Run
from netsim.simulation.run import simulate
from netsim.topology.load import load_topology
from netsim.topology.network import build_network
from netsim.twin.agreement import agree
from netsim.verify import verify_run
from protocols.reconciliation.cascade_variants import Option8
from protocols.security import ONE_WAY_COUNT
from tests.support.slow import slow_but
from tests.support.third_party import registered
from tests.support.topologies import two_user_topology

VARIANTS = {
    "asymptotic": ("protocol.estimation=sample",),
    "finite": ("protocol.security=finite", "protocol.estimation=sample"),
    "two-basis": (
        "protocol.security=two-basis",
        "protocol.basis=biased",
        "receivers.bench.z_probability=0.75",
    ),
    "none": ("protocol.authentication=none",),
    "modelled": ("protocol.reconciliation=modelled",),
    "ldpc": ("protocol.reconciliation=ldpc", "protocol.round_s=2"),
    "finite with ldpc": (
        "protocol.security=finite",
        "protocol.estimation=sample",
        "protocol.reconciliation=ldpc",
    ),
    "short": (
        "protocol.security=finite",
        "protocol.estimation=sample",
        'links=[{users=["alice","bob"],round_s=1.0}]',
    ),
}


@cache
def kept(name: str) -> tuple[Run, Path]:
    """Ten seconds of the two users, in one round unless the variant says otherwise."""
    out = Path(mkdtemp(prefix="netsim-test-"))
    overrides = ("protocol.round_s=10", *VARIANTS[name])
    spec = load_topology("two_user", overrides=overrides)
    return simulate(spec, duration_s=10 if name != "short" else 3, seed=3, out=out), out


def link(name: str) -> LinkResult:
    (found,) = kept(name)[0].links
    return found


@pytest.mark.parametrize("name", slow_but(("asymptotic", "finite with ldpc", "short"), VARIANTS))
def test_books_on_disk_are_in_order(name: str) -> None:
    """Ledger, stores, events and summary of each variant agree, and come back as they were."""
    run, out = kept(name)
    assert verify_run(out) == ()
    assert load_run(out) == run


@pytest.mark.parametrize(
    "name", slow_but(("asymptotic",), ("asymptotic", "finite", "two-basis", "none", "modelled"))
)
def test_there_is_key(name: str) -> None:
    """Ten seconds of 1590 sifted bits per second hold key in each variant."""
    assert link(name).counts.blocks == 1
    assert link(name).counts.blocks_failed == 0
    assert link(name).counts.deposited_bits > 1000


@pytest.mark.slow
def test_ldpc_gives_key_without_waiting() -> None:
    """Five rounds of two seconds: each has key, and questions and answers of one round trip."""
    found = link("ldpc")
    assert (found.counts.blocks, found.counts.blocks_failed) == (5, 0)
    assert found.counts.deposited_bits > 5000
    assert found.counts.round_trips < 8 * found.counts.blocks
    assert found.f_measured is not None
    assert found.f_measured > 1.05


def test_a_correction_of_somebody_else_is_registered_in_one_place() -> None:
    """Topology, both ends of the link and the notes of the results know it by its name alone."""

    class Slow(Option8):
        note = "of a third party"

    with registered("reconciliation", "slow", Slow):
        spec = load_topology("two_user", overrides=("protocol.reconciliation=slow",))
        (found,) = simulate(spec, duration_s=3, seed=3).links
    assert found.counts.blocks == 1
    assert found.counts.deposited_bits > 500
    assert "of a third party" in found.notes


def test_one_way_correction_needs_no_label() -> None:
    """The proof of the finite length covers LDPC codes, booked in one direction."""
    assert ONE_WAY_COUNT not in link("finite with ldpc").notes
    assert ONE_WAY_COUNT in link("finite").notes
    assert link("finite with ldpc").counts.deposited_bits > 1000


def test_epsilon_of_a_link() -> None:
    """Correctness, secrecy and authentication add up; the asymptotic length claims none."""
    found = link("finite")
    assert found.counts.secrecy_epsilon is not None
    parts = (
        found.counts.correctness_epsilon
        + found.counts.secrecy_epsilon
        + found.counts.failure_probability
    )
    assert found.epsilon == parts
    assert 0.5e-10 < parts <= 1.0001e-10
    assert link("asymptotic").epsilon is None
    assert link("none").counts.failure_probability == 1.0


def test_aborted_rounds_cost_their_epsilon() -> None:
    """Three rounds of a second are too short for a finite key; they are counted all the same."""
    found = link("short")
    assert (found.counts.blocks, found.counts.blocks_failed) == (3, 3)
    assert found.counts.deposited_bits == 0
    assert found.epsilon == pytest.approx(3e-10, rel=1e-6)
    assert found.counts.sampled_bits > 0
    assert "no key expected from a round of 1 s" in found.notes
    assert "rounds without key: 3 no_key" in found.notes


def test_runs_add_up_with_their_notes() -> None:
    """Epsilons of equal links add, notes are said once."""
    found = link("short")
    both = found + found
    assert both.notes == found.notes
    assert both.epsilon == pytest.approx(6e-10, rel=1e-6)


def printed(name: str, width: int) -> str:
    text = io.StringIO()
    print_run(kept(name)[0], Console(file=text, width=width))
    return " ".join(text.getvalue().split())


@pytest.mark.parametrize("width", [80, 200])
def test_assumptions_are_printed_beside_the_numbers(width: int) -> None:
    """What must hold, the label of what no proof covers, and an epsilon where one is claimed."""
    finite = printed("finite", width)
    assert "Assumed: finite key of Tomamichel and Leverrier (arXiv:1506.08458);" in finite
    assert f"alice & bob: {ONE_WAY_COUNT}." in finite
    assert "Epsilon" in finite
    assert re.search(r" (1|9\.[5-9])e-1[01] ", finite)
    asymptotic = printed("asymptotic", width)
    assert "asymptotic: no secrecy epsilon; trusted devices; fair sampling" in asymptotic
    assert "Epsilon" not in asymptotic
    assert "for study only" in printed("none", width)
    assert "error correction is modelled" in printed("modelled", width)
    assert link("modelled").f_measured is None
    assert link("modelled").f_charged == pytest.approx(1.2, rel=1e-3)


def test_refusals_are_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """The command line says which key is at fault and why, and returns 2."""
    assert run_command(["validate", "two_user", "--set", "protocol.security=finite"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("netsim: protocol.estimation: reconciled does not go with this")


@pytest.mark.slow
def test_rounds_that_are_enough_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Validating a finite variant tells, link by link, what to expect and what is enough."""
    options = ("--set", "protocol.security=finite", "--set", "protocol.estimation=sample")
    assert run_command(["validate", "fan2025_four_user", *options]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.endswith("6 links, 7 lanes")
    lines = [line for line in lines if "bits of key expected from" in line]
    assert len(lines) == 6
    assert re.fullmatch(
        r"alice & bob: [1-9]\d{4} bits of key expected from 30 s; "
        r"90 % of the best hour takes rounds of 720 s",
        lines[0],
    )
    assert "bob & dave: 0 bits of key expected from 30 s" in lines[4]


def test_best_ratio_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Validating a biased topology tells what the twin holds for the best ratio."""
    overrides = ("protocol.security=two-basis", "protocol.basis=biased")
    options = [item for override in overrides for item in ("--set", override)]
    assert run_command(["validate", "two_user", *options]) == 0
    assert "the twin expects most key at z_probability 0." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("contrast", "changes"),
    [
        (1.0, {}),
        (0.9995, {"reconciliation": "ldpc"}),
        (0.9995, {"error_correction_charge": "both-directions"}),
        (0.998, {"security": "two-basis", "estimation": "reconciled"}),
    ],
)
def test_rounds_of_few_errors_make_what_is_promised(
    contrast: float, changes: dict[str, str]
) -> None:
    """The budget holds what the correction discloses of bits without any error."""
    spec = two_user_topology(rate_hz=20_000.0, contrast=contrast)
    chosen = {"security": "finite", "estimation": "sample", "round_s": 10.0} | changes
    chosen = {"error_correction_charge": "measured"} | chosen
    protocol = spec.protocol.model_copy(update=chosen)
    spec = spec.model_copy(update={"protocol": protocol})
    promised = agree(build_network(spec), ("alice", "bob")).expected_key_bits
    (found,) = simulate(spec, duration_s=10, seed=2).links
    assert promised is not None
    assert promised > 1000
    assert found.counts.blocks_failed == 0
    assert found.counts.deposited_bits == pytest.approx(promised, rel=0.05)
