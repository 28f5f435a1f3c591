"""The labels that may carry photons, and which meet which: the graph that a plan is laid on.

It knows pumps, comb and band, and nothing of users.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from netsim.topology.processes import unusable_labels

NOBODY = -1
"""In a table of neighbours: none."""


_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def pump_count_text(count: int) -> str:
    """For people: "one pump", "two pumps"; figures above ten."""
    number = _COUNTS[count] if count < len(_COUNTS) else str(count)
    return f"{number} pump" if count == 1 else f"{number} pumps"


@dataclass(frozen=True, eq=False)
class Comb:
    """Usable labels and their partners.

    Attributes
    ----------
    pumps : tuple of int
        ITU labels, ascending.
    spacing_labels : int
        Free spectral range of the ring in labels.
    sums : tuple of int
        The distinct sums p_i + p_j, ascending.
    labels : (L,) int64, ascending
        Labels on the comb and in the band that may carry photons.
    neighbours : (L, len(sums)) int64
        ``neighbours[v, k]``: index of the label ``sums[k] - labels[v]``; `NOBODY` where that is
        not usable or the label itself.
    has_self_pairs : bool
        Whether labels that pair with themselves may be used.
    """

    pumps: tuple[int, ...]
    spacing_labels: int
    sums: tuple[int, ...]
    labels: NDArray[np.int64]
    neighbours: NDArray[np.int64]
    has_self_pairs: bool

    @property
    def twice_centre(self) -> int:
        """Sum of the outermost pumps: the comb of lanes is symmetric about half of it."""
        return self.pumps[0] + self.pumps[-1]

    @property
    def pumps_text(self) -> str:
        """For people: "pump C40", "pumps C37, C40 and C44"."""
        *others, last = (f"C{pump}" for pump in self.pumps)
        return f"pumps {', '.join(others)} and {last}" if others else f"pump {last}"

    @cached_property
    def components(self) -> tuple[NDArray[np.int64], ...]:
        """Indices of each connected set of two labels or more, from the centre outwards.

        The largest set comes first; of sets of one size that nearest to the centre.
        """
        found = [self._outwards(part) for part in _connected(self.neighbours) if len(part) > 1]
        return tuple(sorted(found, key=lambda part: (-part.size, self._distance(part[0]))))

    def _outwards(self, part: Sequence[int]) -> NDArray[np.int64]:
        return np.array(sorted(part, key=lambda v: (self._distance(v), -v)), dtype=np.int64)

    def _distance(self, index: int) -> int:
        return abs(2 * int(self.labels[index]) - self.twice_centre)


def build_comb(
    pumps: Sequence[int],
    spacing_labels: int,
    band: tuple[int, int],
    *,
    avoid: frozenset[int] = frozenset(),
    allow_self_paired: bool = False,
) -> Comb:
    """Work out which labels of ``band`` (both ends included) may be used, and who meets whom."""
    pumps = tuple(sorted(pumps))
    sums = pump_sums(pumps)
    barred = set(unusable_labels(pumps)) | avoid
    if not allow_self_paired:
        barred |= {total // 2 for total in sums if total % 2 == 0}
    first = band[0] + (pumps[0] - band[0]) % spacing_labels
    labels = [label for label in range(first, band[1] + 1, spacing_labels) if label not in barred]
    index = {label: k for k, label in enumerate(labels)}
    neighbours = [
        [index.get(total - label, NOBODY) if total != 2 * label else NOBODY for total in sums]
        for label in labels
    ]
    return Comb(
        pumps=pumps,
        spacing_labels=spacing_labels,
        sums=sums,
        labels=np.array(labels, dtype=np.int64),
        neighbours=np.array(neighbours, dtype=np.int64).reshape(len(labels), len(sums)),
        has_self_pairs=allow_self_paired,
    )


def pump_sums(pumps: Sequence[int]) -> tuple[int, ...]:
    """Distinct sums p_i + p_j with i <= j, ascending: what the labels of a pair add up to."""
    return tuple(sorted({p + q for p, q in combinations_with_replacement(pumps, 2)}))


def _connected(neighbours: NDArray[np.int64]) -> list[list[int]]:
    """Connected sets of a graph given by its table of neighbours."""
    seen = np.zeros(len(neighbours), dtype=np.bool_)
    parts = []
    for start in range(len(neighbours)):
        if seen[start]:
            continue
        seen[start], part = True, [start]
        for v in part:  # grows while it is read
            for w in neighbours[v]:
                if w != NOBODY and not seen[w]:
                    seen[w] = True
                    part.append(int(w))
        parts.append(part)
    return parts
