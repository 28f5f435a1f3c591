"""Paths between two users that share no user on their way, of the least cost together."""

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import count

Path = tuple[str, ...]
"""Users from one end to the other."""
Costs = Mapping[tuple[str, str], float]
"""Cost of each link, >= 0, by its two users in any order."""
_Node = tuple[str, bool]
"""A user, as who is arrived at (False) or left (True): a path passes from one to the other once."""
_Arcs = dict[tuple[_Node, _Node], float]


def disjoint_paths(costs: Costs, start: str, stop: str, paths: int) -> tuple[Path, ...]:
    """``paths`` of them from ``start`` to ``stop`` with no user in common but these two.

    The sum of their costs is the least there is: successive shortest paths through the residual
    graph of split nodes [1]_.

    Parameters
    ----------
    costs : mapping
    start, stop : str
        Two different users.
    paths : int
        At least 1.

    Returns
    -------
    tuple of tuple of str
        Shortest first, else by name; empty if there are fewer than ``paths``.

    References
    ----------
    .. [1] J. W. Suurballe, Disjoint paths in a network, Networks 4, 125 (1974).
    """
    arcs = _split(costs, start, stop)
    residual = dict(arcs)
    source, sink = (start, True), (stop, False)
    for _ in range(paths):
        if not _augment(residual, source, sink):
            return ()
    onward: dict[_Node, list[_Node]] = {}
    for tail, head in arcs.keys() - residual.keys():
        onward.setdefault(tail, []).append(head)
    found = [(start, *_follow(onward, first, sink)) for first in onward[source]]
    return tuple(sorted(found, key=lambda path: (len(path), path)))


def path_count(links: Iterable[tuple[str, str]], start: str, stop: str) -> int:
    """How many paths without a user in common there are, over ``links`` but the ends' own."""
    costs = {pair: 1.0 for pair in links if set(pair) != {start, stop}}
    return next(k for k in count() if not disjoint_paths(costs, start, stop, k + 1))


def _split(costs: Costs, start: str, stop: str) -> _Arcs:
    arcs: _Arcs = {}
    for (one, other), cost in costs.items():
        arcs[(one, True), (other, False)] = cost
        arcs[(other, True), (one, False)] = cost
        arcs |= {((name, False), (name, True)): 0.0 for name in (one, other)}
    ends = ((stop, True), (start, False))
    return {arc: cost for arc, cost in arcs.items() if arc[0] not in ends and arc[1] not in ends}


def _augment(residual: _Arcs, source: _Node, sink: _Node) -> bool:
    """Turn the arcs of a shortest path round; whether there is one."""
    before = _shortest(residual, source)
    if sink not in before:
        return False
    head = sink
    while head != source:
        tail = before[head]
        residual[head, tail] = -residual.pop((tail, head))
        head = tail
    return True


def _shortest(residual: _Arcs, source: _Node) -> dict[_Node, _Node]:
    """The node before each one that can be reached, by Bellman and Ford: costs may be negative."""
    distances, before = {source: 0.0}, dict[_Node, _Node]()
    has_changed = True
    while has_changed:
        has_changed = False
        for (tail, head), cost in residual.items():
            distance = distances.get(tail, math.inf) + cost
            # An arc and its reverse cancel only up to rounding: no gain may go in a circle.
            if distance < distances.get(head, math.inf) - 1e-9:
                distances[head], before[head] = distance, tail
                has_changed = True
    return before


def _follow(onward: Mapping[_Node, list[_Node]], node: _Node, sink: _Node) -> Iterator[str]:
    while True:
        if not node[1]:
            yield node[0]
        if node == sink:
            return
        (node,) = onward[node]
