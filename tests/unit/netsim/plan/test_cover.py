"""Annealing covers: the counts that it keeps, and what it finds."""

from itertools import combinations

import numpy as np

from netsim.plan.cover import Puzzle, anneal, anneal_cover, count_covers, plain_puzzle
from netsim.plan.sites import central_sites, neighbours_among
from tests.unit.netsim.plan.requests import ladder


def ladder_puzzle(users: int, sites: int) -> Puzzle:
    """Everyone with everyone on adjacent labels."""
    comb = ladder()
    chosen = central_sites(comb, sites)
    assert chosen is not None
    pairs = list(combinations(range(users), 2))
    return plain_puzzle(neighbours_among(comb, chosen), users, pairs)


def slow_covers(puzzle: Puzzle, symbols: np.ndarray) -> list[int]:
    """Lanes of every pair, one by one."""
    covers = [0] * puzzle.pairs
    for v in range(symbols.size):
        for w in puzzle.neighbours[v]:
            if w > v:
                pair = puzzle.pair_of[1, symbols[v], symbols[w]]
                if pair < puzzle.pairs:
                    covers[pair] += 1
    return covers


def test_counts_after_many_moves_are_those_of_a_recount() -> None:
    """Whatever moves were kept and undone, covers and missing pairs are right, and holes stay."""
    puzzle = ladder_puzzle(7, 18)
    rng = np.random.default_rng(1)
    symbols = rng.integers(0, 7, 18)
    symbols[[4, 9]] = puzzle.nobody
    best, covers = symbols.copy(), np.zeros(puzzle.pairs + 1, dtype=np.int64)
    missing = np.full(2, count_covers(symbols, covers, puzzle))
    for temperature in (1.0, 0.3):
        anneal_cover(rng, symbols, best, covers, missing, puzzle, 2000, temperature, 1.0)
        assert covers[:-1].tolist() == slow_covers(puzzle, symbols)
        assert missing[0] == slow_covers(puzzle, symbols).count(0)
        assert missing[1] == slow_covers(puzzle, best).count(0)
        assert np.count_nonzero(symbols == puzzle.nobody) == 2


def test_ten_users_fit_32_labels() -> None:
    """The least number of labels that ten users can have is found in a second."""
    puzzle = ladder_puzzle(10, 32)
    cover = anneal(np.random.default_rng(2), puzzle, np.arange(32) % 10, 5_000_000)
    assert cover.missing == 0
    assert slow_covers(puzzle, cover.symbols).count(0) == 0


def test_what_cannot_be_is_not_found() -> None:
    """With one label less than the bound a pair stays without a lane."""
    cover = anneal(np.random.default_rng(2), ladder_puzzle(4, 5), np.arange(5) % 4, 100_000)
    assert cover.missing > 0


def test_the_same_seed_gives_the_same_cover() -> None:
    """Annealing is a function of its generator."""
    puzzle, start = ladder_puzzle(10, 32), np.arange(32) % 10
    one, other = (anneal(np.random.default_rng(5), puzzle, start, 300_000) for _ in range(2))
    assert np.array_equal(one.symbols, other.symbols)


def test_stopping_keeps_the_best_so_far() -> None:
    """A search that is stopped at once returns its start."""
    start = np.zeros(32, dtype=np.int64)
    cover = anneal(
        np.random.default_rng(2), ladder_puzzle(10, 32), start, 10**9, should_stop=lambda: True
    )
    assert np.array_equal(cover.symbols, start)
    assert cover.missing == 45
