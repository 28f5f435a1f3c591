"""Pages of plans: the numbers of their JSON, text escaped, anything else refused, and a browser."""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from netsim.cli import run_command
from netsim.errors import ConfigError
from netsim.plan.planner import make_plan
from netsim.plan.report import plan_json
from netsim.report.page.directory import page_of
from netsim.report.page.plan import plan_page
from netsim.report.plan import lanes_figure, users_figure
from tests.support.browser import beyond_px, see
from tests.unit.netsim.plan.requests import bench, everyone

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def four() -> dict[str, Any]:
    """The JSON of a plan for four users."""
    found: dict[str, Any] = json.loads(json.dumps(plan_json(make_plan(everyone(4), bench()))))
    return found


def test_the_page_shows_every_pair_and_lane(four: dict[str, Any]) -> None:
    """Key and channels of each pair, channels of each user, and the command."""
    page = unescape(plan_page(four, ["netsim", "plan", "--users", "4"]))
    for pair in four["pairs"]:
        assert re.search(rf">{' & '.join(pair['users'])}<.*>{pair['skr_bps']:.2f}<", page)
    for lane in four["lanes"]:
        assert "&".join(f"C{label}" for label in lane["channels"]) in page
    for labels in four["users"].values():
        assert f">{' '.join(f'C{label}' for label in labels)}<" in page
    assert "<pre>netsim plan --users 4</pre>" in page
    assert "reached: this is the least" in page


def test_figures_hold_every_channel_and_lane(four: dict[str, Any]) -> None:
    """A point a channel in its user's row; an arc a lane, from one channel to the other."""
    (panel,) = users_figure(four).panels
    channels = panel.series[0]
    drawn = set(zip(channels.x, channels.y, strict=True))
    wanted = {(x, k) for k, labels in enumerate(four["users"].values()) for x in labels}
    assert drawn == wanted
    (arcs,) = lanes_figure(four).panels
    ends = {(round(group[0]), round(group[-1])) for one in arcs.series for group in _pieces(one.x)}
    assert ends == {tuple(sorted(lane["channels"])) for lane in four["lanes"]}


def _pieces(x: tuple[float, ...]) -> list[list[float]]:
    """What lies between the gaps."""
    pieces: list[list[float]] = [[]]
    for value in x:
        if value == value:  # noqa: PLR0124  # not NaN
            pieces[-1].append(value)
        else:
            pieces.append([])
    return [piece for piece in pieces if piece]


def test_saved_json_gives_the_same_page(four: dict[str, Any], tmp_path: Path) -> None:
    """`netsim report` writes it beside the file; names are text."""
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(four))
    assert run_command(["report", str(path)]) == 0
    assert (tmp_path / "plan.html").read_text() == plan_page(four)
    named = json.loads(json.dumps(four).replace("u0", EVIL))
    page = plan_page(named)
    assert EVIL not in page
    assert EVIL in unescape(page)


@pytest.mark.parametrize("text", ["", "[]", "{}", "3", '{"notes": ["x"]}', "[{}]", "[" * 9999])
def test_what_is_no_plan_is_refused(text: str, tmp_path: Path) -> None:
    """With one plain error."""
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"plan\.json"):
        page_of(path)


def test_a_file_of_results_is_shown_by_its_directory(tmp_path: Path) -> None:
    """The words are of what to give, not of what Python missed in it."""
    path = tmp_path / "summary.json"
    path.write_text('{"topology": "two_user", "seed": 1}')
    with pytest.raises(ConfigError, match="give the directory") as caught:
        page_of(path)
    assert "KeyError" not in str(caught.value)


@pytest.mark.slow
def test_a_browser_draws_them(tmp_path: Path) -> None:
    """One plan, and growth, from the command: all plots, silent console."""
    kinds = (("--users", "4"), ("--users", "2:4"))
    for number, words in enumerate(kinds):
        page = tmp_path / f"{number}.html"
        assert run_command(["plan", *words, "--report", str(page)]) == 0
        seen = see(page, tmp_path / "profile")
        assert seen.complaints == [], words
        assert seen.html.count('class="main-svg"') >= 1, words
        assert beyond_px(page, tmp_path / "profile") == 0, words
