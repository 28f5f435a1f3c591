"""Every kind of bad input gets one clear line per fault, all faults of a file at once."""

import re
from pathlib import Path

import pytest

from netsim.errors import ConfigError, Fault
from netsim.topology.load import load_topology, parse_topology
from tests.unit.netsim.topology.texts import FOUR_USERS, STRUCTURED, TWO_USERS, damaged

UNKNOWN_SHIPPED = "no such file and no shipped topology"


def faults_of(text: str, *overrides: str) -> tuple[Fault, ...]:
    """All faults of ``text``; at least one."""
    with pytest.raises(ConfigError) as caught:
        parse_topology(text, overrides=overrides)
    assert all("\n" not in str(fault) for fault in caught.value.faults)
    assert all(str(fault).isascii() for fault in caught.value.faults)
    return caught.value.faults


FIELDS = [
    ("length_m = 1000", "length_km = 1", "users.0.fibre.length_km", "did you mean length_m?"),
    ("length_m = 1000", "", "users.0.fibre.length_m", "^missing$"),
    (
        "length_m = 1000",
        'length_m = "5 km"',
        "users.0.fibre.length_m",
        "number.*metres.*'5 km'",
    ),
    ("length_m = 1000", "length_m = true", "users.0.fibre.length_m", "number.*found true"),
    ("length_m = 1000", "length_m = nan", "users.0.fibre.length_m", "finite.*nan"),
    ("length_m = 1000", "length_m = inf", "users.0.fibre.length_m", "finite.*inf"),
    ("length_m = 1000", f"length_m = {10**400}", "users.0.fibre.length_m", "huge integer"),
    ("length_m = 1000", "length_m = 2020-01-01", "users.0.fibre.length_m", "date.*2020-01-01"),
    ("length_m = 1000", "length_m = [1]", "users.0.fibre.length_m", "number.*a list"),
    ("length_m = 1000", "length_m = {}", "users.0.fibre.length_m", "number.*a table"),
    ("loss_db = 2.5", "loss_db = -2.5", "qnsp.channels.0.loss_db", "^-2.5 is below 0$"),
    (
        "efficiency = 0.8",
        "efficiency = 1.2",
        "receivers.bench.detectors.0.efficiency",
        "^1.2 is above 1$",
    ),
    ("window_ps = 2000", "window_ps = 2000.5", "protocol.window_ps", "whole number.*2000.5"),
    (
        "window_ps = 2000",
        f"window_ps = {10**30}",
        "protocol.window_ps",
        "^a huge integer is above 1e\\+09$",
    ),
    ("verification_bits = 64", "verification_bits = 65", "protocol.verification_bits", "multiple"),
    (
        '"cascade-yanetal"',
        '"turbo"',
        "protocol.reconciliation",
        "'turbo' is not one of 'cascade-yan",
    ),
    ("linewidth_hz = 200e6", "linewidth_hz = 0", "qnsp.source.linewidth_hz", "0 is below 1"),
    ('channel = "C38"', 'channel = "C038"', "qnsp.channels.0.channel", "ITU label"),
    ('channel = "C38"', 'channel = "C-4"', "qnsp.channels.0.channel", "ITU label"),
    ('channel = "C38"', "channel = 38", "qnsp.channels.0.channel", "expected a text, found 38"),
    ('name = "alice"', 'name = "al ice"', "users.0.name", "a name consists of"),
    ('name = "two_user"', 'name = ""', "name", "a name consists of"),
    (
        "[receivers.bench]",
        '[receivers."a\\nb"]\n[receivers.bench]',
        'receivers."a\\nb"',
        "a name consists of",
    ),
    ("[classical]", "classical = 3\n[classic]", "classic", "did you mean classical?"),
    ("[protocol]", "[[protocol]]", "protocol", "expected a table, found a list"),
]


@pytest.mark.parametrize(("old", "new", "path", "message"), FIELDS)
def test_fault_of_a_field_is_named_with_its_key_path(
    old: str, new: str, path: str, message: str
) -> None:
    """A damaged field gives a fault at its own path that says what is wrong."""
    found = [fault for fault in faults_of(damaged(TWO_USERS, old, new)) if fault.path == path]
    assert len(found) == 1
    assert re.search(message, found[0].message)


RELATIONS = [
    (['qnsp.channels.C42.channel="C38"'], "qnsp.channels.1.channel", "two users, alice and bob"),
    (["qnsp.channels.C50.channel=C54"], "qnsp.channels.3.channel", "^C54 is given twice$"),
    (["qnsp.channels.C42.user=alice"], "users.1", "^bob gets no channel$"),
    (["qnsp.channels.C42.user=bobb"], "qnsp.channels.1.user", "bobb, did you mean bob?"),
    (["qnsp.channels.C38.channel=C46"], "qnsp.channels.0.channel", "C46 is a pump"),
    (["qnsp.channels.C38.channel=C22"], "qnsp.channels.0.channel", "line 2 C34 - C46"),
    (["qnsp.channels.C38.channel=C58"], "qnsp.channels.0.channel", "line 2 C46 - C34"),
    (["qnsp.channels.C38.channel=C39"], "qnsp.channels.0.channel", "C39 is off the comb"),
    (["qnsp.channels.C38.channel=C40"], "qnsp.channels.0.channel", "pairs with itself"),
    (["qnsp.source.pumps.1.channel=C45"], "qnsp.source.pumps.1.channel", "C45 is off the comb"),
    (["qnsp.source.pumps.1.channel=C34"], "qnsp.source.pumps.1.channel", "pumped twice"),
    (["users.bob.name=alice"], "users.1.name", "two users called alice"),
    (["users.bob.receiver=bensh"], "users.1.receiver", "bensh, did you mean bench?"),
    (["receivers.bench.x.delay_ps=3000"], "receivers.bench.x.delay_ps", "below 7162"),
    (["protocol.window_ps=20000"], "protocol.window_ps", "side peaks"),
    (["protocol.round_s=0.3", "frame_s=0.4"], "protocol.round_s", "shorter than one frame"),
    (["protocol.round_s=0.2"], "protocol.round_s", "too short for the clocks"),
    (['qnsp.source.pairs.0.channels=["C14","C52"]'], "qnsp.source.pairs.0.channels", "no pair"),
    (['qnsp.source.pairs.1.channels=["C54","C14"]'], "qnsp.source.pairs.1.channels", "twice"),
    (['paper.lanes.0.users=["alice","bo"]'], "paper.lanes.0.users.1", "bo, did you mean bob?"),
    (['paper.lanes.0.channels=["C38","C52"]'], "paper.lanes.0.channels.1", "C52 is not deliv"),
    (['paper.lanes.0.channels=["C42","C38"]'], "paper.lanes.0.channels.0", "goes to bob"),
    (['paper.lanes.1.channels=["C38","C50"]'], "paper.lanes.1.channels", "no pair process"),
    (["receivers.bench.detectors=[]"], "receivers.bench", "one detector for all four, or four"),
    (
        ["users.alice.clock={offset_bound_ps=5,rate_bound_ppm=0,allan_deviation_1s=0,offset_ps=6}"],
        "users.0.clock",
        "outside offset_bound_ps",
    ),
]


WIDE = "{offset_bound_ps=999_999_999_999, rate_bound_ppm=900.0, allan_deviation_1s=0.0}"
RELATIONS += [
    (
        ["receivers.bench.clock.offset_bound_ps=1e12", "receivers.bench.clock.rate_bound_ppm=100"],
        "receivers.bench.clock",
        r"^alice and bob would have 2\.4e\+11 bins to search .* narrow offset_bound_ps or rate",
    ),
    ([f"users.dave.clock={WIDE}"], "users.3.clock", "^alice and dave would have 5"),
    (
        ["receivers.bench.clock.rate_bound_ppm=500"],
        "receivers.bench.clock",
        r"would have 1\.2e\+09 bins to search .* more than 1\.0e\+09",
    ),
]


@pytest.mark.parametrize(("overrides", "path", "message"), RELATIONS)
def test_fault_between_specs_is_named_with_its_key_path(
    overrides: list[str], path: str, message: str
) -> None:
    """What contradicts another part of the file is reported where it stands."""
    found = [fault for fault in faults_of(FOUR_USERS, *overrides) if fault.path == path]
    assert len(found) == 1
    assert re.search(message, found[0].message)


def test_mismatched_interferometers_are_refused() -> None:
    """Users whose interferometers differ by 4 ns keep a contrast of 0.28: no key, a mistake."""
    other = TWO_USERS.replace('receiver = "bench"', 'receiver = "other"').replace("bench", "other")
    hardware = other[other.index("[receivers.other]") : other.index("[[users]]")]
    text = damaged(TWO_USERS, "[[users]]", hardware + "[[users]]")
    apart = ("users.bob.receiver=other", "receivers.other.z.delay_ps=14000")
    (fault,) = faults_of(text, *apart)
    assert fault.path == "receivers.other.z.delay_ps"
    assert "contrast of 0.28" in fault.message
    parse_topology(text, overrides=apart[:1])
    # Half a nanosecond is no mistake, but what it leaves is known of one shape only.
    slight = (apart[0], "receivers.other.z.delay_ps=10500")
    parse_topology(text, overrides=slight)
    (fault,) = faults_of(text, *slight, "qnsp.source.filter_shape=flat-top")
    assert "lorentzian filters only" in fault.message
    parse_topology(text, overrides=[apart[0], "qnsp.source.filter_shape=flat-top"])


def test_all_faults_of_a_file_come_at_once_and_only_they() -> None:
    """Seven independent faults, of fields and between specs, give these seven lines."""
    text = STRUCTURED[: STRUCTURED.index("\n[paper]")]
    text = damaged(text, "\nloss_db = ", "\nloss_db = -")
    text = damaged(text, "efficiency = 0.8", "efficiency = 1.2")
    text = damaged(text, "length_m = 1000", "length_km = 1")
    text = damaged(text, "length_m = 2000", 'length_m = "2 km"')
    text = damaged(text, 'channel = "C42"', 'channel = "C54"')
    text = damaged(text, 'channel = "C50"', 'channel = "C46"')
    text = damaged(text, "window_ps = 2000", "window = 2000")
    assert sorted(fault.path for fault in faults_of(text)) == [
        "protocol.window",
        "qnsp.channels.0.loss_db",
        "qnsp.channels.2.channel",
        "qnsp.channels.3.channel",
        "receivers.bench.detectors.0.efficiency",
        "users.0.fibre.length_km",
        "users.1.fibre.length_m",
    ]


NO_TOML = [
    ("name = two", "no TOML: .*line 1"),
    ("\n\nname = ", "no TOML: .*line 3"),
    ("a = 1\na = 2", "no TOML: Cannot overwrite a value"),
    ("a = " + "9" * 5000, "no TOML: a number with too many digits"),
    ("a = " + "[" * 5000, "nested too deeply"),
    ("a = " + "[" * 5000 + "]" * 5000, "nested too deeply"),
    ("a = " + "{b = " * 5000, "nested too deeply"),
    ("\x00", "no TOML"),
    ("\ud800", "no TOML"),
]


@pytest.mark.parametrize(("text", "message"), NO_TOML)
def test_text_that_is_no_toml_gives_one_line(text: str, message: str) -> None:
    """Broken or bottomless text is one fault of the file, with the line where there is one."""
    (fault,) = faults_of(text)
    assert fault.path == "topology"
    assert re.search(message, fault.message)


def test_deep_dotted_keys_are_refused() -> None:
    """A key of 3,000 parts, before it is parsed into as many tables."""
    (fault,) = faults_of(".".join("a" * 3000) + " = 1")
    assert "a key of more than 32 parts" in fault.message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", f"{UNKNOWN_SHIPPED}.*fan2025_four_user.*two_user"),
        ("two_users", "did you mean two_user?"),
        ("folder", "a directory"),
        ("latin.toml", "not UTF-8 .at line 2"),
        ("huge.toml", "larger than 4 MiB"),
        ("nul\0.toml", "no file name"),
        ("x" * 5000, "cannot be read"),
    ],
)
def test_unreadable_file_gives_one_line(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever keeps a file from being read is one fault that names the file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin.toml").write_bytes(b"name = 'x'\n# \xe9\n")
    (tmp_path / "huge.toml").write_bytes(b"#" * (5 << 20))
    with pytest.raises(ConfigError) as caught:
        load_topology(name)
    (fault,) = caught.value.faults
    assert re.search(message, fault.message)
    assert fault.path
