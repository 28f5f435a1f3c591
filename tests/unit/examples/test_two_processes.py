"""The example on two sockets: what it refuses, in one line, and that a secret serves one run."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from examples.two_processes import command, peer
from examples.two_processes.inputs import (
    InputError,
    claim_secret,
    mark_of,
    read_link,
    write_secret,
)
from examples.two_processes.meeting import Meeting
from protocols.messages import Role
from tests.support.links import link_config

TAGS = np.arange(0, 4000, 4)
CONFIG = link_config(initial_pads=64)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A directory with a link, a fresh secret and tags."""
    (tmp_path / "link.json").write_text(json.dumps(CONFIG.flat()))
    write_secret(tmp_path / "secret.bin")
    np.save(tmp_path / "tags.npy", TAGS)
    return tmp_path


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """What should have been refused must not wait for a peer."""

    async def unreachable(*_arguments: object) -> None:
        pytest.fail("the input was not refused")

    monkeypatch.setattr(asyncio, "start_server", unreachable)


def arguments(files: Path, role: str = "announcer") -> list[str]:
    named = [("--link", "link.json"), ("--secret", "secret.bin"), ("--tags", "tags.npy")]
    paths = [word for option, name in named for word in (option, str(files / name))]
    return ["run", *paths, "--role", role, "--port", "1"]


def refused(files: Path, capsys: pytest.CaptureFixture[str], role: str = "announcer") -> str:
    """What the command says when it refuses its input: one line, exit code 2, no traceback."""
    with pytest.raises(SystemExit) as stop:
        command.main(arguments(files, role))
    assert stop.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err


def test_description_is_read_back(files: Path) -> None:
    """A link description as ``--save-tags`` writes it gives the configuration it came from."""
    assert read_link(files / "link.json") == CONFIG


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"frame_ps": 0}, "frame_ps: 0 is out of range"),
        ({"frame_ps": 5}, "frame_ps: is shorter than a tick"),
        ({"announcer_tick_ps": 0}, "announcer_tick_ps: 0 is out of range"),
        ({"window_ps": "x"}, "window_ps: Input should be a valid integer"),
        ({"window_ps": True}, "window_ps: Input should be a valid integer"),
        ({"offset_bound_ps": -1}, "offset_bound_ps: -1 is out of range"),
        ({"offset_bound_ps": 10**30}, "offset_bound_ps: 1e+30 is out of range"),
        ({"offset_bound_ps": 10**18}, "no search for the other clock would end"),
        ({"rate_bound_ppm": float("nan")}, "rate_bound_ppm: nan is out of range"),
        ({"lane_delays_ps": []}, "lane_delays_ps: at least one"),
        ({"lane_delays_ps": [2, 1]}, "lane_delays_ps: at least one, ascending"),
        ({"lane_delays_ps": 7}, "lane_delays_ps: Input should be a valid array"),
        ({"reconciliation": "prayer"}, "reconciliation 'prayer'"),
        ({"charge": "none"}, "charge: Input should be"),
        ({"colour": "red"}, "'colour': unknown field"),
    ],
)
def test_impossible_links(
    files: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, object], expected: str
) -> None:
    """Each field of another type or out of range is named, before anything else is done."""
    (files / "link.json").write_text(json.dumps(CONFIG.flat() | changes))
    assert expected in refused(files, capsys)


@pytest.mark.parametrize("text", ["", "[]", "7", "{", "{}", "[" * 100_000, "\udcff"])
def test_files_that_are_no_link(files: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    """What is no JSON object, or an empty one, is refused in one line."""
    (files / "link.json").write_bytes(text.encode(errors="surrogateescape"))
    assert "link.json: " in refused(files, capsys)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (TAGS[::-1], "not in ascending order"),
        (TAGS.reshape(2, -1), "no one-dimensional array of int64"),
        (TAGS.astype(str), "no one-dimensional array of int64"),
        (np.array([1.0, np.nan]), "no one-dimensional array of int64"),
        (np.array([0, 2**62 - 1]), "does not fit into 64 bits"),
        (np.array([0, 2**58]), "frames, more than"),
    ],
)
def test_impossible_tags(
    files: Path, capsys: pytest.CaptureFixture[str], tags: NDArray[np.int64], expected: str
) -> None:
    """Tags of another shape or type, out of order or out of range, are refused in one line."""
    np.save(files / "tags.npy", tags)
    assert expected in refused(files, capsys)


@pytest.mark.parametrize("name", ["link.json", "secret.bin", "tags.npy"])
def test_missing_files(files: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """Each is named with the reason."""
    (files / name).unlink()
    assert f"{name}: cannot be read: No such file" in refused(files, capsys)


@pytest.mark.parametrize("content", [b"", b"junk" * 100, b"\x93NUMPY\x01\x00"])
def test_files_that_are_no_arrays(
    files: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    """Bytes that NumPy cannot read are refused in one line."""
    (files / "tags.npy").write_bytes(content)
    assert "tags.npy: is no .npy file of tags" in refused(files, capsys)


def test_secret_of_another_size(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A secret without all the pads of the link is refused."""
    (files / "secret.bin").write_bytes(bytes(50))
    assert "holds 50 bytes, the link needs 2112" in refused(files, capsys)


def test_secret_serves_one_run_of_each_role(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second run of a role with one secret is refused; its peer may use the same file."""
    secret = files / "secret.bin"
    claim_secret(secret, Role.ANNOUNCER)
    assert "the announcer has used it: pads sign once" in refused(files, capsys)
    claim_secret(secret, Role.RESPONDER)
    assert "the responder has used it" in refused(files, capsys, "responder")
    with pytest.raises(InputError, match="has used it"):
        claim_secret(secret, Role.ANNOUNCER)


def test_run_uses_its_secret_up(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mark is on the disk before the endpoint with the pads is made, and only once ends met."""
    secret, marks = files / "secret.bin", []

    async def meet(
        meeting: Meeting, host: str, port: int, *, patience_s: float
    ) -> tuple[None, None]:
        _ = host, port, patience_s
        marks.append(mark_of(secret, meeting._role).exists())
        return None, None

    def build(config: object, role: Role, found: bytes, dead_ticks: int) -> None:
        _ = config, found, dead_ticks
        marks.append(mark_of(secret, role).exists())
        raise KeyboardInterrupt

    monkeypatch.setattr(Meeting, "with_peer", meet)
    monkeypatch.setattr(peer, "_build", build)
    with pytest.raises(KeyboardInterrupt):
        command.main(arguments(files))
    assert marks == [False, True]


def test_secrets_are_not_overwritten(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that exists stays; a fresh secret in its place is unused, and its owner's alone."""
    secret = files / "secret.bin"
    before = secret.read_bytes()
    with pytest.raises(SystemExit) as stop:
        command.main(["secret", str(secret)])
    assert stop.value.code == 2
    assert "exists already" in capsys.readouterr().err
    assert secret.read_bytes() == before
    claim_secret(secret, Role.ANNOUNCER)
    secret.unlink()
    command.main(["secret", str(secret)])
    assert secret.read_bytes() != before
    assert secret.stat().st_mode & 0o077 == 0
    claim_secret(secret, Role.ANNOUNCER)


def test_nobody_listens(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a peer the responder says so with exit code 1, and its secret stays unused."""
    with pytest.raises(SystemExit) as stop:
        command.main([*arguments(files, "responder"), "--patience", "0.2"])
    assert stop.value.code == 1
    assert "no peer at 127.0.0.1:1 in 0.2 s" in capsys.readouterr().err
    assert not mark_of(files / "secret.bin", Role.RESPONDER).exists()
