"""How long an end of the example waits: for its peer, and for one that stands still."""

import asyncio
import json
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from examples.two_processes import command
from examples.two_processes.inputs import mark_of, read_secret, write_secret
from examples.two_processes.meeting import meeting_of
from examples.two_processes.peer import End, distil
from protocols.messages import Role
from tests.support.links import link_config

CONFIG = link_config(initial_pads=64)


@pytest.fixture
def end(tmp_path: Path) -> End:
    """An announcer's end with some tags, on a free port."""
    (tmp_path / "link.json").write_text(json.dumps(CONFIG.flat()))
    write_secret(tmp_path / "secret.bin")
    np.save(tmp_path / "tags.npy", np.arange(0, 4000, 4))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    link, secret, tags = (tmp_path / name for name in ("link.json", "secret.bin", "tags.npy"))
    return End(Role.ANNOUNCER, link, secret, tags, "127.0.0.1", port, 0.3)


def test_nobody_calls(end: End, capsys: pytest.CaptureFixture[str]) -> None:
    """The announcer listens for as long as it was told; its secret stays unused."""
    began_s = time.monotonic()
    files = ("--link", end.link, "--secret", end.secret, "--tags", end.tags)
    run = [*map(str, files), "--role", "announcer", "--port", str(end.port), "--patience", "0.3"]
    with pytest.raises(SystemExit) as stop:
        command.main(["run", *run])
    assert stop.value.code == 1
    assert f"no peer at 127.0.0.1:{end.port} in 0.3 s" in capsys.readouterr().err
    assert 0.3 <= time.monotonic() - began_s < 8.0
    assert not mark_of(end.secret, Role.ANNOUNCER).exists()


def test_a_peer_that_says_nothing_is_given_up(end: End) -> None:
    """It has met the announcer, keeps the connection open and never sends: no wait without end."""

    async def meet_and_keep_silent() -> bool:
        secret = read_secret(end.secret, CONFIG, Role.RESPONDER)
        waiting = asyncio.create_task(distil(end))
        calling = meeting_of(Role.RESPONDER, CONFIG, secret)
        _, writer = await calling.with_peer(end.host, end.port, patience_s=5.0)
        peer = await asyncio.wait_for(waiting, 10.0)
        writer.close()
        return peer.is_closed

    assert not asyncio.run(meet_and_keep_silent())
    assert mark_of(end.secret, Role.ANNOUNCER).exists()
