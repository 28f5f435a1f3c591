"""A run that is written to disk keeps nothing of the rounds that are over."""

import gc
import tracemalloc
from pathlib import Path

import pytest

from netsim.simulation.run import simulate
from netsim.topology.load import load_topology
from netsim.units import PS_PER_S

ROUND_S = 0.5
EARLY_S, LATE_S = 10, 60
SAMPLES = 10


@pytest.mark.slow
def test_memory_does_not_grow_with_rounds(tmp_path: Path) -> None:
    """Between 20 and 120 rounds with key, what Python holds grows by less than 3 kB a round.

    With movements and keys in memory it grew by more than twice as much. What is left stays below a
    bound that takes some two minutes to fill: timers of up to 120 s that are not needed any more,
    and the times of the last datagrams. Least of ten looks, half a round apart: in between messages
    and tags of the round under way come and go.
    """
    # In short frames there is less light on its way.
    asked = [f"protocol.round_s={ROUND_S}", "frame_s=0.05"]
    topology = load_topology("two_user", overrides=asked)
    held: dict[int, list[int]] = {EARLY_S: [], LATE_S: []}

    def look(done_ps: int) -> None:
        if done_ps == PS_PER_S:
            tracemalloc.start()
        for start_s, found in held.items():
            elapsed_ps = done_ps - start_s * PS_PER_S
            if 0 <= elapsed_ps < SAMPLES * PS_PER_S // 4 and elapsed_ps % (PS_PER_S // 4) == 0:
                gc.collect()
                found.append(tracemalloc.get_traced_memory()[0])

    try:
        run = simulate(
            topology, duration_s=LATE_S + SAMPLES / 4, seed=1, out=tmp_path, progress=look
        )
    finally:
        tracemalloc.stop()
    counts = run.links[0].counts
    assert counts.blocks > 1.9 * LATE_S
    assert counts.blocks_failed < 0.05 * counts.blocks
    rounds = (LATE_S - EARLY_S) / ROUND_S
    assert min(held[LATE_S]) - min(held[EARLY_S]) < 3000 * rounds, held
