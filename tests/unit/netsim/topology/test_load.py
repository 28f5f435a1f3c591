"""Good topologies load, by name, path or text; overrides change what they name."""

import os
import re
from pathlib import Path

import pytest

from netsim.errors import ConfigError
from netsim.topology.checks import check_topology
from netsim.topology.load import load_topology, parse_topology, topology_from_mapping
from netsim.topology.overrides import apply_overrides, as_texts
from netsim.topology.shipped import shipped_topologies
from netsim.topology.source import RingSourceSpec
from tests.unit.netsim.topology.texts import FOUR_USERS, TWO_USERS, tables


def test_shipped_topologies_are_those_of_the_repository() -> None:
    """They are found wherever the package is installed, and no other file is taken for one."""
    folder = Path(__file__).parents[4] / "topologies"
    assert shipped_topologies() == sorted(path.stem for path in folder.glob("*.toml"))
    assert {"fan2025_four_user", "joshi2020", "two_user"} <= set(shipped_topologies())


@pytest.mark.parametrize("name", shipped_topologies())
def test_shipped_topology_is_sound_and_bears_its_name(name: str) -> None:
    """None gives an error or a warning, but one of side peaks that are as near as published."""
    topology = load_topology(name)
    assert topology.name == name
    assert check_topology(topology).errors == ()
    expected = {"receivers.pam.x.delay_ps"} if name == "wang2026" else set()
    assert {fault.path for fault in check_topology(topology).warnings} == expected


def test_every_number_of_a_shipped_topology_says_where_it_comes_from() -> None:
    """Each line with a number has a comment with a mark that the head of the file explains."""
    for name in shipped_topologies():
        text = (Path(__file__).parents[4] / "topologies" / f"{name}.toml").read_text()
        head = text.partition("# Marks:")[2].partition("\n\n")[0]
        marks = [f"[{mark}]" for mark in re.findall(r"\[(\w+)\] +\w", head)]
        assert "[assumed]" in marks
        for line in text.splitlines():
            value, _, comment = line.partition("#")
            if "=" in value and value.split("=")[1].strip()[0].isdigit():
                assert any(mark in comment for mark in marks), line


def test_path_text_and_mapping_give_the_same_topology(tmp_path: Path) -> None:
    """A file (with a byte-order mark and CRLF), its text and its tables are one topology."""
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbf" + TWO_USERS.replace("\n", "\r\n").encode())
    topology = load_topology("two_user")
    assert load_topology(path) == load_topology(str(path)) == topology
    assert parse_topology(TWO_USERS) == topology
    assert topology_from_mapping(tables(TWO_USERS)) == topology


def test_a_path_object_is_never_a_shipped_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``Path("two_user")`` is a file, which is not there."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no such file"):
        load_topology(Path("two_user"))


def test_integer_is_a_number() -> None:
    """``1000`` and ``1000.0`` are the same length."""
    texts = (TWO_USERS, TWO_USERS.replace("1000 ", "1000.0"))
    assert parse_topology(texts[0]) == parse_topology(texts[1])


def test_overrides_address_entries_by_index_name_channel_and_pair() -> None:
    """Each form of path changes its value and no other."""
    topology = parse_topology(
        FOUR_USERS,
        overrides=(
            "frame_s=0.01",
            "qnsp.source.pumps.0.power_mw=0.3",
            "qnsp.source.pumps.C46.power_mw=0.2",
            "users.alice.fibre.length_m=5000",
            "qnsp.channels.C50.patch_delay_ps = 50_000",
            "qnsp.source.pairs.C26&C54.contrast=0.5",
            "description=anything = goes",
            "qnsp.channels.C38.noise_hz_per_mw=1e3",
            "users.bob.clock={offset_bound_ps=7, rate_bound_ppm=0, allan_deviation_1s=0}",
        ),
    )
    raw = tables(FOUR_USERS)
    before = topology_from_mapping(raw)
    assert topology.frame_s == 0.01
    assert isinstance(topology.qnsp.source, RingSourceSpec)
    assert [pump.power_mw for pump in topology.qnsp.source.pumps] == [0.3, 0.2]
    assert topology.user("alice").fibre.length_m == 5000
    assert topology.user("dave") == before.user("dave")
    assert topology.qnsp.channels[3].patch_delay_ps == 50_000
    assert topology.qnsp.channels[0].noise_hz_per_mw == 1e3
    assert topology.qnsp.source.pairs[3].contrast == 0.5
    assert topology.qnsp.source.pairs[3].factor == before.qnsp.source.pairs[3].factor
    assert topology.description == "anything = goes"
    assert topology.clock_of(topology.user("bob")).offset_bound_ps == 7
    assert raw == tables(FOUR_USERS)


def test_override_makes_a_table_that_the_file_leaves_out() -> None:
    """A user's own clock can be written key by key."""
    keys = ("offset_bound_ps=9", "rate_bound_ppm=0.1", "allan_deviation_1s=0", "offset_ps=-9")
    topology = parse_topology(TWO_USERS, overrides=[f"users.bob.clock.{key}" for key in keys])
    assert topology.clock_of(topology.user("bob")).offset_ps == -9


def test_overrides_as_a_mapping_or_a_single_text() -> None:
    """Paths to values of Python say the same as texts; what is given is not changed."""
    texts = ("protocol.round_s=2", "users.alice.fibre.length_m=5000", "name=other")
    values: dict[str, object] = {
        "protocol.round_s": 2, "users.alice.fibre.length_m": 5000, "name": "other"
    }  # fmt: skip
    assert load_topology("two_user", overrides=values) == load_topology("two_user", overrides=texts)
    outages = [{"start_s": 1.0, "stop_s": 2.0}]
    topology = load_topology("two_user", overrides={"classical.outages": outages})
    assert topology.classical.outages[0].stop_s == 2.0
    assert outages == [{"start_s": 1.0, "stop_s": 2.0}]
    one = load_topology("two_user", overrides="protocol.round_s=2")
    assert one.protocol.round_s == 2
    with pytest.raises(ConfigError, match=r"protocol\.roundd: unknown key"):
        load_topology("two_user", overrides={"protocol.roundd": 2})


def test_overrides_as_texts_are_the_same_overrides() -> None:
    """Numbers, words, truths, lists and tables of Python, read back from texts."""
    overrides: dict[str, object] = {
        "description": 'a "word" = 3',
        "protocol.round_s": 2.5,
        "classical.outages": [{"start_s": 1.0, "stop_s": 2.0}],
        "users.0.fibre": {
            "length_m": 1e-7,
            "attenuation_db_per_km": 0.2,
            "dispersion_ps_per_nm_km": 17,
        },
    }
    texts = as_texts(overrides)
    assert load_topology("two_user", overrides=texts) == load_topology(
        "two_user", overrides=overrides
    )
    assert as_texts("a=b") == as_texts(["a=b"]) == ("a=b",)
    assert as_texts({"a": True, "b": 3}) == ("a=true", "b=3")


def test_what_is_no_topology_and_no_override_says_what_is_wanted() -> None:
    """Mistakes of a program, told in its terms."""
    with pytest.raises(TypeError, match=r"name_or_path is .*, of type dict; wanted is str or Path"):
        load_topology({"name": "x"})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a text path=value, not tuple"):
        load_topology("two_user", overrides=[("name", "x")])  # type: ignore[list-item]


def test_a_name_without_a_dot_is_of_the_protocol_if_that_has_it() -> None:
    """As in variants; ``protocol`` is both, and a table for it is the whole section."""
    topology = load_topology("two_user", overrides=["round_s=2", "frame_s=0.02"])
    assert topology.protocol.round_s == 2
    assert topology.frame_s == 0.02
    with pytest.raises(ConfigError, match=r"protocol\.protocol: the text 'bbm93'"):
        load_topology("two_user", overrides=["protocol=bbm93"])
    section = topology.protocol.model_dump(mode="json") | {"round_s": 7.0}
    assert load_topology("two_user", overrides={"protocol": section}).protocol.round_s == 7.0
    with pytest.raises(ConfigError, match="'roundd', did you mean round_s"):
        load_topology("two_user", overrides=["roundd=2"])


def test_a_suggestion_is_never_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys of the other kind of source, and a shipped name that was given as a path."""
    with pytest.raises(ConfigError) as caught:
        load_topology("two_user", overrides=["qnsp.source.kind=spdc"])
    told = {fault.path.rpartition(".")[2]: fault.message for fault in caught.value.faults}
    assert told["brightness_hz_per_mw2"] == "unknown key, did you mean brightness_hz_per_mw?"
    assert not any(f"did you mean {key}?" in message for key, message in told.items())
    ring_only = ("pumps", "comb_spacing_labels")
    assert all(told[key] == "unknown key" for key in ring_only)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="is loaded by its name, a text: 'two_user'"):
        load_topology(Path("two_user"))


@pytest.mark.parametrize(
    ("override", "path", "message"),
    [
        ("users.alise.fibre.length_m=1", "users.alise.fibre.length_m", "mean alice?"),
        ("users.alice.fibre.length_km=1", "users.alice.fibre.length_km", "mean length_m?"),
        ("qnsp.sauce.contrast=1", "qnsp.sauce.contrast", "mean source?"),
        ("qnsp.channels.C83.loss_db=1", "qnsp.channels.C83.loss_db", "mean C38?"),
        ("qnsp.channels.C99.loss_db=1", "qnsp.channels.C99.loss_db", "'C99', there are C38, C42"),
        ("users.name=x", "users.name", "users is a list; write for example users.alice.name"),
        (
            "receivers.bench.detectors.efficiency=0.5",
            "receivers.bench.detectors.efficiency",
            "detectors is a list; write for example detectors.0.efficiency",
        ),
        ("users.2.name=x", "users.2.name", "no entry 2, the list has 2"),
        ("users.-1.name=x", "users.-1.name", "unknown key '-1'"),
        ("name.first=x", "name.first", "the text 'two_user' has no key 'first'"),
        ("links.0.round_s=5", "links.0.round_s", "the file has no list links: give it whole"),
        (
            "qnsp.source.pairs.C38&C42.factor=2",
            "qnsp.source.pairs.C38&C42.factor",
            "has no list qnsp.source.pairs",
        ),
        ("paper.x.y=1", "paper.x.y", "unknown key 'x'"),
        ("protocol.sample_share.x=1", "protocol.sample_share.x", "sample_share has no keys"),
        ("=3", "override", "an override reads path=value"),
        ("frame_s", "frame_s", "an override reads path=value"),
    ],
)
def test_override_that_leads_nowhere_is_a_fault(override: str, path: str, message: str) -> None:
    """A wrong path is named, with what was probably meant; nothing is changed."""
    raw = tables(TWO_USERS)
    (fault,) = apply_overrides(raw, [override])
    assert fault.path == path
    assert message in fault.message
    assert raw == tables(TWO_USERS)


def test_a_share_that_has_lost_its_digits_is_a_fault_of_its_key() -> None:
    """Below 1e-300 and not 0: nothing can be divided by it."""
    place = "receivers.bench.detectors.0.efficiency"
    with pytest.raises(ConfigError, match=rf"^{place}: is too small to compute with; 0, or"):
        load_topology("two_user", overrides=[f"{place}=1e-320"])
    for smallest in ("0.0", "1e-300"):
        load_topology("two_user", overrides=[f"{place}={smallest}"])


def test_override_of_the_wrong_type_is_a_fault_of_its_key() -> None:
    """A value that is no TOML is a text, and a text is no number."""
    with pytest.raises(ConfigError, match=r"^users\.0\.fibre\.length_m: .*found the text '5 km'$"):
        parse_topology(TWO_USERS, overrides=["users.alice.fibre.length_m=5 km"])


@pytest.mark.parametrize("text", ["a." * 20_000 + "a = 1", "[" + '"a". ' * 20_000 + "a]"])
def test_keys_of_many_parts(text: str) -> None:
    """They are refused before they are parsed, which would take a gigabyte."""
    with pytest.raises(ConfigError, match=r"a key of more than 32 parts \(at line 2\)"):
        parse_topology("# dots\n" + text)


def test_a_pipe_is_no_topology(tmp_path: Path) -> None:
    """Nobody waits for somebody to write into it."""
    path = tmp_path / "pipe.toml"
    os.mkfifo(path)
    with pytest.raises(ConfigError, match="a pipe, not a topology file"):
        load_topology(path)
