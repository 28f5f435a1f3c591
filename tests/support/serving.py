"""A serving process of a test, and applications that talk to it."""

import json
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from threading import Timer
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from netsim.delivery.certificates import client_context

ROOT = Path(__file__).parents[2]
CAP_S = 1800.0
"""For a process that neither does what it is to do nor ends, however busy the machine is."""


@dataclass
class Serving:
    """A process of ``netsim serve``, which listens."""

    process: "subprocess.Popen[str]"
    state: Path
    urls: dict[str, str]

    def kill(self) -> None:
        """Kill -9, and whatever it has started with it."""
        self.process.kill()
        self.process.communicate()

    def stop(self) -> int:
        """Tell it to end; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=CAP_S)
        return self.process.returncode

    @property
    def certificates(self) -> Path:
        """Where they are."""
        return self.state / "certificates"

    def ask(
        self,
        sae: str,
        user: str,
        path: str,
        body: bytes | None = None,
        method: str | None = None,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[int, Any]:
        """Code and JSON of one request of ``sae`` at the manager of ``user``."""
        context = client_context(self.certificates, sae)
        return ask(self.urls[user], context, path, body, method, headers=headers)


def ask(
    url: str,
    context: ssl.SSLContext,
    path: str,
    body: bytes | None = None,
    method: str | None = None,
    *,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> tuple[int, Any]:
    """Code and JSON of one request."""
    place = urlsplit(url)
    connection = HTTPSConnection(str(place.hostname), place.port, context=context, timeout=30)
    try:
        connection.request(method or ("GET" if body is None else "POST"), path, body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def serve(source: str | Path, state: Path, *options: str) -> Serving:
    """Start a process at free ports, and wait until it listens."""
    words = ["-m", "netsim", "serve", str(source), "--state", str(state), "--port", "0", *options]
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = _first_lines(process)
    urls = dict(re.findall(r"(\w+) (https://[\d.]+:\d+)", said))
    if not urls:
        raise AssertionError(f"it does not listen, exit code {process.wait(CAP_S)}: {said}")
    return Serving(process, state, urls)


def _first_lines(process: "subprocess.Popen[str]") -> str:
    """What it says until it listens or ends; it is waited for as long as it lives."""
    assert process.stdout is not None
    said, cap = "", Timer(CAP_S, process.kill)
    cap.start()
    try:
        for line in process.stdout:
            said += line
            if "listening" in line:
                break
    finally:
        cap.cancel()
    return said


def key_ids(entries: Sequence[dict[str, str]]) -> bytes:
    """The body of a request for keys by their ids."""
    return json.dumps({"key_IDs": [{"key_ID": entry["key_ID"]} for entry in entries]}).encode()
