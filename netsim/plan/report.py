"""A plan for people and for programs: tables that fit the terminal, and the JSON.

It knows finished plans, and computes nothing but sums.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from netsim.plan.draw import FREE, PUMP, STIMULATED, draw_comb, draw_ladders, letter_of, style_of
from netsim.plan.exact import hint
from netsim.plan.planner import Plan
from netsim.plan.request import Objective
from netsim.report.plan import (
    DIM,
    GROWTH,
    GROWTH_NAMES,
    GROWTH_NUMBERS,
    PARTIAL,
    TRADEOFF,
    TRADEOFF_NAMES,
    TRADEOFF_NUMBERS,
    growth_cells,
    table_notes,
    tradeoff_cells,
)
from netsim.report.text import add_names, add_numbers, fits, fixed, plain_table
from netsim.report.wanted import print_wanted
from netsim.units import ITU_SPACING_HZ, wavelength_nm_from_label

POOREST_SHOWN = 10
"""Lanes in the table of a network with more users than fit a matrix."""


def plan_json(plan: Plan) -> dict[str, Any]:
    """The plan as JSON, key rates in bits per second; ``partial`` is there only if it is true."""
    allocation, names = plan.allocation, plan.request.users
    return {
        "pumps": list(allocation.comb.pumps),
        "users": {name: allocation.labels_of(k) for k, name in enumerate(names)},
        "lanes": [
            {"users": [names[k] for k in lane.users], "channels": list(lane.labels)}
            for lane in allocation.lanes()
        ],
        "channels": allocation.channels,
        "span": allocation.span,
        "lower_bound": plan.lower_bound,
        "proven": plan.is_proven,
        "min_skr_bps": min(plan.promised_bps),
        "total_skr_bps": sum(plan.promised_bps),
        "dim_pairs": plan.dim_pairs,
        "objective": str(plan.request.objective),
        "power_mw": plan.power_mw,
        "pairs": [
            {"users": list(demand.users), "skr_bps": promised_bps, "formula_bps": bps}
            for demand, promised_bps, bps in zip(
                plan.request.demands, plan.promised_bps, plan.wanted_bps, strict=True
            )
        ],
        "singles_hz": {name: plan.prediction.singles_hz(name) for name in names},
        "notes": [headline(plan), *_facts(plan), *keyless([plan])],
        "lacks": list(_lacks(plan)),
        **_demand_json(plan),
        **({"partial": True} if plan.is_partial else {}),
    }


def _demand_json(plan: Plan) -> dict[str, Any]:
    """What the plan's applications get, as `netsim twin --json` says it."""
    if plan.demand is None:
        return {}
    return {"demand": plan.demand.summary() | {"remedies": plan.remedies}}


def keyless(plans: Sequence[Plan]) -> Iterator[str]:
    """A line for each plan that leaves wanted pairs without key, or without the light for it.

    And for each whose applications do not get all that they want.
    """
    for plan in plans:
        if plan.dim_pairs:
            yield f"{_size(plan)}: {plan.dim_pairs} of {len(plan.wanted_bps)} links are dim, {DIM}"
        yield from _lacks(plan)


def _size(plan: Plan) -> str:
    return f"{len(plan.request.users)} users, {plan.allocation.channels} channels"


def _lacks(plan: Plan) -> Iterator[str]:
    """What pairs and applications lack beside light."""
    wanted_bps = plan.wanted_bps
    without = sum(bps <= 0 for bps in wanted_bps)
    if without:
        yield f"{_size(plan)}: no key on {without} of {len(wanted_bps)} links, by the analytic twin"
    if plan.short_pairs:
        yield (
            f"{_size(plan)}: authentication takes what {plan.short_pairs} of {len(wanted_bps)} "
            f"links make in rounds of {plan.topology.protocol.round_s:g} s"
        )
    if plan.demand is not None and plan.demand.short:
        poorest = min(plan.demand.short, key=lambda each: each.share)
        yield (
            f"{_size(plan)}: {len(plan.demand.short)} of {len(plan.demand.applications)} "
            f"applications fall short of key, {poorest.wish.name} gets {poorest.share:.0%}"
        )


def print_plan(plan: Plan, console: Console) -> None:
    """Print headline, users, comb, ladders and key rates."""
    console.print(Text(headline(plan), style="bold"), soft_wrap=True)
    for line in _facts(plan):
        console.print(Text(line))
    for line in keyless([plan]):
        console.print(Text(line, style="bold"))
    console.print()
    console.print(_users(plan))
    console.print()
    key = f"Comb: letters are users, {PUMP} pump, {STIMULATED} stimulated line, {FREE} unused"
    console.print(Text(key, style="bold"))
    for drawn in draw_comb(plan.allocation, console.width):
        console.print(drawn, no_wrap=True)
    console.print()
    ladders = list(draw_ladders(plan.allocation, console.width))
    if ladders:
        console.print(Text(_ladder_key(plan), style="bold"))
    for drawn in ladders:
        console.print(drawn, no_wrap=True)
    matrix = _matrix(plan)
    console.print(matrix if fits(matrix, console) else _poorest(plan))
    if plan.demand is not None:
        console.print()
        print_wanted(plan.demand, plan.remedies, console)


def headline(plan: Plan) -> str:
    """One line: what was planned."""
    allocation = plan.allocation
    partial = f", {PARTIAL}" if plan.is_partial else ""
    return f"{_size(plan)}, {allocation.comb.pumps_text}{partial}"


def _facts(plan: Plan) -> Iterator[str]:
    allocation, request, promised_bps = plan.allocation, plan.request, plan.promised_bps
    what = "span" if request.objective is Objective.SPAN else "channels"
    yield f"Lower bound of the {what}: {plan.lower_bound}, {_gap(plan)}."
    lowest, highest = int(allocation.used[0]), int(allocation.used[-1])
    yield (
        f"Span: C{lowest} to C{highest}, {allocation.span} positions of "
        f"{allocation.comb.spacing_labels * ITU_SPACING_HZ / 1e9:.0f} GHz, "
        f"{wavelength_nm_from_label(highest):.1f} to {wavelength_nm_from_label(lowest):.1f} nm."
    )
    lanes = len(allocation.lanes())
    yield f"Lanes: {lanes} for {len(request.demands)} wanted pairs."
    yield (
        f"Power: {plan.power_mw:.4g} mW per pump in the fibre. Asymptotic key by the analytic "
        f"twin: poorest pair {min(promised_bps):.4g} bit/s, all {sum(promised_bps):.5g} bit/s."
    )


def _gap(plan: Plan) -> str:
    if plan.reached == plan.lower_bound:
        return "reached: this is the least"
    is_counted = plan.request.objective is Objective.CHANNELS
    above = f"here {plan.reached}, {plan.reached - plan.lower_bound} above"
    return f"{above}: less is not excluded{hint() if is_counted else ''}"


def _users(plan: Plan) -> Table:
    table = plain_table("Users")
    add_names(table, "", "User", "Channels")
    add_numbers(table, "Singles\n[1/s]", "Poorest\n[bit/s]", "All\n[bit/s]")
    for k, name in enumerate(plan.request.users):
        labels = " ".join(f"C{label}" for label in plan.allocation.labels_of(k))
        table.add_row(Text(letter_of(k), style=style_of(k)), name, labels, *_numbers(plan, name))
    return table


def _numbers(plan: Plan, user: str) -> list[str]:
    pairs = zip(plan.request.demands, plan.promised_bps, strict=True)
    own = [bps for demand, bps in pairs if user in demand.users]
    return [fixed(plan.prediction.singles_hz(user), 0), fixed(min(own), 2), fixed(sum(own), 1)]


def _ladder_key(plan: Plan) -> str:
    if len(plan.allocation.comb.pumps) == 1:
        return "Pairs: | is a lane"
    return "Ladder: | is a lane of both pumps, \\ / X are lanes of one pump twice"


def _matrix(plan: Plan) -> Table:
    """Key rates of all pairs, users by their letters."""
    users = plan.request.users
    pairs = zip(plan.request.demands, plan.promised_bps, strict=True)
    cells_of = {demand.users: _rate(bps) for demand, bps in pairs}
    cells_of |= dict.fromkeys(plan.dim, " dim")
    table = plain_table("Asymptotic key of every wanted pair [bit/s]")
    add_names(table, "User")
    add_numbers(table, *(f" {letter_of(k)}" for k in range(1, len(users))))
    for k, one in enumerate(users[:-1]):
        cells = [cells_of.get((one, other), " -") if j > k else "" for j, other in enumerate(users)]
        table.add_row(f"{letter_of(k)} {one}", *cells[1:])
    return table


def _rate(bps: float) -> str:
    return f" {bps:.1f}" if bps < 99.95 else f" {bps:.0f}"


def _poorest(plan: Plan) -> Table:
    """The pairs with the least key."""
    table = plain_table("Poorest pairs, asymptotic key [bit/s]")
    add_names(table, "Pair")
    add_numbers(table, "SKR")
    pairs = zip(plan.request.demands, plan.promised_bps, strict=True)
    for demand, bps in sorted(pairs, key=lambda pair: pair[1])[:POOREST_SHOWN]:
        table.add_row(" & ".join(demand.users), fixed(bps, 3))
    return table


def print_growth(plans: Sequence[Plan], console: Console, *, is_partial: bool = False) -> None:
    """Print how plans grow with the number of users."""
    table = plain_table(GROWTH)
    add_numbers(table, *GROWTH_NUMBERS)
    add_names(table, *GROWTH_NAMES)
    told = [plan_json(plan) for plan in plans]
    for plan in told:
        numbers, names = growth_cells(plan)
        table.add_row(*numbers, *names)
    console.print(table)
    _print_end(table_notes(told, is_growth=True), console, is_partial=is_partial)


def print_tradeoff(plans: Sequence[Plan], console: Console, *, is_partial: bool = False) -> None:
    """Print the points of a curve, fewest channels first."""
    table = plain_table(TRADEOFF)
    add_names(table, *TRADEOFF_NAMES)
    add_numbers(table, *TRADEOFF_NUMBERS)
    told = [plan_json(plan) for plan in plans]
    for plan in told:
        names, numbers = tradeoff_cells(plan)
        table.add_row(*names, *numbers)
    console.print(table)
    _print_end(table_notes(told, is_growth=False), console, is_partial=is_partial)


def _print_end(notes: Iterator[str], console: Console, *, is_partial: bool) -> None:
    """What is to be known of a table of plans beside its rows."""
    for note in notes:
        console.print(Text(note))
    if is_partial:
        console.print(Text(PARTIAL, style="bold"))
