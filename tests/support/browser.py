"""A headless browser, where the system has one: what a page becomes there."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
LOAD_MS = 15_000
NOWHERE = "MAP * ~NOTFOUND"
"""Every request to a host fails."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a browser made of a page.

    Attributes
    ----------
    html : str
        After all scripts.
    complaints : list of str
        Of its console, failed requests included.
    """

    html: str
    complaints: list[str]


def see(page: Path, profile: Path) -> Seen:
    """Load a page; the test is skipped where there is no browser."""
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    if browser is None:
        pytest.skip("there is no Chromium here")
    done = subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"),
            *(f"--user-data-dir={profile}", f"--virtual-time-budget={LOAD_MS}", "--dump-dom"),
            *("--window-size=1400,1000", f"--host-resolver-rules={NOWHERE}", page.as_uri()),
        ],
        capture_output=True,
        check=True,
        text=True,
        timeout=120,
    )
    return Seen(done.stdout, re.findall(r"^.*CONSOLE.*$", done.stderr, re.MULTILINE))
