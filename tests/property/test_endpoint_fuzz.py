"""Whatever comes over the wire: no exception, no unequal bits, no pad twice, bounded memory."""

import random
import tracemalloc
from functools import partial

import numpy as np
import pytest

from netsim.taps.tap import TapPlan
from protocols.messages import Role
from tests.support.fuzzing import BOMBS, Fuzzer, other_bytes, other_envelope, other_header
from tests.support.links import link_config
from tests.support.tapped import TappedEnds
from tests.support.two_ends import clean_ends


def attacked(seed: int) -> TappedEnds:
    """Up to eight rounds under mutations of random strength, with up to three crashes.

    Light is strong, weak or none; a part of the links samples its bits.
    """
    rng = random.Random(seed)
    changes = rng.choice([{}, {}, {"estimation": "sample", "sample_share": 0.15}])
    pairs_hz = rng.choice([1500.0, 3000.0, 6000.0, 6000.0, 200.0, 0.01])
    ends = clean_ends(
        seed % 5 + 1,
        duration_s=rng.choice([3.0, 5.0, 8.0]),
        config=link_config(**changes),
        pairs_hz=pairs_hz,
    )
    plan = TapPlan(
        partial(Fuzzer, probability=10 ** rng.uniform(-2.3, -0.3)),
        start_ps=int(rng.uniform(0, 3) * 1e12),
        stop_ps=int(rng.uniform(3, 10) * 1e12),
    )
    tapped = TappedEnds(ends, [plan], seed=seed)
    crashes = {rng.randrange(1, 400): rng.choice(list(Role)) for _ in range(rng.choice([0, 0, 3]))}

    def crash(count: int) -> None:
        if count in crashes:
            ends.crash(crashes[count])

    ends.on_delivery = crash
    ends.run(until_s=400.0)
    return tapped


def check_seeds(seeds: range) -> None:
    """Invariants 1 and 4 at every moment, both ends settled alike when the attacker has gone."""
    strikes = noticed = blocks = 0
    for seed in seeds:
        tapped = attacked(seed)
        assert tapped.faults() == [], seed
        strikes += tapped.strikes
        noticed += len(tapped.ends.alarms())
        blocks += len(tapped.ends.usable[0])
    assert strikes > 4 * len(seeds)
    assert noticed > len(seeds) / 4
    assert blocks > len(seeds) / 2


def test_mutated_traffic() -> None:
    """Twelve attacks without a plan."""
    check_seeds(range(12))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 4000, 100))
def test_mutated_traffic_long(first: int) -> None:
    """Three thousand of them, a hundred at a time."""
    check_seeds(range(first, first + 100))


@pytest.mark.parametrize("count", [5_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_junk_at_endpoints_costs_no_memory(count: int) -> None:
    """Junk at both ends of a live link, dressed as its own: a few MB at most, however much it is.

    Noise, wrong headers, sound headers around length bombs, deep nesting and mutated messages.
    """
    ends = clean_ends(1, duration_s=3.0)
    tapped = TappedEnds(ends, [])
    ends.run(until_s=1.9)
    rng, made = random.Random(1), np.zeros(5, dtype=np.int64)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for turn in range(count):
        role = Role(turn % 2)
        view = tapped.chains[role.peer].wire.view
        datagram = view.last_data
        assert datagram is not None
        kind = rng.randrange(5)
        made[kind] += 1
        match kind:
            case 0:
                junk = rng.randbytes(rng.randrange(200))
            case 1:
                junk = other_header(rng, datagram)
            case 2:
                junk = other_bytes(rng, view.datagrams[-1])
            case 3:
                junk = view.forged(rng.choice(BOMBS)) or b""
            case _:
                known = [found for seen in view.messages.values() for found in seen]
                junk = view.forged(other_envelope(rng, rng.choice(known), known)) or b""
        ends.ends[role].receive_message(junk, ends.now_ps)
        ends.flush()
        ends._agenda.clear()
        ends.events.clear()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 8e6
    assert made.min() > count / 10
