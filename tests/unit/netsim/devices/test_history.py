"""States of the network in order of time, several changes at one time, and the events of a file."""

import netsim
from netsim.devices.history import NetworkHistory, follow_events
from netsim.kernel.simulator import Simulator
from netsim.topology.changes import Attenuate, Change, Cut, Repair
from netsim.topology.timeline import Timeline

MS_PS = 10**9
CUT, REPAIR = Cut(time_s=0.0, user="bob"), Repair(time_s=0.0, user="bob")


def history(*events: str) -> tuple[NetworkHistory, Timeline]:
    """Of two users, with some events planned for."""
    overrides = [f"events=[{','.join(events)}]"]
    timeline = Timeline(netsim.load_topology("two_user", overrides=overrides), stop_ps=100 * MS_PS)
    return NetworkHistory(timeline, stop_ps=100 * MS_PS), timeline


def test_between_gives_what_is_in_force() -> None:
    """Half-open bounds, cut to those asked for; before the first change the first state."""
    states, timeline = history()
    one = timeline.network_at(0)
    states.change(CUT, 100)
    states.change(REPAIR, 200)
    ((_, two),) = states.between(100, 101)
    assert one is not two
    assert states.between(0, 100) == [(0, one)]
    assert states.between(50, 101) == [(50, one), (100, two)]
    assert states.between(100, 200) == [(100, two)]
    assert states.between(0, 1000) == [(0, one), (100, two), (200, one)]
    assert states.between(-5, 1) == [(-5, one)]
    assert states.between(500, 501) == [(500, one)]
    assert [time_ps for time_ps, _ in states.changes] == [100, 200]


def test_two_changes_at_once_are_one() -> None:
    """The latter holds; no change is no new epoch."""
    states, timeline = history()
    states.change(CUT, 0)
    states.change(REPAIR, 0)
    states.change(REPAIR, 50)
    states.change(REPAIR, 100)
    states.change(CUT, 100)
    states.change(CUT, 100)
    epochs = states.epochs(50)
    assert [(e.start_ps, e.stop_ps) for e in epochs] == [(0, 100), (100, 100)]
    assert epochs[0].network is timeline.network_at(0) is not epochs[1].network


def test_last_epoch_ends_with_the_light_or_now() -> None:
    """Never before it begins."""
    states, _ = history()
    states.change(CUT, 10 * MS_PS)
    stops = [states.epochs(now_ps * MS_PS)[-1].stop_ps // MS_PS for now_ps in (5, 50, 500)]
    assert stops == [10, 50, 100]


def test_change_at_the_start_happens_once() -> None:
    """The state at time 0 is that of the file with its events at 0, each applied once."""
    states, timeline = history('{time_s=0, kind="attenuate", user="bob", extra_loss_db=3.0}')
    states.change(Attenuate(time_s=0.0, user="bob", extra_loss_db=3.0), 0)
    assert states.between(0, 50) == [(0, timeline.network_at(0))]


def test_events_of_a_file_are_followed_in_their_order() -> None:
    """At their times, those of one time as in the file, none when the light is over."""
    _, timeline = history(
        '{time_s=0.03, kind="cut", user="bob"}',
        '{time_s=0.01, kind="cut", user="alice", every_s=0.02}',
        '{time_s=0.1, kind="repair", user="bob"}',
    )
    sim = Simulator()
    seen: list[tuple[int, Change]] = []

    def note(change: Change) -> None:
        seen.append((sim.now_ps, change))

    sim.process(follow_events(sim, timeline, stop_ps=60 * MS_PS, change=note))
    sim.run()
    assert [(time_ps // MS_PS, getattr(change, "user", "")) for time_ps, change in seen] == [
        (10, "alice"), (30, "bob"), (30, "alice"), (50, "alice"),
    ]  # fmt: skip
