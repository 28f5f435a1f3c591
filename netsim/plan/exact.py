"""Exhaustive search of small cases: an allocation with fewer channels, or the proof that none is.

The CP-SAT solver of OR-tools decides whether some allocation on a given graph of labels has at most
so many channels. It needs the extra ``plan``; without it nothing is decided and the bounds of
`netsim.plan.bounds` stand.

Where only the number of pumps was given (two), one graph stands for all: every allocation of M
channels, on whatever ladders of whatever pumps, can be pushed together on one ladder of M rows by
stacking the ladders and leaving out empty rows, which only adds lanes.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np

from netsim.plan.allocation import Allocation, wanted_indices
from netsim.plan.comb import NOBODY, Comb, build_comb
from netsim.plan.request import PlanRequest

MOST_UNKNOWNS = 6000
"""Of lanes times wanted pairs: larger cases are not tried."""
SECONDS = 20.0
"""Of the solver's deterministic time, so that the outcome does not depend on the machine."""


def hint() -> str:
    """What could decide a small case that is open, if it is not installed; else nothing."""
    if find_spec("ortools") is not None:
        return ""
    return "; exhaustive search of small cases needs OR-tools: pip install 'qnsp-netsim[plan]'"


def all_ladders(request: PlanRequest, channels: int) -> Comb | None:
    """One comb that stands for all with two pumps, for at most ``channels`` labels; else None."""
    if request.pump_count != 2 or request.allow_self_paired:
        return None
    low = channels + 1  # Neighbouring pumps: rows from the third on, as many as channels.
    return build_comb((low, low + 1), 1, (0, 2 * low + 1))


def fewer_channels(
    request: PlanRequest, comb: Comb, channels: int
) -> Allocation | Literal[False] | None:
    """Decide whether at most ``channels`` labels of ``comb`` serve every wanted pair.

    The request's effort multiplies the time that it may take.

    Returns
    -------
    Allocation, False or None
        An allocation; False if there is none; None if that was not decided.
    """
    wanted = wanted_indices(request)
    lanes = int(np.count_nonzero(comb.neighbours != NOBODY)) // 2
    if lanes * len(wanted) > MOST_UNKNOWNS:
        return None
    try:
        cp_model = import_module("ortools.sat.python.cp_model")
    except ImportError:
        return None
    model = cp_model.CpModel()
    gives = _gives(model, request, comb, channels)
    _serve(model, gives, comb, wanted)
    solver = cp_model.CpSolver()
    solver.parameters.max_deterministic_time = SECONDS * request.effort
    solver.parameters.random_seed = request.seed % 2**31
    solver.parameters.num_workers = 1
    status = solver.solve(model)
    if status == cp_model.INFEASIBLE:
        return False
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    owners = np.full(comb.labels.size, NOBODY, dtype=np.int64)
    for (v, user), variable in gives.items():
        if solver.value(variable):
            owners[v] = user
    return Allocation(comb, owners)


def _gives(
    model: Any, request: PlanRequest, comb: Comb, channels: int
) -> dict[tuple[int, int], Any]:
    """Whether label v goes to a user, with one user a label and enough labels a user."""
    users, labels = range(len(request.users)), range(comb.labels.size)
    gives = {(v, user): model.new_bool_var(f"{v}-{user}") for v in labels for user in users}
    for v in labels:
        model.add_at_most_one(gives[v, user] for user in users)
    model.add(sum(gives.values()) <= channels)
    degrees = request.degrees
    for user, name in enumerate(request.users):
        needed = -(-degrees[name] // len(comb.sums))
        model.add(sum(gives[v, user] for v in labels) >= needed)
    if request.is_complete:  # Users are alike: the next one begins behind the one before.
        for user in users[1:]:
            for v in labels:
                model.add_bool_or(gives[v, user].negated(), *(gives[w, user - 1] for w in range(v)))
    return gives


def _serve(
    model: Any, gives: dict[tuple[int, int], Any], comb: Comb, wanted: list[tuple[int, int]]
) -> None:
    """Every wanted pair has a lane: some two neighbours are theirs."""
    for one, other in wanted:
        lanes = []
        for v in range(comb.labels.size):
            for w in comb.neighbours[v]:
                if w != NOBODY:
                    lane = model.new_bool_var(f"{v}-{w}-{one}-{other}")
                    model.add_implication(lane, gives[v, one])
                    model.add_implication(lane, gives[int(w), other])
                    lanes.append(lane)
        model.add_bool_or(lanes)
