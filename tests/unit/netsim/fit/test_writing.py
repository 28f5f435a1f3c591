"""A fitted topology is the old text with other numbers, and it runs."""

import difflib
import tomllib
from pathlib import Path

import pytest

from netsim.fit.calibrate import fit_topology
from netsim.fit.results import Fit
from netsim.fit.writing import fitted_text, topology_text
from netsim.topology.load import parse_topology
from netsim.topology.network import build_network
from netsim.twin.prediction import predict
from tests.unit.netsim import sample
from tests.unit.netsim.fit import fan2025
from tests.unit.netsim.topology.texts import STRUCTURED

LOSSES = "qnsp.channels.*.loss_db"


def changed(old: str, new: str) -> list[str]:
    """Lines of ``new`` that ``old`` has not, without those at its head."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0)
    return [line[1:] for line in lines if line.startswith("+") and not line.startswith("+++")]


def test_only_fitted_numbers_change(with_858: Fit) -> None:
    """Eight lines and a head; each says where its number is from and what stood there."""
    text = fitted_text(STRUCTURED, with_858)
    head, *lines = changed(STRUCTURED, text)
    assert head.startswith("# Fitted by netsim fit to fan2025_table2.csv (sha256 ")
    assert head.endswith("8 numbers, 14 data, chi2 1277; marked [fit] fan2025_table2.csv.")
    assert len(lines) == 8
    assert len(text.splitlines()) == len(STRUCTURED.splitlines()) + 1
    assert lines[1] == (
        f"contrast = {with_858.values[fan2025.CONTRAST]}                   "
        "# [fit] fan2025_table2.csv; before: 0.991260 [fit] the same for all processes"
    )
    assert all("# [fit] fan2025_table2.csv; before: " in line for line in lines)
    assert len({line.index("#") for line in lines}) == 1


def test_the_new_text_predicts_what_the_fit_said(with_858: Fit) -> None:
    """The numbers that are judged are those that are written."""
    network = build_network(parse_topology(fitted_text(STRUCTURED, with_858)))
    prediction = predict(network)
    for datum in with_858.data:
        first, second = datum.item.split("&")
        lane = prediction.lane((first, second))
        found = {"n_sift_hz": lane.sifted_hz, "qber": lane.qber, "skr_bps": lane.skr_bps}
        assert datum.fitted == pytest.approx(found[datum.quantity], rel=1e-12)


@pytest.mark.slow
def test_fitting_again_does_not_pile_up(with_858: Fit, tmp_path: Path) -> None:
    """One head, and of the comments only the last number before."""
    path = tmp_path / "once.toml"
    path.write_text(fitted_text(STRUCTURED, with_858))
    again = fit_topology(path, [fan2025.TABLE_2], free=fan2025.EIGHT)
    text = fitted_text(topology_text(path), again)
    assert text.count("# Fitted by netsim fit") == 1
    assert "the same for all processes" not in text
    assert f"before: {with_858.values[fan2025.CONTRAST]}\n" in text


def test_processes_without_an_entry_get_one() -> None:
    """Of all eleven only the two that are free, with the key that was fitted."""
    paths = [f"qnsp.source.pairs.{pair}.contrast" for pair in ("C38&C42", "C54&C26")]
    fit = fit_topology("fan2025_structured", [fan2025.TABLE_2], free=paths)
    text = fitted_text(STRUCTURED, fit)
    pairs = tomllib.loads(text)["qnsp"]["source"]["pairs"]
    assert pairs == [
        {"channels": ["C38", "C42"], "contrast": fit.values["qnsp.source.pairs.C38&C42.contrast"]},
        {"channels": ["C26", "C54"], "contrast": fit.values["qnsp.source.pairs.C26&C54.contrast"]},
    ]
    kept = [line for line in STRUCTURED.splitlines() if line not in text.splitlines()]
    assert kept == []
    assert "\n\n[[qnsp.source.pairs]]\n" in text
    assert "\n\n\n" not in text


def test_inline_tables_are_commented_at_the_head(tmp_path: Path) -> None:
    """No comment can stand within one; sigma, prior and openness are told as well."""
    topology, measured = tmp_path / "t.toml", tmp_path / "m.csv"
    topology.write_text(sample.TWO_USERS)
    measured.write_text("user,singles_hz,singles_sigma_hz\nAlice,20000,200\nBob,20000,200\n")
    fit = fit_topology(
        topology, [measured], free=[LOSSES, "users.Bob.fibre.attenuation_db_per_km"],
        priors=["users.*.fibre.attenuation_db_per_km=0.1"],
    )  # fmt: skip
    text = fitted_text(sample.TWO_USERS, fit)
    parse_topology(text)
    alice = next(line for line in text.splitlines() if "C38.loss_db" in line)
    value = fit.values["qnsp.channels.C38.loss_db"]
    assert alice.startswith(f"# qnsp.channels.C38.loss_db = {value}: [fit] m.csv, sigma 0.044")
    assert alice.endswith("; before: 1.0")
    bob = next(line for line in text.splitlines() if line.startswith("attenuation_db_per_km")
        and "[fit]" in line)  # fmt: skip
    assert "prior 0.1, open by the data alone; before: 0.2" in bob
    assert "leave 1 combinations of them open" in text.splitlines()[1]


def test_a_text_with_windows_line_ends_keeps_them(with_858: Fit) -> None:
    """What an editor on another system wrote stays as it is."""
    text = fitted_text(STRUCTURED.replace("\n", "\r\n"), with_858)
    lines = text.splitlines(keepends=True)[1:]
    assert all(line.endswith("\r\n") for line in lines)
