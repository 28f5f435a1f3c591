"""Tables, drawings and JSON of plans."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

import netsim
from netsim.errors import ConfigError
from netsim.plan.draw import draw_comb, draw_ladders, letter_of
from netsim.plan.planner import Plan, make_plan
from netsim.plan.report import keyless, plan_json, print_growth, print_plan, print_tradeoff
from tests.unit.netsim.plan.requests import bench, everyone


@pytest.fixture(scope="module")
def ten() -> Plan:
    """Ten users, 3 dB further away than by default: the light of some links finds no clocks."""
    near = bench()
    return make_plan(everyone(10), replace(near, other_loss_db=near.mean_loss_db + 3.0))


def printed(plan: Plan, width: int) -> str:
    """What a terminal of this width shows."""
    stream = StringIO()
    print_plan(plan, Console(file=stream, width=width, highlight=False))
    return stream.getvalue()


def test_the_json_is_what_was_agreed(ten: Plan) -> None:
    """The keys, their order and their types are those that other programs rely on."""
    found = json.loads(json.dumps(plan_json(ten)))
    assert list(found) == [
        *("pumps", "users", "lanes", "channels", "span", "lower_bound", "proven"),
        *("min_skr_bps", "total_skr_bps", "dim_pairs", "objective", "power_mw", "pairs"),
        *("singles_hz", "notes", "lacks"),
    ]
    assert list(found["users"]) == list(ten.request.users)
    assert all(type(label) is int for labels in found["users"].values() for label in labels)
    assert all(list(lane) == ["users", "channels"] for lane in found["lanes"])
    assert (found["channels"], found["span"], found["lower_bound"]) == (32, 36, 32)
    assert found["proven"] is True
    assert found["min_skr_bps"] == 0 < found["total_skr_bps"]


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_wider_than_the_terminal(ten: Plan, width: int) -> None:
    """Every line of the tables and drawings fits; all users and the proof are told."""
    text = printed(ten, width)
    assert max(map(len, text.splitlines())) <= width
    assert "Lower bound of the channels: 32, reached" in text
    assert all(user in text for user in ten.request.users)


@pytest.mark.slow
def test_a_large_network_shows_its_poorest_pairs() -> None:
    """Where a matrix of all pairs has no room, the poorest ones are listed."""
    text = printed(make_plan(everyone(16), bench()), 80)
    assert max(map(len, text.splitlines())) <= 80
    assert "Poorest pairs" in text


def test_the_comb_shows_every_channel(ten: Plan) -> None:
    """Letters of all labels in their order, pumps and stimulated lines between them."""
    lines = [line.plain for line in draw_comb(ten.allocation, 80)]
    drawn = lines[1::2]
    owners = dict(zip(ten.allocation.comb.labels.tolist(), ten.allocation.owners, strict=True))
    expected = "".join(letter_of(int(owners[label])) for label in ten.allocation.used.tolist())
    assert "".join(drawn).translate(str.maketrans("", "", "^~.")) == expected
    assert "~^^~" in "".join(drawn)
    assert len(list(draw_comb(ten.allocation, 20))) == 4


def test_the_ladder_shows_every_lane(ten: Plan) -> None:
    """Rungs and crossings together are as many as the lanes."""
    lines = [line.plain for line in draw_ladders(ten.allocation, 80)]
    lanes = lines[2]
    drawn = lanes.count("|") + 2 * lanes.count("X") + lanes.count("/") + lanes.count("\\")
    assert drawn == len(ten.allocation.lanes())


def test_pairs_of_one_pump_are_drawn() -> None:
    """One rung a lane, no crossing."""
    plan = make_plan(everyone(4, free_pumps=1), bench())
    lanes = [line.plain for line in draw_ladders(plan.allocation, 80)][2]
    assert (lanes.count("|"), lanes.count("X")) == (6, 0)


def test_a_curve_is_a_table(ten: Plan) -> None:
    """One row a plan, with its channels."""
    stream = StringIO()
    print_tradeoff([ten], Console(file=stream, width=80))
    assert "C40 C41" in stream.getvalue()
    assert " 32 " in stream.getvalue()


def test_growth_is_a_table(ten: Plan) -> None:
    """One row a number of users: channels, bound, what one pump needs, span."""
    stream = StringIO()
    print_growth([ten], Console(file=stream, width=80))
    (row,) = [line.split() for line in stream.getvalue().splitlines() if "C40 C41" in line]
    assert row[:5] == ["10", "32", "32", "90", "36"]
    assert row[6] == str(ten.dim_pairs)
    assert "Dim pairs are too faint among their other clicks" in stream.getvalue()
    assert "links are dim" not in stream.getvalue()  # a line a row would bury the table


@pytest.mark.slow
def test_drawings_are_written(ten: Plan, tmp_path: Path) -> None:
    """Plan, curve and growth become files, the same ones again; the drawing names every user."""
    plot = pytest.importorskip("netsim.plan.plot", reason="needs the extra `report`")
    paths = [tmp_path / f"{name}.svg" for name in ("plan", "again", "curve", "growth")]
    plot.plot_plan(ten, paths[0])
    plot.plot_plan(ten, paths[1])
    plot.plot_tradeoff([ten], paths[2])
    plot.plot_growth([ten], paths[3])
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert min(path.stat().st_size for path in paths) > 1000
    assert all(user in paths[0].read_text() for user in ten.request.users)


def test_an_unknown_format_is_a_fault(ten: Plan, tmp_path: Path) -> None:
    """What cannot be written is told with its option."""
    plot = pytest.importorskip("netsim.plan.plot", reason="needs the extra `report`")
    with pytest.raises(ConfigError, match=r"--plot: .* ends with none of .svg, .pdf, .png"):
        plot.plot_plan(ten, tmp_path / "plan.bla")


@pytest.mark.slow
def test_a_large_plan_is_drawn_as_ticks_and_key(tmp_path: Path) -> None:
    """More channels than arcs can show: all users named twice, dark pairs told, no wide picture."""
    plot = pytest.importorskip("netsim.plan.plot", reason="needs the extra `report`")
    plan = make_plan(everyone(15), replace(bench(), other_loss_db=300.0))
    plot.plot_plan(plan, tmp_path / "plan.svg")
    text = (tmp_path / "plan.svg").read_text()
    assert float(text.split('width="')[1].split("pt")[0]) < 1000
    assert all(text.count(f">{user}<") == 3 for user in plan.request.users)
    assert "no key" in text


def test_numbers_are_legible_on_any_colour() -> None:
    """White on dark colours, black on light ones."""
    plot = pytest.importorskip("netsim.plan.plot", reason="needs the extra `report`")
    assert plot.ink_on((0.12, 0.47, 0.71, 1.0)) == "white"
    assert plot.ink_on((1.0, 0.73, 0.47, 1.0)) == "black"


def test_axes_of_growth_name_one_quantity_each(ten: Plan, tmp_path: Path) -> None:
    """Channels on one pair of axes, with those of one pump, the span on another; partial or not."""
    plot = pytest.importorskip("netsim.plan.plot", reason="needs the extra `report`")
    plot.plot_growth([ten], tmp_path / "growth.svg", is_partial=True)
    text = (tmp_path / "growth.svg").read_text()
    for told in ("one pump, channels", ">channels<", ">span [comb positions]<", "PARTIAL"):
        assert told in text


def test_links_too_dim_for_their_clocks_are_told(ten: Plan) -> None:
    """All links have key by formula, some no light for clocks."""
    assert min(ten.wanted_bps) > 0
    assert 0 < ten.dim_pairs < 45
    assert printed(ten, 120).count(" dim") == ten.dim_pairs + 1
    (line,) = keyless([ten])
    assert f"{ten.dim_pairs} of 45 links are dim, too faint among their other clicks" in line


def test_key_is_counted_where_a_link_makes_it(ten: Plan) -> None:
    """Headline, tables, JSON and file count what `netsim.predict` promises the same topology.

    A round of a tenth of a second pays for no link's authentication, whatever its light.
    """
    forecast = netsim.predict(ten.topology)
    told_bps = [link.skr_bps if (link.net_key_bps or 0) > 0 else 0.0 for link in forecast.links]
    assert sorted(ten.promised_bps) == pytest.approx(sorted(told_bps))
    assert plan_json(ten)["total_skr_bps"] == pytest.approx(sum(told_bps))
    assert f"poorest pair 0 bit/s, all {sum(told_bps):.5g} bit/s" in " ".join(
        printed(ten, 120).split()
    )
    protocol = ten.topology.protocol.model_copy(update={"round_s": 0.1})
    short = replace(ten, topology=ten.topology.model_copy(update={"protocol": protocol}))
    assert sum(short.promised_bps) == 0
    assert short.short_pairs == 45 - short.dim_pairs
    assert f"authentication takes what {short.short_pairs} of 45 links make" in " ".join(
        keyless([short])
    )
