"""Faults of the classical channel: each does what it says, and none of them costs nothing."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from netsim.devices.classical import ClassicalChannel, ClassicalPath
from netsim.devices.faults import WireFaults
from netsim.kernel.simulator import Simulator
from tests.support.bounds import assert_binomial

US_PS = 1_000_000
Arrival = tuple[int, bytes]


def arrivals(
    faults: WireFaults,
    sent_ps: list[int],
    *,
    jitter_ps: int = 0,
    size: int = 125,
    seed: int = 1,
) -> list[Arrival]:
    """When and what comes out: datagrams of 125 bytes last 1 us at 1 Gbit/s, latency 5 us."""
    sim = Simulator()
    path = ClassicalPath(5 * US_PS, 1e9, jitter_ps, faults)
    got: list[Arrival] = []
    channel = ClassicalChannel(
        sim,
        path,
        np.random.default_rng(seed),
        lambda datagram: got.append((sim.now_ps, datagram)),
    )
    for k, time_ps in enumerate(sent_ps):
        event = sim.wait_until(time_ps)
        datagram = k.to_bytes(4, "big").ljust(size, b"\0")
        event.callbacks.append(partial(_send, channel, datagram))
    sim.run()
    assert channel.counts.sent == len(sent_ps)
    assert len(got) == len(sent_ps) - channel.counts.lost + channel.counts.duplicated
    return got


def _send(channel: ClassicalChannel, datagram: bytes, _event: object) -> None:
    channel.send(datagram)


def numbers(got: list[Arrival]) -> list[int]:
    """Which datagrams came, in order."""
    return [int.from_bytes(datagram[:4], "big") for _, datagram in got]


def test_without_faults_nothing_but_jitter_is_drawn() -> None:
    """Arrival = end of transmission + latency + one uniform draw each, as ever."""
    sent_ps = [k * 100 * US_PS for k in range(50)]
    rng = np.random.default_rng(1)
    expected = [time_ps + 6 * US_PS + int(rng.random() * 3 * US_PS) for time_ps in sent_ps]
    assert [time_ps for time_ps, _ in arrivals(WireFaults(), sent_ps, jitter_ps=3 * US_PS)] == (
        expected
    )


def test_loss_has_its_rate() -> None:
    """Of 20000 datagrams 5 % are lost, the others arrive once."""
    got = arrivals(WireFaults(loss_probability=0.05), [k * 2 * US_PS for k in range(20_000)])
    assert_binomial(20_000 - len(got), 20_000, 0.05)
    assert len(set(numbers(got))) == len(got)


def test_duplication_has_its_rate() -> None:
    """2 % arrive twice, the same bytes, and none is missing."""
    faults = WireFaults(duplication_probability=0.02)
    got = numbers(arrivals(faults, [k * 2 * US_PS for k in range(20_000)]))
    assert set(got) == set(range(20_000))
    assert_binomial(len(got) - 20_000, 20_000, 0.02)


def test_reordered_datagrams_are_overtaken() -> None:
    """A datagram held up by 50 us comes after those sent in the meantime; nothing is lost."""
    faults = WireFaults(reordering_probability=0.1, reordering_delay_ps=50 * US_PS)
    got = numbers(arrivals(faults, [k * 10 * US_PS for k in range(5_000)]))
    assert sorted(got) == list(range(5_000))
    back = [earlier - later for earlier, later in pairwise(got) if later < earlier]
    assert back
    assert max(back) <= 5
    # One that is held up while its successor is not comes late: 0.1 times 0.9.
    late = sum(got.index(k) > got.index(k + 1) for k in range(500))
    assert_binomial(late, 500, 0.09)


def test_outage_takes_what_leaves_within_it() -> None:
    """Lost from the first moment to just before the last; what is on its way still arrives."""
    faults = WireFaults(outages=((100 * US_PS, 200 * US_PS),))
    sent_ps = [99 * US_PS, 100 * US_PS, 150 * US_PS, 200 * US_PS - 2, 200 * US_PS]
    got = arrivals(faults, sent_ps)
    assert numbers(got) == [0, 4]
    assert [time_ps for time_ps, _ in got] == [105 * US_PS, 206 * US_PS + US_PS - 2]


def test_bandwidth_changes_at_its_time() -> None:
    """At a tenth of the bandwidth a datagram takes ten times as long, from the change on."""
    faults = WireFaults(bandwidth_changes=((50 * US_PS, 1e8), (200 * US_PS, 1e9)))
    sent_ps = [40 * US_PS, 50 * US_PS, 51 * US_PS, 300 * US_PS]
    got = arrivals(faults, sent_ps)
    assert [time_ps for time_ps, _ in got] == [
        46 * US_PS,
        65 * US_PS,
        75 * US_PS,
        306 * US_PS,
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_same_stream_same_faults(seed: int) -> None:
    """One seed gives one story, down to the picosecond."""
    faults = WireFaults(0.1, 0.1, 0.1, 20 * US_PS)
    sent_ps = [k * 5 * US_PS for k in range(500)]
    first = arrivals(faults, sent_ps, jitter_ps=US_PS, seed=seed)
    assert first == arrivals(faults, sent_ps, jitter_ps=US_PS, seed=seed)
    assert first != arrivals(faults, sent_ps, jitter_ps=US_PS, seed=seed + 1)


def test_outage_is_half_open() -> None:
    """It takes what leaves at its start, to the picosecond, and no more what leaves at its end."""
    faults = WireFaults(outages=((100, 200), (300, 400)))
    times_ps = (99, 100, 199, 200, 299, 300, 399, 400)
    found = [faults.is_out(time_ps) for time_ps in times_ps]
    assert found == [False, True, True, False] * 2
