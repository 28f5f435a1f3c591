"""Progress as text: one line, not too often, whole at the end."""

import io

import pytest

import netsim
from netsim.watch import TextProgress


def test_one_line_that_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing between two moments that are close, the last always."""
    now_s = iter([0.0, 0.1, 0.6, 0.7])
    monkeypatch.setattr("netsim.watch.time.monotonic", lambda: next(now_s))
    stream = io.StringIO()
    tell = TextProgress(4, "runs", stream=stream)
    for done in (1, 2, 3, 4):
        tell(done)
    assert stream.getvalue() == "\r1 of 4 runs\r3 of 4 runs\r4 of 4 runs\n"


def test_runs_and_sweeps_tell(capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, up to all of it; nothing unless it is asked for."""
    quick = {"protocol.round_s": 30}
    netsim.simulate("two_user", duration_s=60, fidelity="rate", overrides=quick, progress=True)
    assert capsys.readouterr().err.endswith("60 of 60 s of light\n")
    netsim.simulate("two_user", duration_s=60, fidelity="rate", overrides=quick)
    over = {"users.*.fibre.length_m": [0, 1000]}
    assert capsys.readouterr().err == ""
    netsim.sweep("two_user", over, duration_s=60, fidelity="rate", progress=True)
    assert capsys.readouterr().err.endswith("\r2 of 2 runs\n")
