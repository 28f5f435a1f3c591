"""`netsim twin`, `list`, `show` and `new`: what they print and keep."""

import csv
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import netsim
from netsim.cli import run_command
from netsim.report.map import svg_map
from netsim.topology.load import load_topology
from netsim.topology.shipped import shipped_topologies


def test_one_topology_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    """Each lane, link and user, with the figures of the Python call."""
    assert run_command(["twin", "fan2025_four_user"]) == 0
    out = capsys.readouterr().out
    for lane in netsim.predict("fan2025_four_user").lanes:
        (line,) = [row for row in out.splitlines() if f"{'&'.join(lane.channels)} " in row]
        assert f"{lane.sifted_hz:.1f}" in line
        assert f"{100 * lane.qber:.2f}" in line


def test_a_grid_is_kept_and_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row a point and link; a point that cannot be has its reason; JSON says the same."""
    over = ["--over", "users.*.fibre.length_m=0,10000,-1", "--json", "--out", str(tmp_path / "o")]
    assert run_command(["twin", "two_user", *over]) == 0
    entries = json.loads(capsys.readouterr().out)
    with (tmp_path / "o" / "twin.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["link"] for row in rows] == ["alice & bob", "all links"] * 2 + [""]
    assert len(entries) == len(rows)
    assert "greater than or equal to 0" in rows[-1]["reason"] or "length_m" in rows[-1]["reason"]
    near = netsim.predict("two_user", overrides={"users.*.fibre.length_m": 0}).links[0]
    assert float(rows[0]["sifted_hz"]) == near.sifted_hz
    assert entries[0]["net_key_bps"] == near.net_key_bps
    svg = (tmp_path / "o" / "twin.svg").read_text()
    assert "users.*.fibre.length_m" in svg


def test_json_says_what_is_printed_of_demand(capsys: pytest.CaptureFixture[str]) -> None:
    """Shares, key that is left and remedies; without applications all key is left."""
    wish = (
        'applications=[{name="voice", users=["bob","dave"], key_bits=256, arrivals="periodic", '
        "options={every_s=15.0}}]"
    )
    assert run_command(["twin", "fan2025_four_user", "--set", wish]) == 0
    printed = capsys.readouterr().out
    assert run_command(["twin", "fan2025_four_user", "--set", wish, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (voice,) = found["applications"]
    links = {tuple(each["users"]): each for each in found["left"]}
    assert voice["wanted_bps"] == pytest.approx(256 / 15)
    assert voice["direct_bps"] == links["bob", "dave"]["made_bps"]
    assert links["bob", "dave"]["left_bps"] == 0.0
    assert f"{100 * voice['direct_bps'] / voice['wanted_bps']:.1f}" in printed
    assert found["remedies"]
    assert all(f"{line}." in printed.replace("\n", " ") for line in found["remedies"])
    assert run_command(["twin", "fan2025_four_user", "--json"]) == 0
    idle = json.loads(capsys.readouterr().out)
    assert (idle["applications"], idle["remedies"]) == ([], [])
    assert all(each["made_bps"] == each["left_bps"] for each in idle["left"])
    assert idle["links"] == found["links"]


def test_bad_values_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is worked out."""
    assert run_command(["twin", "two_user", "--over", "protocol.window_ps=1:2"]) == 2
    assert "has no COUNT: FIRST:LAST:COUNT" in capsys.readouterr().err
    assert run_command(["twin", "two_user", "--over", "nothing"]) == 2
    assert "PATH=VALUES" in capsys.readouterr().err


def test_list_names_all(capsys: pytest.CaptureFixture[str]) -> None:
    """With their sizes."""
    assert run_command(["list"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in shipped_topologies())
    (line,) = [line for line in out.splitlines() if line.startswith("liu2022 ")]
    assert line.split()[1:4] == ["40", "30", "780"]


def test_new_writes_what_twin_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And refuses to replace it unless told to."""
    path = tmp_path / "lab.toml"
    command = ["new", "star", "--users", "3", "--distance", "25km", "--out", str(path)]
    assert run_command(command) == 0
    assert len(netsim.predict(path).links) == 3
    assert run_command(command) == 2
    assert run_command([*command, "--force"]) == 0
    assert run_command(["new", "star", "--users", "12"]) == 2
    assert run_command(["new", "lab"]) == 0
    assert 'name = "lab"' in capsys.readouterr().out


def test_show_draws_all_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Users, channels and links, as text and as a picture that is XML and holds every link."""
    path = tmp_path / "map.svg"
    assert run_command(["show", "fan2025_four_user", "--out", str(path)]) == 0
    out = capsys.readouterr().out
    assert "charlie <===> dave" in out
    root = ET.fromstring(path.read_text())  # noqa: S314  # our own file
    titles = [element.text or "" for element in root.iter() if element.tag.endswith("title")]
    forecast = netsim.predict("fan2025_four_user")
    for link in forecast.links:
        assert f"{' & '.join(link.users)}: {link.skr_bps:.4g} bit/s" in titles
    widths = {
        (path.find("{http://www.w3.org/2000/svg}title").text or "").split(":")[0]: float(  # type: ignore[union-attr]
            path.attrib["stroke-width"]
        )
        for path in root.iter("{http://www.w3.org/2000/svg}path")
    }
    assert max(widths, key=lambda name: widths[name]) == "alice & bob"
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    for text in root.iter("{http://www.w3.org/2000/svg}text"):
        x, y = float(text.attrib["x"]), float(text.attrib["y"])
        assert left < x < left + width
        assert top < y - 10 < y < top + height
    assert height < 2 * 235 + 160, "not much more than the circle of users"


def test_a_map_without_key_is_drawn_broken() -> None:
    """Nothing is divided by a rate of zero."""
    spec = load_topology("two_user")
    assert 'class="link dark"' in svg_map(spec, {("alice", "bob"): 0.0}, "rate")
