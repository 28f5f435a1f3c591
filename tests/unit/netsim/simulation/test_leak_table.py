"""What the rate level knows of error correction is what its ends do."""

from dataclasses import replace

import numpy as np
import pytest

from netsim.simulation.rate.leak import Correction, LeakTable
from netsim.twin.efficiency import Bench, Efficiency

BLOCKS = 60


def correction(table: LeakTable, bits: int, qber: float) -> Correction:
    """Of one block whose error rate is known from those before."""
    counts = np.array([bits]), np.array([round(bits * qber)])
    return table.corrections(*counts, guess=0.05, is_guessed=np.array([False]))


def leak_per_bit(variant: str, qber: float, bits: int) -> tuple[float, float]:
    """Mean and standard error of blocks of exactly this kind."""
    bench = Bench(variant, qber, bits, seed=99, learns=True)
    leaks = [bench.block().leak_bits / bits for _ in range(BLOCKS)]
    mean = sum(leaks) / BLOCKS
    variance = sum((leak - mean) ** 2 for leak in leaks) / (BLOCKS - 1)
    return mean, (variance / BLOCKS) ** 0.5


@pytest.mark.parametrize(
    "variant",
    [
        "cascade-yanetal",
        pytest.param("cascade-option8", marks=pytest.mark.slow),
        pytest.param("ldpc", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(("qber", "bits"), [(0.034, 9_000), (0.071, 23_000)])
def test_between_points_it_is_right(variant: str, qber: float, bits: int) -> None:
    """Within 3 % of blocks of that very size and error rate, four standard errors besides."""
    mean, error = leak_per_bit(variant, qber, bits)
    found = correction(LeakTable(variant), bits, qber)
    assert float(found.leak_per_bit[0]) == pytest.approx(mean, abs=4 * error + 0.03 * mean)


def test_every_point_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds of about one size and error rate share a point."""
    measured = []
    block = Bench.block

    def counted(bench: Bench) -> Efficiency:
        measured.append(bench)
        return block(bench)

    monkeypatch.setattr(Bench, "block", counted)
    table = LeakTable("cascade-yanetal")
    first = correction(table, 5000, 0.05)
    seen = len(measured)
    assert correction(table, 5010, 0.0501).failure_probability == first.failure_probability
    assert len(measured) == seen


def test_a_block_that_fails_is_one_of_a_hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of large blocks, of which fewer made one failure an eighth of all rounds.

    Those whose rate is guessed are too few to tell, and are taken for failing as often.
    """
    measured = []
    block = Bench.block

    def third_fails(bench: Bench) -> Efficiency:
        measured.append(bench)
        return replace(block(bench), failed=int(len(measured) % 100 == 3))

    monkeypatch.setattr(Bench, "block", third_fails)
    bits, errors = np.array([2**20] * 2), np.array([30_000] * 2)
    found = LeakTable("cascade-option7").corrections(
        bits, errors, guess=0.05, is_guessed=np.array([False, True])
    )
    assert found.failure_probability.tolist() == [0.01, 0.01]


def test_a_lane_without_errors_still_costs_parities() -> None:
    """Ends that know of no errors ask all the same."""
    assert correction(LeakTable("cascade-yanetal"), 10_000, 0.0).leak_per_bit[0] > 0.0


def test_blocks_are_looked_up_each_by_itself() -> None:
    """Of any shape; one without bits costs nothing, one whose rate is guessed costs more trips."""
    table = LeakTable("cascade-yanetal")
    bits, errors = np.array([[5000, 0], [9000, 5000]]), np.array([[250, 0], [90, 250]])
    is_guessed = np.array([[False, False], [False, True]])
    found = table.corrections(bits, errors, guess=0.2, is_guessed=is_guessed)
    for place in ((0, 0), (1, 0)):
        alone = correction(table, int(bits[place]), errors[place] / bits[place])
        assert [each[place] for each in found] == [each[0] for each in alone]
    assert [each[0, 1] for each in found] == [0.0] * 4
    assert found.leak_per_bit[1, 1] > found.leak_per_bit[0, 0]
