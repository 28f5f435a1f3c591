"""Runs of one topology at two levels of fidelity, judged by their own scatter."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

import netsim
from netsim.results.fidelity import Fidelity
from netsim.results.run import Run
from netsim.topology.specs import TopologySpec

SIGMAS = 4.0


def runs_of(topology: TopologySpec, level: Fidelity, *, duration_s: float, seeds: int) -> list[Run]:
    """Independent runs: levels share no draw."""
    return [
        netsim.simulate(topology, duration_s=duration_s, seed=seed, fidelity=level)
        for seed in range(1, seeds + 1)
    ]


def figures(run: Run) -> Iterator[tuple[str, float]]:
    """What two levels are compared by."""
    yield from lane_figures(run)
    for link in run.links:
        counts = link.counts
        yield f"{link.users} deposited", counts.deposited_bits
        yield f"{link.users} sifted", counts.sifted_bits
        yield f"{link.users} sampled", counts.sampled_bits
        yield f"{link.users} leaked", counts.leaked_bits
        yield f"{link.users} authentication", counts.auth_spent_bits


def lane_figures(run: Run) -> Iterator[tuple[str, float]]:
    """Of lanes, as the simulator knows them."""
    for lane in run.lanes:
        yield f"{lane.users} {lane.channels} sifted", lane.sifted_bits
        yield f"{lane.users} {lane.channels} errors", lane.errors
        yield f"{lane.users} {lane.channels} coincidences", lane.coincidences


def deviations(one: Sequence[Run], other: Sequence[Run]) -> dict[str, float]:
    """By how many of their own standard errors the means of either level differ."""
    rows = [[dict(figures(run)) for run in runs] for runs in (one, other)]
    found: dict[str, float] = {}
    for name in rows[0][0]:
        first, second = (np.array([row[name] for row in level], dtype=float) for level in rows)
        error = math.sqrt(first.var(ddof=1) / first.size + second.var(ddof=1) / second.size)
        difference = float(first.mean() - second.mean())
        found[name] = difference / error if error else math.copysign(math.inf, difference)
        if not difference:
            found[name] = 0.0
    return found


def assert_agree(one: Sequence[Run], other: Sequence[Run]) -> None:
    """Means differ by at most four of their own standard errors, either way."""
    for name, sigmas in deviations(one, other).items():
        assert abs(sigmas) <= SIGMAS, (name, sigmas)


def assert_counts_agree(one: Sequence[Run], other: Sequence[Run]) -> None:
    """Sums of lanes' counts differ by at most four standard deviations of Poisson, either way."""
    rows = [[dict(lane_figures(run)) for run in runs] for runs in (one, other)]
    for name in rows[0][0]:
        first, second = (math.fsum(row[name] for row in level) for level in rows)
        sigma = math.sqrt(first / len(one) ** 2 + second / len(other) ** 2)
        assert abs(first / len(one) - second / len(other)) <= SIGMAS * sigma, (name, first, second)
