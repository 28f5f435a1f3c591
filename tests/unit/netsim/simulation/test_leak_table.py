"""What the rate level knows of error correction is what its ends do."""

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


def test_a_block_that_fails_is_one_of_a_hundred() -> None:
    """Of large blocks a few fail at these error rates, and none stands for a tenth of all rounds.

    Of 400 at 2^14 bits and 200 at 2^16 bits 0.5 % did, by the ends themselves: up to four of a
    hundred are within 4 sigma.
    """
    table = LeakTable("cascade-yanetal")
    bits, errors = np.array([131_072] * 2), np.array([6094] * 2)
    guessed = np.array([False, True])
    found = table.corrections(bits, errors, guess=0.05, is_guessed=guessed).failure_probability
    assert found[0] == found[1] <= 0.04
    assert found[0] * 100 == round(found[0] * 100)


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
