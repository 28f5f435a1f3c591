"""Events of the optical network: what they change, when, and which are refused."""

import pytest

from netsim.errors import ConfigError
from netsim.topology.changes import Cut, Deliver, Power, Repair
from netsim.topology.events import event_times
from netsim.topology.load import parse_topology
from netsim.topology.source import RingSourceSpec
from netsim.topology.timeline import Timeline
from netsim.topology.unwise import topology_warnings
from netsim.twin.prediction import predict
from tests.unit.netsim.topology.texts import FOUR_USERS, TWO_USERS

SECOND_PS = 10**12
TWO_PUMPS = '{channel = "C35", power_mw = 1.0}, {channel = "C34", power_mw = 1.0}'


def with_events(*events: str, text: str = FOUR_USERS) -> str:
    """Topology text with events."""
    return text + "".join(f"\n[[events]]\n{event}\n" for event in events)


def transmittances(text: str, time_ps: int) -> dict[tuple[str, str], float]:
    """Of every outlet at a time."""
    network = Timeline(parse_topology(text), stop_ps=100 * SECOND_PS).network_at(time_ps)
    return {(way.channel, way.user): way.transmittance for way in network.channels}


def test_cut_and_repair_of_a_fibre() -> None:
    """Nothing arrives in between, everything as before after it; others do not notice."""
    text = with_events(
        'time_s = 2\nkind = "cut"\nuser = "bob"', 'time_s = 5\nkind = "repair"\nuser = "bob"'
    )
    before, dark, after = (transmittances(text, t * SECOND_PS) for t in (1, 3, 6))
    assert dark["C42", "bob"] == 0.0 < before["C42", "bob"] == after["C42", "bob"]
    assert dark["C38", "alice"] == before["C38", "alice"]
    # An event holds from its very time on.
    assert transmittances(text, 2 * SECOND_PS - 1) == before
    assert transmittances(text, 2 * SECOND_PS) == dark


def test_attenuation_is_in_db() -> None:
    """Ten dB more: a tenth."""
    text = with_events('time_s = 2\nkind = "attenuate"\nuser = "bob"\nextra_loss_db = 10')
    before, after = (transmittances(text, t * SECOND_PS) for t in (1, 3))
    assert after["C42", "bob"] == pytest.approx(before["C42", "bob"] / 10)


def test_power_of_one_pump_and_of_all() -> None:
    """A degenerate process follows its own pump squared, a mixed one both."""
    text = with_events(
        'time_s = 1\nkind = "power"\nchannel = "C34"\npower_mw = 0.2',
        'time_s = 2\nkind = "power"\npower_mw = 0.1',
    )
    timeline = Timeline(parse_topology(text), stop_ps=10 * SECOND_PS)
    rates = [
        {p.channels: p.rate_hz for p in timeline.network_at(t * SECOND_PS).processes}
        for t in (0, 1, 2)
    ]
    for pair, one, both in (
        (("C30", "C38"), 1 / 4, 1 / 16),  # 2 p1
        (("C42", "C50"), 1.0, 1 / 16),  # 2 p2
        (("C38", "C42"), 1 / 2, 1 / 16),  # p1 + p2
    ):
        assert rates[1][pair] == pytest.approx(one * rates[0][pair])
        assert rates[2][pair] == pytest.approx(both * rates[0][pair])


def test_channel_that_moves_to_another_user_moves_its_lanes() -> None:
    """C54 from Charlie to Bob: lanes of all states are known from the start, dark where absent."""
    text = with_events('time_s = 3\nkind = "deliver"\nchannel = "C54"\nusers = ["bob"]')
    timeline = Timeline(parse_topology(text), stop_ps=10 * SECOND_PS)
    before, after = timeline.network_at(0), timeline.network_at(3 * SECOND_PS)
    assert before.lanes == after.lanes
    assert ("C38", "C54+C42") in [lane.channels for lane in before.lanes]
    assert before.channel("C54", "bob") is None
    assert after.channel("C54", "charlie") is None
    # Alice and Bob gain the pairs C38&C54; Alice and Charlie have none left.
    gained, lost = (
        (
            predict(before).lane(channels).true_hz,
            predict(after).lane(channels).true_hz,
        )
        for channels in (("C38", "C54+C42"), ("C38", "C54"))
    )
    assert gained[1] > 1.1 * gained[0]
    assert lost[0] > 200.0
    assert lost[1] == 0.0


def test_new_pumps_make_other_pairs() -> None:
    """Pump management: with one pump at C40 only C38&C42 and C26&C54, C30&C50 are left."""
    text = with_events('time_s = 3\nkind = "pumps"\npumps = [{channel = "C40", power_mw = 1.0}]')
    timeline = Timeline(parse_topology(text), stop_ps=10 * SECOND_PS)
    lit = [
        lane.channels
        for lane in timeline.network_at(4 * SECOND_PS).lanes
        if lane.parts[0].process.rate_hz > 0
    ]
    assert lit == [("C38", "C42"), ("C54", "C26"), ("C50", "C30")]


def test_absent_user_gets_no_light_until_joining() -> None:
    """Presence and the fibre are two things: a repair does not bring a user back."""
    text = with_events(
        'time_s = 1\nkind = "repair"\nuser = "dave"', 'time_s = 2\nkind = "join"\nuser = "dave"'
    ).replace('name = "dave" ', 'is_present = false\nname = "dave" ')
    found = [transmittances(text, t * SECOND_PS)["C30", "dave"] for t in (0, 1, 2)]
    assert found[0] == found[1] == 0.0 < found[2]


def test_repeated_events_keep_their_grid() -> None:
    """The k-th repeat is rounded, not the step; events at one time keep the order of the file."""
    events = tuple(kind(time_s=0.0, user="bob", every_s=1 / 3) for kind in (Cut, Repair))
    found = list(event_times(events, stop_ps=SECOND_PS + 1))
    assert [time_ps for time_ps, _ in found[::2]] == [
        0, 333_333_333_333, 666_666_666_667, SECOND_PS,
    ]  # fmt: skip
    assert [event.kind for _, event in found] == ["cut", "repair"] * 4


def test_epochs_tile_the_run() -> None:
    """Epochs follow each other without gaps, and equal states share one network."""
    text = with_events(
        'time_s = 1\nkind = "cut"\nuser = "bob"\nevery_s = 2',
        'time_s = 2\nkind = "repair"\nuser = "bob"\nevery_s = 2',
    )
    timeline = Timeline(parse_topology(text), stop_ps=10 * SECOND_PS)
    epochs = list(timeline.epochs())
    assert [epoch.start_ps for epoch in epochs] == [k * SECOND_PS for k in range(10)]
    assert [epoch.stop_ps for epoch in epochs] == [k * SECOND_PS for k in range(1, 11)]
    assert len({id(epoch.network) for epoch in epochs}) == len(timeline.networks) == 2


def test_state_that_was_not_planned_for_is_refused() -> None:
    """A channel cannot be given to a user whose links know nothing of it."""
    topology = parse_topology(FOUR_USERS)
    timeline = Timeline(topology, stop_ps=SECOND_PS)
    weaker = Power(time_s=0, power_mw=0.2)
    source = timeline.network_of(weaker.applied_to(topology)).topology.qnsp.source
    assert isinstance(source, RingSourceSpec)
    assert source.pumps[0].power_mw == 0.2
    moved = Deliver(time_s=0, channel="C54", users=("bob",))
    with pytest.raises(ValueError, match="not planned for"):
        timeline.network_of(moved.applied_to(topology))


@pytest.mark.parametrize(
    ("event", "path", "message"),
    [
        ('time_s = 1\nkind = "cut"', "events.0", "needs user"),
        ('time_s = 1\nkind = "cut"\nuser = "eve"', "events.0.user", "unknown user eve"),
        ('time_s = 1\nkind = "cut"\nuser = "bob"\npower_mw = 1.0', "events.0", "has no power_mw"),
        ('time_s = 1\nkind = "explode"\nuser = "bob"', "events.0.kind", "'explode'"),
        ('time_s = -1\nkind = "cut"\nuser = "bob"', "events.0.time_s", "below 0"),
        (
            'time_s = 1\nkind = "power"\nchannel = "C38"\npower_mw = 1.0',
            "events.0",
            "there is no pump C38",
        ),
        (
            'time_s = 1\nkind = "deliver"\nchannel = "C60"\nusers = ["bob"]',
            "events.0",
            "C60 is not among the channels",
        ),
        (
            'time_s = 1\nkind = "deliver"\nchannel = "C38"\nusers = ["eve"]',
            "events.0",
            "there is no user eve",
        ),
        (
            'time_s = 1\nkind = "pumps"\npumps = [{channel = "C38", power_mw = 1.0}]',
            "events.0",
            "from 1 s on C38 is a pump",
        ),
        (
            f'time_s = 1\nkind = "pumps"\npumps = [{TWO_PUMPS}]',
            "events.0",
            "off the comb",
        ),
    ],
)
def test_impossible_events_are_refused(event: str, path: str, message: str) -> None:
    """Each with its key path and its reason."""
    with pytest.raises(ConfigError) as caught:
        parse_topology(with_events(event, text=TWO_USERS))
    (fault,) = caught.value.faults
    assert fault.path == path
    assert message in fault.message


def test_warnings_look_at_all_states() -> None:
    """Users who are linked only from some event on get no warning."""
    text = TWO_USERS.replace('user = "bob"', "users = []")
    moved = 'time_s = 2\nevery_s = 3\nkind = "deliver"\nchannel = "C42"\nusers = ["bob"]'
    assert topology_warnings(parse_topology(with_events(moved, text=text))) == ()
