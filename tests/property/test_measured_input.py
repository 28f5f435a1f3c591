"""Whatever is in a table of measurements or a path, the outcome is data or faults."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from netsim.errors import ConfigError
from netsim.fit.choice import data_of
from netsim.fit.data import Datum
from netsim.fit.measured import read_measured
from netsim.fit.places import PathError, find_places, tables_of
from netsim.topology.load import load_topology
from netsim.topology.network import build_network

TOPOLOGY = load_topology("fan2025_structured")
NETWORK = build_network(TOPOLOGY)
TABLES = tables_of(TOPOLOGY)

HEADS = st.sampled_from(
    [
        "channels,n_sift_hz,qber,visibility,skr_bps,qber_sigma",
        "user,singles_hz",
        "channel,singles_hz",
    ]
)
CELLS = st.sampled_from(
    ["C38&C42", "C30&C38", "A&B", "alice", "C38", "", "0", "1", "0.03", "-1", "1e400", "0e999999",
        "nan", "1e-400", '"', "x"]
)  # fmt: skip
ROWS = st.lists(st.lists(CELLS, max_size=6).map(",".join), max_size=4)


def outcome(path: Path) -> tuple[tuple[Datum, ...], list[str]]:
    """Data, or what is wrong."""
    try:
        return data_of(read_measured([path]), NETWORK, relative_error=0.01).data, []
    except ConfigError as error:
        return (), [str(fault) for fault in error.faults]


def reason(path: str) -> str:
    """Why a path leads nowhere; empty if it leads somewhere."""
    try:
        return "" if find_places(TABLES, path) else "nothing"
    except PathError as error:
        return str(error)


@given(HEADS, ROWS, st.text(max_size=20))
def test_any_table_is_data_or_faults(head: str, rows: list[str], rest: str) -> None:
    """Plausible cells in any order, then any text: one line a fault, data that can be met."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "m.csv"
        path.write_text("\n".join([head, *rows, rest]), encoding="utf-8", errors="replace")
        data, faults = outcome(path)
    assert all("\n" not in fault for fault in faults)
    assert all(datum.sigma > 0 for datum in data)
    assert all(datum.value > 0 for datum in data if datum.is_ratio)


@given(st.text(alphabet="*?[]!.&Cqnspourcedhalgb0123_\n", max_size=30))
def test_any_path_is_places_or_a_reason(path: str) -> None:
    """Wildcards of any kind; reasons are one line."""
    assert "\n" not in reason(path)
