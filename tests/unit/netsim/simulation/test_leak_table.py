"""What the rate level knows of error correction is what its ends do."""

import pytest

from netsim.simulation.rate.leak import LeakTable
from netsim.twin.efficiency import Bench, Efficiency

BLOCKS = 60


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
    found = LeakTable(variant).correction(bits, qber)
    assert found.leak_per_bit == pytest.approx(mean, abs=4 * error + 0.03 * mean)


def test_every_point_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds of about one size and error rate share a point."""
    measured = []
    block = Bench.block

    def counted(bench: Bench) -> Efficiency:
        measured.append(bench)
        return block(bench)

    monkeypatch.setattr(Bench, "block", counted)
    table = LeakTable("cascade-yanetal")
    first = table.correction(5000, 0.05)
    seen = len(measured)
    assert table.correction(5010, 0.0501).failure_probability == first.failure_probability
    assert len(measured) == seen


def test_a_lane_without_errors_still_costs_parities() -> None:
    """Ends that know of no errors ask all the same."""
    assert LeakTable("cascade-yanetal").correction(10_000, 0.0).leak_per_bit > 0.0
