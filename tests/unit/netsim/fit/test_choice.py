"""Which figure of a row a fit meets, and which names and contradictions are told."""

from pathlib import Path

import pytest

from netsim.errors import ConfigError
from netsim.fit.choice import data_of, qber_from_key_rate
from netsim.fit.data import Data, Forecast, values_and_deviations
from netsim.fit.measured import read_measured
from netsim.topology.load import load_topology, parse_topology
from netsim.topology.network import Network, build_network
from protocols.keylength.keyrate import skr_asymptotic_bps
from tests.unit.netsim.fit import fan2025
from tests.unit.netsim.topology.texts import TWO_USERS, damaged


@pytest.fixture(scope="module")
def network() -> Network:
    """Four users, seven lanes."""
    return build_network(load_topology("fan2025_four_user"))


def data(tmp_path: Path, network: Network, text: str) -> Data:
    """Data of a table."""
    path = tmp_path / "m.csv"
    path.write_text(text)
    return data_of(read_measured([path]), network, relative_error=0.01)


@pytest.mark.parametrize("qber", [1e-6, 0.014, 0.0339, 0.0953])
def test_error_rate_from_key_rate_is_its_inverse(qber: float) -> None:
    """N [1 - 2.2 h(Q)], solved for Q."""
    found = qber_from_key_rate(858.0, skr_asymptotic_bps(858.0, qber))
    assert found == pytest.approx(qber, rel=1e-9)


@pytest.mark.parametrize(("sifted_hz", "skr_bps"), [(10.0, 0.0), (10.0, 11.0), (0.0, 0.0)])
def test_no_error_rate_from_an_impossible_key_rate(sifted_hz: float, skr_bps: float) -> None:
    """No key, more key than bits, no bits."""
    assert qber_from_key_rate(sifted_hz, skr_bps) is None


def test_the_key_rate_of_the_paper_refines_its_error_rates(network: Network) -> None:
    """All seven refined rates round to the printed ones; 858 Hz has 3.393 %."""
    found = data_of(read_measured([fan2025.TABLE_2]), network, relative_error=0.01)
    assert found.remarks == ()
    assert found.count == 14
    refined = {datum.item: datum for datum in found.used if datum.quantity == "qber"}
    assert refined["C50&C30"].value == pytest.approx(0.03393, abs=5e-6)
    for datum in refined.values():
        printed = float(datum.note.split(",")[0])
        assert abs(datum.value - printed) <= 0.0005
        assert datum.value != printed


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("visibility\nC42&C38,0.97", ("qber", 0.015, 0.01)),
        ("visibility,visibility_sigma,qber\nC42&C38,0.97,2e-3,0.015", ("visibility", 0.97, 2e-3)),
        (
            "visibility,visibility_sigma,qber,qber_sigma\nC42&C38,0.97,2e-3,0.016,1e-3",
            ("qber", 0.016, 1e-3),
        ),
        ("n_sift_hz,qber,skr_bps\nC42&C38,1000,0.05,0", ("qber", 0.05, 0.01)),
        (
            "n_sift_hz,qber,qber_sigma,skr_bps\nC42&C38,1613.9,0.014,1e-3,1230.6",
            ("qber", 0.014, 1e-3),
        ),
    ],
)
def test_one_of_error_rate_and_visibility_is_met(
    tmp_path: Path, network: Network, text: str, met: tuple[str, float, float]
) -> None:
    """The one with a sigma, the error rate first; without one, as an error rate, relative."""
    found = data(tmp_path, network, f"channels,{text}\n")
    (datum,) = [datum for datum in found.used if datum.quantity != "n_sift_hz"]
    assert datum.item == "C38&C42"
    assert (datum.quantity, round(datum.value, 12), datum.sigma) == met
    assert datum.is_ratio == datum.is_assumed == (met[2] == 0.01)


@pytest.mark.parametrize(
    ("cells", "remark"),
    [
        (
            "585.0,0.932,0.034,454.6",
            "n_sift_hz 585 and qber 0.034 give 309.5 bit/s, skr_bps says 454.6",
        ),
        ("858.0,0.90,0.034,454.6", "visibility 0.9 is not 1 - 2 qber = 0.932"),
        (
            "858.0,0.932,0.034,900",
            "n_sift_hz 858 and qber 0.034 give 453.9 bit/s, skr_bps says 900",
        ),
        (
            "858.0,0.932,0.034,0",
            "n_sift_hz 858 and qber 0.034 give 453.9 bit/s, skr_bps says 0",
        ),
    ],
)
def test_contradictions_are_told(tmp_path: Path, network: Network, cells: str, remark: str) -> None:
    """A figure that cannot go with the others of its row, and what would."""
    text = f"channels,n_sift_hz,visibility,qber,skr_bps\nC50&C30,{cells}\n"
    (found,) = data(tmp_path, network, text).remarks
    assert found.split("; ")[0] == f"{tmp_path / 'm.csv'}:2: {remark}"


def test_what_would_mend_a_contradiction_is_told(network: Network) -> None:
    """The printed row C50&C30: another rate or another error rate."""
    (remark,) = data_of(read_measured([fan2025.PRINTED]), network, relative_error=0.01).remarks
    assert remark.startswith(f"{fan2025.PRINTED}:9: ")
    assert remark.endswith("; that would take n_sift_hz 859.3 or qber 0.0132")


@pytest.mark.parametrize(
    "cells", ["100,0.8,0.1,0", "100,0.81,0.095,0", "858.0,0.932,0.034,454.6", "858,0.93,0.034,"]
)
def test_rounding_is_no_contradiction(tmp_path: Path, network: Network, cells: str) -> None:
    """No key above the limit or within rounding of it; digits that agree; blanks."""
    text = f"channels,n_sift_hz,visibility,qber,skr_bps\nC50&C30,{cells}\n"
    assert data(tmp_path, network, text).remarks == ()


LANES = "C38&C42, C38&C54, C38&C30, C42&C50, C42&C26, C54&C26, C50&C30"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("channels,qber\nC38&C26,0.1", f"channels: C38&C26 is no lane; lanes are {LANES}"),
        (
            "channels,users,qber\nC38&C42,A&C,0.1",
            "users: C38&C42 is that of alice & bob, not of A & C",
        ),
        (
            "channels,users,qber\nC38&C42,A&zoe,0.1",
            "users: unknown user zoe; users are alice, bob, charlie, dave",
        ),
        ("user,singles_hz\nalise,1", "user: unknown user alise; did you mean alice?"),
        (
            "channel,singles_hz\nC40,1",
            "channel: C40 is not delivered; delivered are C38, C42, C54, C50, C30, C26",
        ),
        ("channel,user,singles_hz\nC38,B,1", "user: C38 is that of alice, not of B"),
        ("user,singles_hz\nalice,0", "singles_hz: 0 has no relative error: give singles_sigma_hz"),
        (
            "channels,visibility\nC38&C42,1",
            "visibility: 1 has no relative error: give visibility_sigma",
        ),
        (
            "channel,relative_singles\nC38,0",
            "relative_singles: 0 has no ratio to others; leave the cell blank",
        ),
    ],
)
def test_strange_names_and_zeros_are_refused(
    tmp_path: Path, network: Network, text: str, fault: str
) -> None:
    """With the line and what there is."""
    with pytest.raises(ConfigError) as error:
        data(tmp_path, network, text)
    assert [str(found) for found in error.value.faults] == [f"{tmp_path / 'm.csv'}:2: {fault}"]


def test_a_row_is_given_once(tmp_path: Path, network: Network) -> None:
    """However its names are written."""
    for text, item in (
        ("channels,users,qber\nC38&C42,A&B,0.1\nC42&C38,bob&alice,0.1", "C38&C42"),
        ("user,singles_hz\nalice,1\nA,1", "alice"),
        ("channel,singles_hz\nC38,1\nC38,1", "C38"),
    ):
        with pytest.raises(ConfigError) as error:
            data(tmp_path, network, text)
        path = tmp_path / "m.csv"
        assert str(error.value) == f"{path}:3: {item} was already given in {path}:2"


def test_split_channels_need_their_users(tmp_path: Path) -> None:
    """Where bob and carol share C42, a row says whose lane and whose light it is."""
    text = damaged(TWO_USERS, 'user = "bob"', 'users = ["bob", "carol"]')
    carol = text[text.rindex("[[users]]") : text.index("[classical]")].replace("bob", "carol")
    spec = parse_topology(text.replace("[classical]", f"{carol}[classical]"))
    network = build_network(spec)
    forecast = Forecast(network)
    for table, column in (("channels,users,n_sift_hz\nC38&C42,{},1", "users"),
        ("channel,user,singles_hz\nC42,{},1", "user")):  # fmt: skip
        with pytest.raises(ConfigError, match=f"{column}: .* must say which"):
            data(tmp_path, network, table.format(""))
        whole = "alice&carol" if column == "users" else "carol"
        (datum,) = data(tmp_path, network, table.format(whole)).used
        assert "carol" in datum.item
        assert datum.predicted(forecast) > 1.0
    assert len(network.lanes) == 2


@pytest.mark.parametrize("relative_error", [0.0, -1.0, 1.0, float("nan")])
def test_a_relative_error_is_a_share(network: Network, relative_error: float) -> None:
    """Between 0 and 1."""
    with pytest.raises(ConfigError, match="relative-error"):
        data_of([], network, relative_error=relative_error)


def test_relative_singles_count_among_each_other_only(tmp_path: Path, network: Network) -> None:
    """Any common factor is forgiven, answered in the table's unit, and costs one datum."""
    channels = ("C30", "C42", "C54")
    users = {way.channel: way.user for way in network.channels}
    forecast = Forecast(network)
    alone = [forecast.figure("channel", (c,), (users[c],), "singles_hz") for c in channels]
    rows = [f"{channel},{7 * value}" for channel, value in zip(channels, alone, strict=True)]
    text = "\n".join(["channel,relative_singles", *rows[:2], f"C54,{7 * 1.01 * alone[2]}"])
    found = data(tmp_path, network, text)
    assert found.count == 2
    values, deviations = values_and_deviations(found.used, Forecast(network))
    assert deviations == pytest.approx([1 / 3, 1 / 3, -2 / 3], abs=0.01)
    assert values == pytest.approx([7 * value * 1.01 ** (1 / 3) for value in alone], rel=1e-6)


def test_channels_add_up_to_their_user(network: Network) -> None:
    """Charlie's two channels, one at a time, less the darks that are there both times."""
    forecast = Forecast(network)
    who = ("charlie",)
    alone = [forecast.figure("channel", (c,), who, "singles_hz") for c in ("C50", "C54")]
    together_hz = forecast.figure("user", who, who, "singles_hz")
    assert sum(alone) - 400 == pytest.approx(together_hz, rel=2e-3)
