"""`*` in the path of an override stands for every entry of a list or table."""

import pytest

from netsim.errors import ConfigError
from netsim.topology.load import load_topology


def test_each_entry_of_a_list_changes() -> None:
    """All users get the length, and nothing else changes."""
    changed = load_topology("two_user", overrides=["users.*.fibre.length_m=5000"])
    one_by_one = load_topology(
        "two_user", overrides=["users.alice.fibre.length_m=5000", "users.1.fibre.length_m=5000"]
    )
    assert changed == one_by_one
    assert [user.fibre.length_m for user in changed.users] == [5000.0, 5000.0]


def test_each_entry_of_a_table_and_two_at_once() -> None:
    """Receivers have names; their detectors are a list; values are not shared between places."""
    spec = load_topology(
        "two_user",
        overrides={"receivers.*.detectors.*.efficiency": 0.5, "qnsp.channels.*.loss_db": 1},
    )
    assert spec.receivers["bench"].detectors[0].efficiency == 0.5
    assert {channel.loss_db for channel in spec.qnsp.channels} == {1.0}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("events.*.time_s=3", "no entries of events"),
        ("users.*.fibre.lenght_m=3", "did you mean length_m"),
        ("qnsp.channels.*=3", "qnsp.channels.0"),
        ("name.*=3", "no entries of name"),
    ],
)
def test_what_leads_nowhere_is_told(override: str, message: str) -> None:
    """The file has no such list, or its entries no such key."""
    with pytest.raises(ConfigError, match=message):
        load_topology("two_user", overrides=[override])
