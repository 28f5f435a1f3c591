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


MEASURE = """<script>
const frame = document.querySelector("iframe");
frame.onload = () => setTimeout(() => {
  const root = frame.contentDocument.documentElement;
  document.body.append(`measured ${root.clientWidth} ${root.scrollWidth}`);
}, 2000);
</script>"""
PHONE_PX, BAR_PX = 390, 20


def beyond_px(page: Path, profile: Path, width_px: int = PHONE_PX) -> int:
    """By how much a page is wider than ``width_px``, in a frame: a window has a least width."""
    framed = page.with_name(f"framed-{page.name}")
    style = f"width:{width_px}px;height:800px;border:0"
    framed.write_text(f'<iframe src="{page.name}" style="{style}"></iframe>{MEASURE}')
    html = see(framed, profile, "--allow-file-access-from-files").html
    found = re.search(r"measured (\d+) (\d+)", html)
    assert found is not None, html
    inside_px, needed_px = map(int, found.groups())
    assert width_px - BAR_PX <= inside_px <= width_px
    return needed_px - inside_px


def see(page: Path, profile: Path, *more: str) -> Seen:
    """Load a page; the test is skipped where there is no browser."""
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    if browser is None:
        pytest.skip("there is no Chromium here")
    done = subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"),
            *(f"--user-data-dir={profile}", f"--virtual-time-budget={LOAD_MS}", "--dump-dom"),
            *("--window-size=1400,1000", f"--host-resolver-rules={NOWHERE}", *more),
            page.as_uri(),
        ],
        capture_output=True,
        check=True,
        text=True,
        timeout=120,
    )
    return Seen(done.stdout, re.findall(r"^.*CONSOLE.*$", done.stderr, re.MULTILINE))
