"""`netsim reconcile`: what is measured of an error correction, and how it is told."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.cli import run_command
from netsim.cli.interrupt import StopOnInterrupt
from netsim.errors import ConfigError
from netsim.studies.reconcile import measure, parse_qbers
from netsim.twin.efficiency import Efficiency
from netsim.watch import Watch
from protocols.codec import encode
from protocols.keylength.keyrate import binary_entropy
from protocols.messages import Envelope, ParityQuery, Role
from protocols.reconciliation.interface import (
    Reconciliation,
    ReconcilingAnnouncer,
    ReconcilingResponder,
)
from protocols.variants import RECONCILIATIONS
from tests.support.third_party import registered

KEYS = [
    "variant",
    "qber",
    "block_bits",
    "blocks",
    "failed",
    "f_mean",
    "f_std",
    "leak_bits_mean",
    "rounds_mean",
    "wire_bytes_mean",
    "residual_errors",
    "mbit_per_s",
]
SMALL = ("--block", "2000", "--blocks", "4")


class Recorder(Reconciliation):
    """Cascade, with what it was given and what went to and fro written down."""

    def __init__(self, *, corrects: bool = True) -> None:
        self.cascade = RECONCILIATIONS.get("cascade-yanetal")
        self.corrects = corrects
        self.given: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]] = []
        self.estimates: list[float] = []
        self.seeds: list[int] = []

    def announcer(
        self, bits: NDArray[np.uint8], *, error_rate: float, seed: int
    ) -> ReconcilingAnnouncer:
        """Cascade's."""
        self.given.append((bits, bits))
        self.estimates.append(error_rate)
        self.seeds.append(seed)
        return self.cascade.announcer(bits, error_rate=error_rate, seed=seed)

    def responder(
        self, bits: NDArray[np.uint8], *, error_rate: float, seed: int
    ) -> ReconcilingResponder:
        """Cascade's, or one that asks nothing."""
        self.given[-1] = (self.given[-1][0], bits)
        end = self.cascade.responder(bits, error_rate=error_rate, seed=seed)
        if not self.corrects:
            end.next_query = lambda: None  # type: ignore[method-assign]
        return end


def recorded(*, corrects: bool = True, blocks: int = 5) -> tuple[Recorder, Efficiency]:
    """A measurement at 5 %, and what its variant saw; the first block only compiles."""
    recorder = Recorder(corrects=corrects)
    with registered("reconciliation", "recorder", lambda: recorder):
        found = measure("recorder", qber=0.05, block_bits=3000, blocks=blocks)
    return recorder, found


def test_f_is_parities_over_the_entropy_of_the_block() -> None:
    """Mean, deviation and leak are those of the blocks that the variant has seen, and no others."""
    recorder, found = recorded()
    efficiencies, leaks = [], []
    for (bits, received), seed in zip(recorder.given[1:], recorder.seeds[1:], strict=True):
        announcer = recorder.cascade.announcer(bits, error_rate=0.05, seed=seed)
        responder = recorder.cascade.responder(received, error_rate=0.05, seed=seed)
        while (query := responder.next_query()) is not None:
            responder.handle_answer(announcer.answer(query))
        rate = float(np.mean(bits != received))
        leaks.append(announcer.parities_disclosed)
        efficiencies.append(leaks[-1] / (bits.size * binary_entropy(rate)))
    assert len(efficiencies) == 5
    assert found.f_mean == pytest.approx(np.mean(efficiencies), rel=1e-12)
    assert found.f_std == pytest.approx(np.std(efficiencies, ddof=1), rel=1e-6)
    assert found.summary()["leak_bits_mean"] == pytest.approx(np.mean(leaks), rel=1e-12)
    assert set(recorder.estimates) == {0.05}
    assert found.failed == found.residual_errors == 0


def test_blocks_are_fair_bits_with_independent_errors() -> None:
    """Over 60,000 bits, ones and errors are as many as they should be, within five sigma."""
    recorder, _ = recorded(blocks=20)
    bits = np.concatenate([bits for bits, _ in recorder.given])
    errors = bits != np.concatenate([received for _, received in recorder.given])
    for hits, probability in ((bits, 0.5), (errors, 0.05), (errors[1:] & errors[:-1], 0.0025)):
        sigma = math.sqrt(bits.size * probability * (1 - probability))
        assert abs(hits.sum() - probability * bits.size) < 5 * sigma
    assert len(set(recorder.seeds)) == len(recorder.seeds) == 21


def test_a_block_left_wrong_fails_by_its_hash() -> None:
    """Without correction every block fails, its errors are counted, and nothing goes unnoticed."""
    recorder, found = recorded(corrects=False)
    errors = sum(int(np.count_nonzero(bits != received)) for bits, received in recorder.given[1:])
    assert (found.failed, found.blocks, found.undetected) == (5, 5, 0)
    assert found.residual_errors == errors
    assert found.f_mean is None
    assert found.round_trips == found.leak_bits == 0


def test_bytes_are_those_of_the_messages() -> None:
    """A block without errors or bits to speak of: set-up, questions, answers, the end."""
    found = measure("cascade-yanetal", qber=0.0, block_bits=1, blocks=3)
    per_block = found.summary()["wire_bytes_mean"]
    query = len(encode(Envelope("a-b", Role.RESPONDER, 1, 1, ParityQuery((b"12",)))))
    assert found.round_trips >= 3
    assert query < per_block < 100 * found.round_trips
    more = measure("cascade-yanetal", qber=0.05, block_bits=2000, blocks=3)
    # Each parity is a bit of an answer, each question beyond the first of a pass a byte or more.
    assert more.wire_bytes > more.leak_bits / 8 + 20 * more.round_trips


def test_same_seed_same_blocks_for_all() -> None:
    """Repeated, and as the beginning of a longer measurement, the figures are the same."""
    short, again, long = (
        measure("cascade-option8", qber=0.03, block_bits=2000, blocks=n, seed=4) for n in (3, 3, 6)
    )
    other = measure("cascade-option8", qber=0.03, block_bits=2000, blocks=3, seed=5)
    speed = {"mbit_per_s"}
    rows = [{k: v for k, v in e.summary().items() if k not in speed} for e in (short, again, other)]
    assert rows[0] == rows[1] != rows[2]
    assert 0 < short.leak_bits < long.leak_bits
    assert (short + short).summary()["f_mean"] == pytest.approx(short.f_mean)
    with pytest.raises(ValueError, match="different kinds"):
        short + measure("cascade-option8", qber=0.04, block_bits=2000, blocks=1)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.034", (0.034,)),
        (" 0.01, 0.05 ", (0.01, 0.05)),
        ("0.01:0.09:0.01", (0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09)),
        ("0.01:0.1:0.04", (0.01, 0.05, 0.09)),
        ("0.02:0.02:1,1e-3,0.02", (0.02, 0.001)),
    ],
)
def test_rates_are_numbers_lists_and_ranges(text: str, values: tuple[float, ...]) -> None:
    """The last of a range is in it, decimals stay what they are, nothing comes twice."""
    assert parse_qbers(text) == values


@pytest.mark.parametrize(
    "text", ["", "x", "0.1:0.2", "0.2:0.1:0.01", "0.1:0.2:0", "1:2:3:4", "nan", "inf", "0:0.4:1e-9"]
)
def test_other_texts_are_no_rates(text: str) -> None:
    """Nonsense, open and endless ranges are refused."""
    with pytest.raises(ValueError, match=r"is no|too many"):
        parse_qbers(text)


def test_all_faults_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Unknown variants and values out of range come together, one line each."""
    bad = ("--variant", "magic", "--qber", "0.5", "--block", "0", "--blocks", "0")
    assert run_command(["reconcile", *bad]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert all(word in line for word, line in zip(bad[::2], lines, strict=True))
    assert run_command(["reconcile", "--qber", "much"]) == 2
    assert "is no number" in capsys.readouterr().err


def test_variants_that_take_no_such_blocks_say_so() -> None:
    """A ValueError of a variant is the fault of who asked for such blocks."""

    class Picky(Recorder):
        def announcer(
            self, bits: NDArray[np.uint8], *, error_rate: float, seed: int
        ) -> ReconcilingAnnouncer:
            raise ValueError(f"no code for {bits.size} bits at {error_rate} with {seed}")

    with (
        registered("reconciliation", "picky", Picky),
        pytest.raises(ConfigError, match="picky: no code for 2000 bits at"),
    ):
        measure("picky", qber=0.05, block_bits=2000, blocks=1)


def test_json_has_the_keys_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    """One measurement is an object with just these keys; several are a list of them."""
    assert run_command(["reconcile", "--variant", "cascade-yanetal", *SMALL, "--json"]) == 0
    streams = capsys.readouterr()
    found = json.loads(streams.out)
    assert streams.err == ""
    assert list(found) == KEYS
    assert (found["variant"], found["qber"]) == ("cascade-yanetal", 0.034)
    assert (found["block_bits"], found["blocks"]) == (2000, 4)
    assert 1.0 < found["f_mean"] < 1.2
    assert found["mbit_per_s"] > 0
    both = ("--variant", "cascade-yanetal,cascade-original", "--qber", "0.02,0.03")
    assert run_command(["reconcile", *both, *SMALL, "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert [(e["variant"], e["qber"]) for e in entries] == [
        (name, rate) for name in both[1].split(",") for rate in (0.02, 0.03)
    ]


def test_out_keeps_table_and_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON, CSV and both plots; the CSV holds what the JSON holds, the plot a line a variant."""
    out = tmp_path / "out"
    options = ("--variant", "cascade-yanetal,cascade-original", "--qber", "0.02,0.05")
    assert run_command(["reconcile", *options, *SMALL, "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        f"reconcile.{suffix}" for suffix in ("csv", "html", "json", "svg")
    ]
    entries = json.loads((out / "reconcile.json").read_text())
    with (out / "reconcile.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [list(row) for row in rows] == [KEYS] * 4
    assert [float(row["f_mean"]) for row in rows] == [entry["f_mean"] for entry in entries]
    svg = (out / "reconcile.svg").read_text()
    assert all(word in svg for word in ("cascade-yanetal", "cascade-original", "QBER [%]"))
    assert run_command(["reconcile", *SMALL, "--out", str(out)]) == 2
    assert "--force" in capsys.readouterr().err


@pytest.mark.parametrize("columns", ["80", "120"])
def test_table_fits_and_carries_notes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    """A row a variant within the console; a study variant has no f and says why."""
    monkeypatch.setenv("COLUMNS", columns)
    assert run_command(["reconcile", "--variant", "cascade-original,modelled", *SMALL]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= int(columns)
    (row,) = [line for line in text.splitlines() if line.startswith("modelled ")]
    assert row.split()[2:5] == ["-", "-", "0/4"]
    assert "modelled: error correction is modelled" in " ".join(text.split())


def test_stopped_command_shows_what_there_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C after six of eight blocks: two rows, the second short, and exit code 130."""
    asked = iter([False] * 6 + [True] * 9)
    monkeypatch.setattr(StopOnInterrupt, "should_stop", lambda _self: next(asked))
    options = ("--variant", "cascade-yanetal,cascade-original,cascade-option8", "--json")
    assert run_command(["reconcile", *SMALL, *options]) == 130
    streams = capsys.readouterr()
    assert [entry["blocks"] for entry in json.loads(streams.out)] == [4, 2]
    assert streams.err == "netsim: stopped before all blocks were done\n"


def test_stopped_measurements_show_what_there_is() -> None:
    """A wish to stop ends after the current block, and the sums are those of the blocks done."""
    done: list[int] = []
    found = measure(
        "cascade-yanetal",
        qber=0.05,
        block_bits=500,
        blocks=50,
        watch=Watch(done.append, lambda: len(done) >= 7),
    )
    assert (found.blocks, done) == (7, list(range(1, 8)))
