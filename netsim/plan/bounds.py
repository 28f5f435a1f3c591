"""How few channels, and how narrow a span, any allocation needs: what makes a plan *proven*.

It knows no allocation and no search; whatever the search finds is held against these numbers.

The law
-------
Two photons of a pair have labels with a + b = s, where s is one of the distinct sums p_i + p_j of
two pumps (i <= j) [1]_. With D distinct sums a label meets at most D others, one a sum. k pumps
have k (k + 1) / 2 sums, fewer if they are spaced so that sums coincide: one pump 1, two pumps 3,
three pumps 6, or 5 when equally spaced.

**Ladders.** Going from a to s - a and on to s' - (s - a) = a + (s' - s) shifts a by a difference of
sums. So the labels that hang together with a are a + g Z and the mirror images s - a + g Z, with g
the greatest common divisor of the pumps' distances. For two pumps g = d = p2 - p1. Let A_r = a + r
d and B_r = p1 + p2 - A_r. Then A_r + B_q = p1 + p2 + (r - q) d, a sum just for r - q = -1, 0, 1:
A_r meets B_r (one photon of each pump) and B_(r-1), B_(r+1) (two of one pump). Drawn with A and B
changing sides in every row this is a ladder with rungs A_r B_r and two rails.

With one pump A_r meets B_r alone: separate pairs. With three equally spaced pumps A_r meets B_q for
|r - q| <= 2.

**Where a ladder is cut.** Let x = (label - p1) / d. The ladder of a and that of its mirror image
are one; so there is one ladder for each {x, -x} modulo 1, and x = 0 and x = 1/2 are their own
images. x = 0 holds all classical light: the pumps 0 and 1 and the stimulated lines -1 and 2 [1]_.
What is left of it is x >= 3 and x <= -2, the rows {3, -2}, {4, -3}, ...: half a ladder with a clean
end, and no other ladder loses anything. x = 1/2 holds the one label that pairs with itself, the
middle of the pumps; without it half a ladder is left, {3/2, -1/2} its first row. (It would meet
both labels of that row: a triangle.) So with d = n comb positions there are floor(n / 2) + 1
ladders, two of them halves if n is even and one if it is odd; neighbouring pumps (n = 1) have one
half, which lies on the comb without gaps but for the four classical labels in its middle.

**Lanes.** Let A and B be sets of labels, of sizes x and y, on the two sides of a ladder; N_s pairs
of A x B add up to s. For every t <= min(x, y) there are t disjoint paths through the table A x B
(both sorted), path k along row k from column 1 to y - k + 1 and down that column, each of them
strictly ascending in a + b and x + y - 2 k + 1 long. A sum occurs once at most on a path, so

    sum over s of min(N_s, t) >= t (x + y - t)    (Pollard's inequality for integers [2]_).

All N_s together are x y, hence sum over s of max(N_s - t, 0) <= (x - t)(y - t), and the D sums that
count give at most

    lanes <= D t + (x - t)(y - t)    for every t from 0 to min(x, y).

With D = 3 and x + y = M >= 2 the best t leaves floor(3 M / 2) - 2 lanes (and M adjacent labels
reach it); with D = 1, floor(M / 2); with D = 5, floor((5 M - 12) / 2) once M >= 4. Labels on
several ladders add what each carries, so every further ladder costs two more (D = 3). A set without
two sides (self-paired labels, or unequal pumps) still obeys the inequality with A = B = the whole
set, every lane counted twice.

**Channels.** A user who wants w others needs ceil(w / D) channels. So M >= the sum of these, and M
>= the least M that carries as many lanes as there are wanted pairs. Both hold for any allocation;
the larger is `channels_bound`. For N users, everyone with everyone, two pumps: M >= N ceil((N - 1)
/ 3) and M >= N (N - 1) / 3 + 4 / 3.

**Span.** A plan of span W lies in some window of W comb positions, which has so many usable labels
on so many ladders; if these cannot carry the wanted lanes or are fewer than `channels_bound`, no
plan of that span exists (`span_bound`).

A plan is *proven* best if its number of channels (its span, if that is the objective) equals the
bound; the bound is for the pumps that were given, or, where only their number was, for all pumps.
Exhaustive search (`netsim.plan.exact`) may raise the bound. Objectives of key rate are never
proven.

References
----------
.. [1] Fan et al., Light Sci. Appl. 14 (2025), section "Network scheme".
.. [2] J. M. Pollard, J. London Math. Soc. s2-8, 460 (1974), states it for residues.
"""

from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from netsim.plan.comb import NOBODY, Comb, build_comb
from netsim.plan.request import PlanRequest

Counts = NDArray[np.int64]


def lanes_between(one: Counts, other: Counts, sums: int) -> Counts:
    """Most lanes between ``one`` and ``other`` labels on the two sides of a ladder.

    Parameters
    ----------
    one, other : int64 arrays of one shape, >= 0
    sums : int
        D above. The bound is convex in t, with its least value at t = (one + other - D) / 2.
    """
    least = (one + other - sums) // 2
    tried = (np.clip(t, 0, np.minimum(one, other)) for t in (least, least + 1))
    first, second = (sums * t + (one - t) * (other - t) for t in tried)
    least_lanes: Counts = np.minimum(first, second)
    return least_lanes


def lanes_on_ladder(channels: Counts, sums: int, *, two_sided: bool = True) -> Counts:
    """Most lanes of ``channels`` labels that hang together; two sides of one size carry most."""
    if two_sided:
        return lanes_between(channels // 2, channels - channels // 2, sums)
    return lanes_between(channels, channels, sums) // 2


def lanes_on_comb(comb: Comb) -> Counts:
    """Most lanes of 0, 1, ... L labels of ``comb``: (L + 1,) int64, ascending."""
    size = comb.labels.size
    carried = np.zeros(1, dtype=np.int64)
    for part in comb.components:
        carried = _joined(carried, _lanes_of_part(comb, part))
    return np.concatenate((carried, np.repeat(carried[-1:], size + 1 - carried.size)))


def channels_bound(request: PlanRequest, comb: Comb | None) -> int | None:
    """Fewest channels of any allocation.

    Parameters
    ----------
    request : PlanRequest
    comb : Comb or None
        None: of any comb with as many pumps as requested.

    Returns
    -------
    int or None
        None if all labels of the comb are too few.
    """
    sums = _most_sums(request) if comb is None else len(comb.sums)
    by_users = sum(-(-degree // sums) for degree in request.degrees.values())
    wanted = len(request.demands)
    if comb is None:
        carried = lanes_on_ladder(
            np.arange(2 * wanted + by_users + 1), sums, two_sided=_is_two_sided(request)
        )  # Two channels a lane are always enough.
    else:
        carried = lanes_on_comb(comb)
    enough = np.flatnonzero(carried[by_users:] >= wanted)
    return by_users + int(enough[0]) if enough.size else None


def span_bound(request: PlanRequest, comb: Comb | None, channels: int) -> int:
    """Narrowest span, in comb positions, of any allocation.

    Parameters
    ----------
    request : PlanRequest
    comb : Comb or None
        None: of any comb with as many pumps as requested.
    channels : int
        `channels_bound` of the same comb.
    """
    wanted = len(request.demands)
    if comb is not None:
        return windows_of(comb).narrowest(channels, wanted)
    if request.pump_count == 1:
        return channels + 1  # Every lane straddles the pump.
    return _narrowest_of_any(request, channels) if request.pump_count == 2 else channels


@dataclass(frozen=True, eq=False)
class Windows:
    """All windows of a comb: what lies below each position, set by set and side by side.

    Attributes
    ----------
    below : (positions + 1, sets, 2) int64
        Usable labels among the first positions. A set without sides counts twice.
    has_sides : (sets,) bool
    sums : int
    """

    below: Counts
    has_sides: NDArray[np.bool_]
    sums: int

    def narrowest(self, channels: int, wanted: int) -> int:
        """Span below which no window may hold so many channels and lanes."""
        return next(
            span
            for span in count(channels)
            if span >= len(self.below) or self.may_carry(span, channels, wanted)
        )

    def may_carry(self, span: int, channels: int, wanted: int) -> bool:
        """Whether some window of ``span`` positions may hold so many channels and lanes."""
        return bool(self.that_may_carry(span, channels, wanted).any())

    def that_may_carry(self, span: int, channels: int, wanted: int) -> NDArray[np.bool_]:
        """Which windows of ``span`` positions may, by the position that they begin with."""
        inside = self.below[span:] - self.below[:-span]
        labels = inside.sum(axis=2) // np.where(self.has_sides, 1, 2)
        lanes = lanes_between(inside[:, :, 0], inside[:, :, 1], self.sums)
        lanes //= np.where(self.has_sides, 1, 2)
        is_enough = labels.sum(axis=1) >= channels
        may: NDArray[np.bool_] = is_enough & (lanes.sum(axis=1) >= wanted)
        return may


def windows_of(comb: Comb) -> Windows:
    """All windows of a comb with one connected set at least."""
    positions = (comb.labels - comb.labels[0]) // comb.spacing_labels
    parts = [(part, _sides(comb, part)) for part in comb.components]
    member = np.zeros((int(positions[-1]) + 2, len(parts), 2), dtype=np.int64)
    for c, (part, sides) in enumerate(parts):
        for side in (0, 1):
            member[positions[part] + 1, c, side] = 1 if sides is None else sides == side
    has_sides = np.array([sides is not None for _, sides in parts])
    return Windows(np.cumsum(member, axis=0), has_sides, len(comb.sums))


def _most_sums(request: PlanRequest) -> int:
    return request.pump_count * (request.pump_count + 1) // 2


def _is_two_sided(request: PlanRequest) -> bool:
    return request.pump_count <= 2 and not request.allow_self_paired


def _joined(first: Counts, second: Counts) -> Counts:
    """Most lanes on two separate parts together, for every number of labels."""
    joined = np.zeros(first.size + second.size - 1, dtype=np.int64)
    for m, lanes in enumerate(first):
        np.maximum(joined[m : m + second.size], lanes + second, out=joined[m : m + second.size])
    return joined


def _lanes_of_part(comb: Comb, part: Counts) -> Counts:
    """Most lanes of 0, 1, ... all labels of a connected set."""
    channels, sides = np.arange(part.size + 1), _sides(comb, part)
    if sides is None:
        return lanes_on_ladder(channels, len(comb.sums), two_sided=False)
    smaller = int(min(sides.sum(), part.size - sides.sum()))
    one = np.minimum(channels // 2, smaller)
    return lanes_between(one, channels - one, len(comb.sums))


def _sides(comb: Comb, part: Counts) -> NDArray[np.bool_] | None:
    """On which side each label of a connected set is; None if it has no sides (an odd circle)."""
    side = {int(part[0]): False}
    queue = [int(part[0])]
    for v in queue:  # grows while it is read
        for w in comb.neighbours[v]:
            if w != NOBODY and int(w) not in side:
                side[int(w)] = not side[v]
                queue.append(int(w))
    if any(side[v] == side[int(w)] for v in queue for w in comb.neighbours[v] if w != NOBODY):
        return None
    return np.array([side[int(v)] for v in part])


def _narrowest_of_any(request: PlanRequest, channels: int) -> int:
    """Span below which no two pumps, at whatever distance, leave a window that may do.

    Neighbouring pumps set a first figure. Pumps further apart than the window leave every label one
    partner in it; nearer ones make it meet all floor(n / 2) + 1 ladders, each of which carries at
    least 3 / 2 lanes less than 3 / 2 a label.
    """
    wanted = len(request.demands)
    span = windows_of(_comb_around(request, 1, 2 * channels + 8)).narrowest(channels, wanted)
    for distance in range(2, span):
        if 2 * wanted <= 3 * (span - 2 - distance // 2):
            windows = windows_of(_comb_around(request, distance, span))
            while windows.may_carry(span - 1, channels, wanted):
                span -= 1
    return min(span, max(channels, 2 * wanted))


def _comb_around(request: PlanRequest, distance: int, span: int) -> Comb:
    """A comb that holds every window with a lane, whatever the labels are called."""
    low = span + distance
    return build_comb(
        (low, low + distance),
        1,
        (0, 2 * low + distance),
        allow_self_paired=request.allow_self_paired,
    )
