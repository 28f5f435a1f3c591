"""The best key rates: a climb from a plan that serves everyone to one that serves everyone better.

Simulated annealing on the analytic twin's figures. A move exchanges two labels, gives a label to
another user or to nobody, exchanges all labels of two users, or changes the power of the pumps.
Every label that a user takes adds its photons to the noise of all the user's lanes, so a move
changes all links of the users it touches.

It knows rates (`netsim.plan.rates`), and nothing of labels or of how the first plan was found.
"""

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from netsim.plan.cover import Sites
from netsim.plan.fewest import Effort
from netsim.plan.rates import Rates, Reals
from netsim.plan.standing import Standing, new_standing, refresh
from protocols.compiled import kernel

SHARPNESS = (8.0, 30.0)
"""The smallest of many rates is replaced by (sum of rate^-p)^(-1/p), which is smooth, so that the
climb sees the second poorest link too. Two climbs follow each other, the second nearly sharp: of 45
equal rates it makes 12 % less."""
FLOOR_BPS = 1e-3
"""Stands for no key at all, so that its logarithm exists."""
HOT, COLD = 0.1, 0.002
"""Temperatures in logarithms of a rate: a move may cost some 10 % at first, 0.2 % at last."""
PENALTY = 1.0
"""Of a pair without a lane, in the same measure."""
EXCHANGES, GIFTS, RENAMINGS = 0.45, 0.7, 0.95
"""Up to these shares of all moves: exchange two labels; give one to somebody else, or to nobody;
exchange all labels of two users. The rest change the power."""
POWER_STEP = 0.05
"""Standard deviation of a change of power, in its logarithm."""
POWERS_MW = (1e-3, 1e3)
"""Where the best power is looked for."""
CHUNK_MOVES = 5_000
"""Between two looks at Ctrl-C."""
SCANNED = 70
"""Powers scanned before the golden section, 22 % apart."""
POWER_PRECISION = 1e-4
"""Of the logarithm of the best power."""
GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


class Hill(NamedTuple):
    """What is climbed.

    Attributes
    ----------
    rates : Rates
    neighbours : (L, K) int64
    wanted : (P, 2) int64
        Pairs of users.
    weights : (P,) float64
    is_total : bool
        The weighted sum of the rates, else the smallest rate per weight.
    most_channels : int
    is_power_free : bool
        Whether a climb may change the power.
    """

    rates: Rates
    neighbours: Sites
    wanted: Sites
    weights: Reals
    is_total: bool
    most_channels: int
    is_power_free: bool


@dataclass(frozen=True, slots=True, eq=False)
class Spot:
    """A place on a hill.

    Attributes
    ----------
    owners : (L,) int64
        User of every label; the number of users for nobody.
    power_mw : float
        Of every pump, in the fibre.
    """

    owners: Sites
    power_mw: float


def climb(rng: Generator, hill: Hill, start: Spot, moves: int, effort: Effort) -> Spot:
    """Look for a better place for ``moves`` moves, from ``start`` on."""
    spot = start
    for sharpness in SHARPNESS:
        share = max(1, moves // len(SHARPNESS))
        spot = _climb_once(rng, hill, spot, share, effort, sharpness=sharpness)
    return spot


def best_power_mw(hill: Hill, owners: Sites) -> float:
    """The power of each pump, in the fibre, that suits an allocation best.

    The smallest of rates that each rise and fall does so too: a coarse scan brackets its top,
    golden section finds it. If some pair has no key whatever the power, those decide that have,
    at the power where most do.
    """
    scanned = np.linspace(math.log(POWERS_MW[0]), math.log(POWERS_MW[1]), SCANNED)
    values = [_value_at(hill, owners, log_power) for log_power in scanned]
    if not hill.is_total and max(values) == 0.0:
        lit = max((_have_key(hill, owners, power) for power in scanned), key=np.count_nonzero)
        if lit.any():
            served = hill._replace(wanted=hill.wanted[lit], weights=hill.weights[lit])
            return best_power_mw(served, owners)
    top = int(np.argmax(values))
    low, high = scanned[max(0, top - 1)], scanned[min(SCANNED - 1, top + 1)]
    while high - low > POWER_PRECISION:
        first, second = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        if _value_at(hill, owners, first) < _value_at(hill, owners, second):
            low = first
        else:
            high = second
    return math.exp(low)


def value_bps(hill: Hill, spot: Spot) -> float:
    """What is climbed, neither softened nor penalised; -1 if a wanted pair has no lane."""
    standing = _standing(hill, spot)
    one, other = hill.wanted[:, 0], hill.wanted[:, 1]
    bps = standing.links_bps[one, other]
    if np.any(standing.lanes[one, other] == 0):
        return -1.0
    return float((bps * hill.weights).sum() if hill.is_total else (bps / hill.weights).min())


def _value_at(hill: Hill, owners: Sites, log_power: float) -> float:
    return value_bps(hill, Spot(owners, math.exp(log_power)))


def _have_key(hill: Hill, owners: Sites, log_power: float) -> NDArray[np.bool_]:
    """Which wanted pairs have key."""
    standing = _standing(hill, Spot(owners, math.exp(log_power)))
    links_bps = standing.links_bps[hill.wanted[:, 0], hill.wanted[:, 1]]
    return np.greater(links_bps, 0.0)


def _standing(hill: Hill, spot: Spot) -> Standing:
    users = hill.rates.user.size
    standing = new_standing(spot.owners, users)
    refresh(np.arange(users), standing, hill.rates, hill.neighbours, spot.power_mw)
    return standing


def _climb_once(
    rng: Generator, hill: Hill, start: Spot, moves: int, effort: Effort, *, sharpness: float
) -> Spot:
    standing = _standing(hill, start)
    best = start.owners.copy()
    now = np.array([start.power_mw, score(standing, hill, sharpness)])
    top = now.copy()
    cooling = (COLD / HOT) ** (1.0 / moves)
    for first in range(0, moves, CHUNK_MOVES):
        if effort.should_stop():
            break
        chunk = min(CHUNK_MOVES, moves - first)
        wander(rng, standing, hill, now, best, top, chunk, sharpness, HOT * cooling**first, cooling)
    return Spot(best, float(top[0]))


@kernel
def score(standing: Standing, hill: Hill, sharpness: float) -> float:
    """Logarithm of what is climbed."""
    total, missing, softened = 0.0, 0, 0.0
    for p in range(hill.weights.size):
        one, other = hill.wanted[p, 0], hill.wanted[p, 1]
        bps = standing.links_bps[one, other]
        if standing.lanes[one, other] == 0:
            missing += 1
        total += hill.weights[p] * bps
        softened += max(bps / hill.weights[p], FLOOR_BPS) ** -sharpness
    value = math.log(max(total, FLOOR_BPS)) if hill.is_total else -math.log(softened) / sharpness
    return value - PENALTY * missing


@kernel
def wander(
    rng: Generator,
    standing: Standing,
    hill: Hill,
    now: Reals,
    best: Sites,
    top: Reals,
    moves: int,
    sharpness: float,
    temperature: float,
    cooling: float,
) -> None:
    """Make ``moves`` moves on ``standing``.

    Parameters
    ----------
    rng : Generator
    standing : Standing
    hill : Hill
    now : (2,) float64
        Power in mW and score, now.
    best : (L,) int64
        Owners at the highest score so far; ``top`` is ``now`` there.
    top : (2,) float64
    moves : int
    sharpness, temperature, cooling : float
    """
    before = Standing(
        standing.owners.copy(),
        standing.survivals.copy(),
        standing.clicks_hz.copy(),
        standing.links_bps.copy(),
        standing.lanes.copy(),
    )
    everybody, both = np.arange(hill.rates.user.size), np.zeros(2, np.int64)
    for _ in range(moves):
        temperature *= cooling
        both[0], both[1], power_mw = propose(rng, standing, hill, now[0])
        if power_mw == now[0] and both[0] == both[1]:
            continue
        users = both if power_mw == now[0] else everybody
        refresh(users, standing, hill.rates, hill.neighbours, power_mw)
        reached = score(standing, hill, sharpness)
        is_kept = reached >= now[1] or rng.random() < math.exp((reached - now[1]) / temperature)
        source, target = (standing, before) if is_kept else (before, standing)
        copy_users(source, target, users)
        if is_kept:
            now[0], now[1] = power_mw, reached
            if reached > top[1]:
                top[0], top[1] = power_mw, reached
                copy_sites(standing.owners, best)


@kernel
def propose(
    rng: Generator, standing: Standing, hill: Hill, power_mw: float
) -> tuple[int, int, float]:
    """Change the owners of labels, or the power.

    Returns
    -------
    one, other : int
        The users (or nobody) whose labels were changed; equal if none were.
    power_mw : float
    """
    sites, nobody = standing.owners.size, hill.rates.user.size
    kind = rng.random()
    if kind < EXCHANGES:
        v, w = int(rng.random() * sites), int(rng.random() * sites)
        one, other = standing.owners[v], standing.owners[w]
        standing.owners[v], standing.owners[w] = other, one
        return one, other, power_mw
    if kind < GIFTS:
        v, other = int(rng.random() * sites), int(rng.random() * (nobody + 1))
        one = standing.owners[v]
        if one == nobody and count_used(standing.owners, nobody) >= hill.most_channels:
            return nobody, nobody, power_mw
        standing.owners[v] = other
        return one, other, power_mw
    if kind < RENAMINGS:
        one, other = int(rng.random() * nobody), int(rng.random() * nobody)
        for v in range(sites):
            if standing.owners[v] == one:
                standing.owners[v] = other
            elif standing.owners[v] == other:
                standing.owners[v] = one
        return one, other, power_mw
    if hill.is_power_free:
        power_mw *= math.exp(POWER_STEP * rng.standard_normal())
    return nobody, nobody, power_mw


@kernel
def count_used(owners: Sites, nobody: int) -> int:
    """How many labels belong to somebody."""
    used = 0
    for v in range(owners.size):
        if owners[v] != nobody:
            used += 1
    return used


@kernel
def copy_users(source: Standing, target: Standing, users: Sites) -> None:
    """Copy the owners and what belongs to ``users`` (or nobody)."""
    copy_sites(source.owners, target.owners)
    everybody = source.lanes.shape[0]
    for user in users:
        if user == everybody:
            continue
        for k in range(source.survivals.shape[1]):
            target.survivals[user, k] = source.survivals[user, k]
            target.clicks_hz[user, k] = source.clicks_hz[user, k]
        for other in range(everybody):
            target.links_bps[user, other] = source.links_bps[user, other]
            target.links_bps[other, user] = source.links_bps[other, user]
            target.lanes[user, other] = source.lanes[user, other]
            target.lanes[other, user] = source.lanes[other, user]


@kernel
def copy_sites(source: Sites, target: Sites) -> None:
    """Copy one number a label."""
    for v in range(source.size):
        target[v] = source[v]
