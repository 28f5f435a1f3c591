"""What a fit finds, how sure it is, and what it refuses; on two users and made-up measurements."""

import math
from pathlib import Path

import numpy as np
import pytest

from netsim.errors import ConfigError
from netsim.fit.calibrate import fit_topology
from netsim.fit.degeneracy import sparse_basis
from netsim.fit.results import Fit, fit_json
from netsim.topology.load import load_topology, parse_topology
from netsim.topology.network import build_network
from netsim.twin.prediction import Prediction, predict
from tests.unit.netsim.topology.texts import TWO_USERS, damaged

LOSSES = "qnsp.channels.*.loss_db"
BRIGHTNESS = "qnsp.source.brightness_hz_per_mw2"
CONTRAST = "qnsp.source.contrast"


def predicted(*overrides: str) -> Prediction:
    """The twin of two users."""
    return predict(build_network(load_topology("two_user", overrides=overrides)))


def tables(tmp_path: Path, *overrides: str, sigma: float | None = None) -> list[Path]:
    """What two users with ``overrides`` would measure exactly; a relative sigma, if any."""
    prediction = predicted(*overrides)
    lane = prediction.lanes[0]
    lanes, users = tmp_path / "lanes.csv", tmp_path / "users.csv"
    cells = _cells(lane.sifted_hz, sigma) + _cells(lane.qber, sigma)
    header = "channels,n_sift_hz,n_sift_sigma_hz,qber,qber_sigma"
    lanes.write_text(f"{header}\n{','.join(['C38&C42', *cells])}\n")
    rows = [",".join([user.name, *_cells(user.singles_hz, sigma)]) for user in prediction.users]
    users.write_text("\n".join(["user,singles_hz,singles_sigma_hz", *rows]))
    return [lanes, users]


def _cells(value: float, sigma: float | None) -> list[str]:
    return [str(value), "" if sigma is None else str(sigma * value)]


def number(fit: Fit, path: str) -> float:
    """Fitted value."""
    return fit.values[path]


def refused(tmp_path: Path, *, free: list[str], measured: list[Path] | None = None) -> str:
    """The one fault of a fit that must be refused."""
    with pytest.raises(ConfigError) as error:
        fit_topology("two_user", measured or tables(tmp_path), free=free)
    (fault,) = error.value.faults
    return str(fault)


def test_numbers_are_found_again(tmp_path: Path) -> None:
    """Four numbers that four exact figures fix, far from the start, to 1e-6."""
    truth = (f"{BRIGHTNESS}=3.1e6", f"{CONTRAST}=0.93", "qnsp.channels.C38.loss_db=4.0",
        "qnsp.channels.C42.loss_db=1.2")  # fmt: skip
    fit = fit_topology("two_user", tables(tmp_path, *truth), free=[BRIGHTNESS, CONTRAST, LOSSES])
    assert fit.is_converged
    assert fit.chi2 < 1e-9
    assert fit.open_combinations == fit.faint_combinations == ()
    for override in truth:
        path, value = override.split("=")
        assert number(fit, path) == pytest.approx(float(value), rel=1e-6)
    assert all(datum.residual == pytest.approx(0, abs=1e-6) for datum in fit.data)


def test_a_crystal_is_fitted_like_a_ring(tmp_path: Path) -> None:
    """Brightness per mW and contrast of an SPDC source, from its lane and the users' singles."""
    source = TWO_USERS[TWO_USERS.index("[qnsp.source]") : TWO_USERS.index("[[qnsp.channels]]")]
    crystal = """[qnsp.source]
kind = "spdc"
brightness_hz_per_mw = 1e6
pump_power_mw = 2.0
sum_labels = 80
linewidth_hz = 5e8
coupling_loss_db = 1.0
contrast = 0.9

"""
    text, topology = damaged(TWO_USERS, source, crystal), tmp_path / "spdc.toml"
    topology.write_text(text)
    truth = {"qnsp.source.brightness_hz_per_mw": 2.2e6, CONTRAST: 0.96}
    overrides = [f"{path}={value}" for path, value in truth.items()]
    prediction = predict(build_network(parse_topology(text, overrides=overrides)))
    lane, measured = prediction.lanes[0], tmp_path / "m.csv"
    measured.write_text(f"channels,n_sift_hz,qber\nC38&C42,{lane.sifted_hz},{lane.qber}")
    fit = fit_topology(topology, [measured], free=list(truth))
    assert fit.values == pytest.approx(truth, rel=1e-6)


def test_a_tie_moves_all_its_places(tmp_path: Path) -> None:
    """One loss for both channels."""
    truth = [f"qnsp.channels.{channel}.loss_db=3.3" for channel in ("C38", "C42")]
    fit = fit_topology("two_user", tables(tmp_path, *truth), free=[], common=[LOSSES])
    assert len(fit.numbers) == 1
    assert list(fit.values.values()) == [pytest.approx(3.3, abs=1e-6)] * 2


def test_two_losses_on_one_way_cannot_be_told_apart(tmp_path: Path) -> None:
    """2 km of fibre to bob: -0.2 dB/km are +0.4 dB elsewhere; the start decides."""
    attenuation = "users.bob.fibre.attenuation_db_per_km"
    loss = "qnsp.channels.C42.loss_db"
    fit = fit_topology("two_user", tables(tmp_path, f"{loss}=3.0"), free=[loss, attenuation])
    (combination,) = fit.open_combinations
    by_path = {change.path: change for change in combination.changes}
    plus, factor = by_path[loss].plus, by_path[attenuation].factor
    assert plus is not None
    assert factor is not None
    fitted_db_per_km = number(fit, attenuation)
    assert plus == pytest.approx(-2 * fitted_db_per_km * math.log(factor), rel=1e-4)
    assert all(found.is_open for found in fit.numbers)
    assert number(fit, loss) + 2 * fitted_db_per_km == pytest.approx(3.4, abs=1e-5)
    assert number(fit, loss) < 3.0


def test_sigma_of_a_contrast_is_that_of_its_error_rate(tmp_path: Path) -> None:
    """QBER = (1 - V0 T / N) / 2: sigma of V0 is 2 N / T that of QBER; all else is fixed."""
    measured = tables(tmp_path, sigma=0.02)
    fit = fit_topology("two_user", measured[:1], free=[CONTRAST])
    lane = predicted().lanes[0]
    expected = 2 * lane.sifted_hz / lane.true_hz * 0.02 * lane.qber
    assert fit.numbers[0].sigma == pytest.approx(expected, rel=1e-4)


def test_sigma_of_a_rate_is_relative(tmp_path: Path) -> None:
    """Singles of 1 % each, two users: brightness to 0.7 %, less what darks make of it."""
    measured = tables(tmp_path, sigma=0.01)
    fit = fit_topology("two_user", measured[1:], free=[BRIGHTNESS])
    sigma, value = fit.numbers[0].sigma, fit.numbers[0].fitted
    assert sigma == pytest.approx(value * 0.01 / math.sqrt(2), rel=0.02)


def test_sigmas_add_up_with_what_is_known(tmp_path: Path) -> None:
    """A prior as wide as the data's sigma makes it smaller by the root of 2; open ones have it."""
    measured = tables(tmp_path, sigma=0.02)
    alone = fit_topology("two_user", measured, free=[CONTRAST])
    sigma = alone.numbers[0].sigma
    both = fit_topology("two_user", measured, free=[CONTRAST], priors=[f"{CONTRAST}={sigma}"])
    assert sigma is not None
    assert both.numbers[0].sigma == pytest.approx(sigma / math.sqrt(2), rel=1e-4)
    attenuation = "users.bob.fibre.attenuation_db_per_km"
    paths = ["qnsp.channels.C42.loss_db", attenuation]
    still_open = fit_topology("two_user", measured, free=paths)
    assert [found.sigma for found in still_open.numbers] == [None, None]
    known = fit_topology("two_user", measured, free=paths, priors=[f"{attenuation}=0.5"])
    assert known.numbers[1].sigma == pytest.approx(0.1, rel=0.01)


def test_a_prior_pulls_to_the_start(tmp_path: Path) -> None:
    """Data of 1 % and a prior of 1 % meet half way, on the logarithm."""
    start = 5.36e6
    measured = tables(tmp_path, f"{BRIGHTNESS}={1.02 * start}")
    fit = fit_topology("two_user", measured[1:], free=[BRIGHTNESS], priors=[f"{BRIGHTNESS}=0.01"])
    # Two users' singles weigh twice as much as the prior.
    assert number(fit, BRIGHTNESS) == pytest.approx(start * 1.02 ** (2 / 3), rel=2e-4)


def test_a_bound_is_kept_and_told(tmp_path: Path) -> None:
    """An error rate that would take a contrast above 1: it stays there, without a sigma."""
    measured = tables(tmp_path, sigma=0.02)
    text = measured[0].read_text()
    qber = predicted(f"{CONTRAST}=1.0").lanes[0].qber
    head, row = text.splitlines()
    cells = row.split(",")
    measured[0].write_text(f"{head}\n{','.join([*cells[:3], str(0.9 * qber), cells[4]])}")
    fit = fit_topology("two_user", measured[:1], free=[CONTRAST])
    assert fit.numbers[0].bound == "upper"
    assert fit.numbers[0].fitted == pytest.approx(1.0, abs=1e-6)
    assert fit.numbers[0].sigma is None


def test_numbers_without_effect_are_left_alone(tmp_path: Path) -> None:
    """A phase counts, a published figure and an unpaired process's contrast do not."""
    fit = fit_topology(
        "two_user",
        tables(tmp_path),
        free=["qnsp.source.pairs.*.contrast", "protocol.initial_qber"],
    )
    assert [found.paths for found in fit.numbers] == [("qnsp.source.pairs.C38&C42.contrast",)]
    assert "protocol.initial_qber" in fit.idle
    assert len(fit.idle) == 1 + 4


def test_too_few_data_are_refused(tmp_path: Path) -> None:
    """Five free numbers, four figures; a prior on one of them makes up for it."""
    free = [BRIGHTNESS, CONTRAST, LOSSES, "qnsp.source.escape_loss_db"]
    assert refused(tmp_path, free=free).startswith(
        "--free: 5 free numbers, but only 4 independent data: measure more"
    )
    known = fit_topology(
        "two_user", tables(tmp_path), free=free, priors=["qnsp.source.escape_loss_db=0.5"]
    )
    assert known.degrees_of_freedom == 0
    assert refused(tmp_path, free=["protocol.initial_qber"]) == (
        "--free: no datum depends on protocol.initial_qber"
    )


def test_numbers_that_contradict_each_other_are_faults(tmp_path: Path) -> None:
    """A bound that the search moves below the value it bounds: a fault with its path."""
    topology = tmp_path / "t.toml"
    clock = "rate_bound_ppm = 0.5"
    text = damaged(TWO_USERS, clock, f"{clock}\nrate_ppm = 0.5")
    topology.write_text(text)
    with pytest.raises(ConfigError, match=r"receivers\.bench\.clock: rate_ppm lies outside"):
        fit_topology(topology, tables(tmp_path), free=["receivers.bench.clock.rate_bound_ppm"])


def test_faint_combinations_are_told(tmp_path: Path) -> None:
    """Darks of 100 Hz in 138 kHz: 10 % of them change no figure of 1 % by one sigma."""
    dark = "receivers.bench.detectors.0.dark_rate_hz"
    fit = fit_topology("two_user", tables(tmp_path), free=[dark])
    (combination,) = fit.faint_combinations
    (change,) = combination.changes
    assert change.path == dark
    assert change.factor == pytest.approx(1.1)
    before, after = predicted(), predicted(f"{dark}=110")
    changes = [
        math.log(one / other) / 0.01
        for one, other in (
            (after.lanes[0].sifted_hz, before.lanes[0].sifted_hz),
            (after.lanes[0].qber, before.lanes[0].qber),
            *((after.users[i].singles_hz, before.users[i].singles_hz) for i in (0, 1)),
        )
    ]
    assert combination.effect_sigma == pytest.approx(math.hypot(*changes), rel=0.1)
    assert combination.effect_sigma < 0.1


def test_json_has_it_all(tmp_path: Path) -> None:
    """Valid JSON without NaN, twice if there is a second fit; the same for the same input."""
    measured = tables(tmp_path)
    fits = [fit_topology("two_user", measured, free=[LOSSES]) for _ in range(2)]
    assert fit_json(fits[0]) == fit_json(fits[1])
    assert '"against": {' in fit_json(fits[0], fits[1])


def test_sparse_basis_spans_the_same_space() -> None:
    """Two hidden pairs and a triple, mixed at random, come out as such."""
    hidden = np.zeros((3, 8))
    hidden[0, [0, 5]] = 1.0, -0.5
    hidden[1, [2, 6]] = 1.0, 1.0
    hidden[2, [1, 3, 7]] = 0.2, 1.0, -0.3
    mixed = np.random.default_rng(1).normal(size=(3, 3)) @ hidden
    directions = np.linalg.svd(mixed, full_matrices=False)[2]
    found = sparse_basis(directions)
    assert found == pytest.approx(hidden)
    assert sparse_basis(np.zeros((0, 8))).shape == (0, 8)
