"""The endpoints of a link in two processes over TCP, with neither SimPy nor the simulator."""

import json
import socket
import subprocess
import sys
from pathlib import Path

from netsim.run import simulate
from netsim.topology.load import load_topology

PROBE = """
import sys
from protocols import demo
demo.main(sys.argv[1:])
loaded = sorted(name for name in sys.modules if name.split(".")[0] in ("simpy", "netsim"))
print(loaded)
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_two_processes_end_with_equal_keys(tmp_path: Path) -> None:
    """Both processes print the same blocks, at least two, and load no simulator."""
    topology = load_topology("two_user", overrides=["protocol.round_s=1.5"])
    simulate(topology, duration_s=4, seed=3, out=tmp_path, save_tags=True)
    secret = tmp_path / "secret.bin"
    subprocess.run([sys.executable, "-m", "protocols.demo", "secret", secret], check=True)
    common = ["run", "--link", str(tmp_path / "tags/alice-bob.json"), "--secret", str(secret)]
    common += ["--port", str(_free_port())]
    ends = [
        subprocess.Popen(
            [sys.executable, "-c", PROBE, *common, "--role", role, "--tags", str(tags)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for role, tags in (
            ("announcer", tmp_path / "tags/alice.npy"),
            ("responder", tmp_path / "tags/bob.npy"),
        )
    ]
    outputs = [end.communicate(timeout=120)[0].splitlines() for end in ends]
    assert [end.returncode for end in ends] == [0, 0]
    assert [lines[1] for lines in outputs] == ["[]", "[]"]
    first, second = (json.loads(lines[0]) for lines in outputs)
    assert first["blocks"] == second["blocks"]
    assert len(first["blocks"]) >= 2
    assert first["alarms"] == second["alarms"] == []
