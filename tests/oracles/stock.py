"""Blocked requests at a stock of keys, by Markov chains; shares no code with the simulator.

A key that nobody can have is lost to whoever asks for it, so the level of the stock is all there is
to know. With keys and requests both Poisson it is a birth-death chain, the queue M/M/1/K with keys
as customers; with keys that come at fixed times the level just before each of them is a chain.
"""

import math

import numpy as np


def poisson_income(income_hz: float, demand_hz: float, most: int) -> float:
    """Share of requests that find no key: pi_0 of M/M/1/K.

    Parameters
    ----------
    income_hz, demand_hz : float
        Keys and requests per second, both Poisson.
    most : int
        Keys that the stock holds at most; further ones are lost.
    """
    load = income_hz / demand_hz
    return 1.0 / sum(load**level for level in range(most + 1))


def constant_income(mean_requests: float, keys: int, most: int) -> float:
    """Share of requests that find no key where ``keys`` of them come at once, again and again.

    Parameters
    ----------
    mean_requests : float
        Between two incomes; their number is Poisson.
    keys : int
        Of one income.
    most : int
        Keys that the stock holds at most; further ones are lost.
    """
    counts = range(most + 400)
    weights = np.array(
        [math.exp(k * math.log(mean_requests) - mean_requests - math.lgamma(k + 1)) for k in counts]
    )
    step = np.zeros((most + 1, most + 1))
    blocked = np.zeros(most + 1)
    for level in range(most + 1):
        for requests, weight in zip(counts, weights, strict=True):
            after = min(max(level - requests, 0) + keys, most)
            step[level, after] += weight
            blocked[level] += weight * max(requests - level, 0)
    system = np.vstack([step.T - np.eye(most + 1), np.ones(most + 1)])
    shares = np.linalg.lstsq(system, np.append(np.zeros(most + 1), 1.0), rcond=None)[0]
    return float(shares @ blocked) / mean_requests
