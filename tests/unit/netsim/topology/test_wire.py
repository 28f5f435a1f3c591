"""Faults and attackers in a topology file: what is allowed, and how the rest is refused."""

import pytest

from netsim.devices.faults import NO_FAULTS, faults_of
from netsim.errors import ConfigError
from netsim.taps.plans import plan_of, plans_of
from netsim.topology.load import parse_topology
from netsim.topology.network import build_network
from netsim.topology.specs import TopologySpec
from netsim.topology.unwise import topology_warnings
from tests.unit.netsim.topology.texts import FOUR_USERS, TWO_USERS, damaged

OUTAGE = "\n[[classical.outages]]\nstart_s = 5.0\nstop_s = 15.0\n"
CHANGE = "\n[[classical.bandwidth_changes]]\ntime_s = 3.0\nbandwidth_bps = 1e6\n"
TAP = '\n[[taps]]\nkind = "replay"\nprobability = 0.1\nstart_s = 1.5\nstop_s = 20.0\n'


def topology(extra: str, text: str = TWO_USERS) -> TopologySpec:
    """A shipped topology with more tables."""
    return parse_topology(text + extra)


def test_shipped_topologies_have_no_faults() -> None:
    """Without a word about faults there are none, and no attackers."""
    spec = topology("")
    assert faults_of(spec.classical, "alice-bob") == NO_FAULTS
    assert spec.taps == ()


def test_rates_of_the_channel_reach_its_faults() -> None:
    """Every key of the table is the field of the same name."""
    keys = (
        "loss_probability = 0.05\nduplication_probability = 0.02\n"
        "reordering_probability = 0.1\nreordering_delay_ps = 1000\n"
    )
    text = damaged(TWO_USERS, "max_datagram_bytes", keys + "max_datagram_bytes")
    faults = faults_of(parse_topology(text).classical, "alice-bob")
    assert faults.loss_probability == 0.05
    assert faults.duplication_probability == 0.02
    assert (faults.reordering_probability, faults.reordering_delay_ps) == (0.1, 1000)


def test_times_become_picoseconds() -> None:
    """Outages and bandwidth changes are in picoseconds, in the order of time."""
    later = "\n[[classical.bandwidth_changes]]\ntime_s = 1.0\nbandwidth_bps = 2e6\n"
    faults = faults_of(topology(OUTAGE + CHANGE + later).classical, "alice-bob")
    assert faults.outages == ((5 * 10**12, 15 * 10**12),)
    assert faults.bandwidth_changes == ((10**12, 2e6), (3 * 10**12, 1e6))


def test_one_link_can_be_named() -> None:
    """An outage of alice-bob leaves alice-dave alone."""
    spec = topology(OUTAGE + 'link = "alice-bob"\n', FOUR_USERS)
    assert faults_of(spec.classical, "alice-bob").outages
    assert not faults_of(spec.classical, "alice-dave").outages


def test_tap_becomes_a_plan() -> None:
    """Place and time of an attacker come from the file."""
    plan = plan_of(topology(TAP + 'link = "alice-bob"\nsender = "bob"\n').taps[0])
    assert (plan.link, plan.sender) == ("alice-bob", "bob")
    assert [plan.is_active(time_ps * 10**11) for time_ps in (14, 15, 199, 200)] == [
        False,
        True,
        True,
        False,
    ]


def test_what_has_no_effect_is_a_warning() -> None:
    """Faults and taps on users that share no lane are allowed, but not passed over in silence."""
    extra = OUTAGE + 'link = "alice-bob"\n' + TAP + 'link = "alice-bob"\nsender = "charlie"\n'
    spec = topology(extra, FOUR_USERS)
    warnings = [str(warning) for warning in topology_warnings(spec)]
    assert warnings == ["taps.0: no effect: it sits on no link that shares a lane"]
    assert plans_of(spec.taps, build_network(spec).links) == ()


@pytest.mark.parametrize(
    ("extra", "fault"),
    [
        (OUTAGE.replace("15.0", "5.0"), "classical.outages.0: an outage ends after it has begun"),
        (OUTAGE + 'link = "alice-bab"\n', "unknown link alice-bab, did you mean alice-bob?"),
        (OUTAGE + 'link = "bob-alice"\n', "unknown link bob-alice, did you mean alice-bob?"),
        (CHANGE.replace("1e6", "0.0"), "classical.bandwidth_changes.0.bandwidth_bps: 0.0 is below"),
        (TAP.replace("replay", "reply"), "taps.0.kind: the text 'reply' is not"),
        (TAP + "byte = 3\n", "taps.0: a tap of kind replay has no byte"),
        (TAP + 'sender = "eve"\n', "taps.0.sender: unknown user eve"),
        (TAP.replace("20.0", "1.0"), "taps.0: an attack ends after it has begun"),
        (
            '\n[[taps]]\nkind = "flip"\ndatagram = 1\nprobability = 0.5\n',
            "taps.0: a flip has a probability or a datagram, not both",
        ),
        (
            '\n[[crashes]]\nuser = "bib"\nstop_s = 1.0\nstart_s = 2.0\n',
            "crashes.0.user: unknown user bib, did you mean bob?",
        ),
        (
            (
                '\n[[crashes]]\nuser = "bob"\nstop_s = 1.0\nstart_s = 2.0\n'
                '[[crashes]]\nuser = "alice"\nstop_s = 1.0\nstart_s = 2.0\n'
                '[[crashes]]\nuser = "bob"\nstop_s = 0.5\nstart_s = 1.5\n'
            ),
            "crashes.2: bob is down already from 1 to 2 s",
        ),
    ],
)
def test_faults_of_the_file_name_their_place(extra: str, fault: str) -> None:
    """What cannot be meant is refused with its key path."""
    with pytest.raises(ConfigError) as caught:
        topology(extra)
    assert any(fault in str(found) for found in caught.value.faults), str(caught.value)
