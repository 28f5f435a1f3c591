"""Own clicks laid out so that those near any of many lines are found in one look each.

`protocols.bbm92.coincidence` walks through both ends' clicks for one line; a search tries dozens.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.compiled import kernel


@dataclass(frozen=True, slots=True, eq=False)
class ClickTable:
    """Own clicks, laid out so that those near many lines are found soon.

    Attributes
    ----------
    own_ps : (M,) int64
        Ascending, M > 0.
    first : (B,) int32
        One more than the index of the first click of each span of ``1 << shift`` ps, counted from
        the first click; 0 where there is none.
    shift : int
        So long are spans that a window no wider than was asked for lies in two at most.
    """

    own_ps: NDArray[np.int64]
    first: NDArray[np.int32]
    shift: int

    @classmethod
    def of(cls, own_ps: NDArray[np.int64], *, width_ps: int) -> "ClickTable":
        """For windows of up to ``width_ps``, by spans as short as they may be."""
        length_ps = int(own_ps[-1] - own_ps[0]) + 1
        shift = max(width_ps, length_ps // (SPANS_PER_CLICK * own_ps.size)).bit_length()
        return cls(own_ps, _first_of_spans(own_ps, shift), shift)


SPANS_PER_CLICK = 8
"""At most: a table too long for a near cache takes longer to look into (measured: 2 to 64)."""


@kernel
def _first_of_spans(own_ps: NDArray[np.int64], shift: int) -> NDArray[np.int32]:
    first = np.zeros(((own_ps[-1] - own_ps[0]) >> shift) + 1, dtype=np.int32)
    for j in range(own_ps.size - 1, -1, -1):
        first[(own_ps[j] - own_ps[0]) >> shift] = j + 1
    return first


@kernel
def _note_in_table(  # noqa: PLR0917 - a kernel takes arrays, not objects
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    first: NDArray[np.int32],
    shift: int,
    reference_ps: int,
    offset_ps: float,
    rate: float,
    half_ps: int,
    announced: NDArray[np.int64],
    differences_ps: NDArray[np.int64],
) -> int:
    """Number of pairs within ``half_ps`` of a line; the first of them, as many as fit."""
    count = np.int64(0)
    begin_ps, spans = own_ps[0], np.int64(first.size)
    for k in range(announced_ps.size):
        shift_ps = np.int64(np.rint(offset_ps + rate * (announced_ps[k] - reference_ps)))
        predicted_ps = announced_ps[k] + shift_ps
        low = (predicted_ps - half_ps - begin_ps) >> shift
        high = (predicted_ps + half_ps - begin_ps) >> shift
        if high < 0 or low >= spans:
            continue
        at = first[max(low, 0)]
        if at == 0:
            at = first[min(high, spans - 1)]
        if at == 0:
            continue
        j = np.int64(at) - 1
        while j < own_ps.size and own_ps[j] < predicted_ps - half_ps:
            j += 1
        while j < own_ps.size and own_ps[j] < predicted_ps + half_ps:
            if count < announced.size:
                announced[count] = k
                differences_ps[count] = own_ps[j] - predicted_ps
            count += 1
            j += 1
    return int(count)


@kernel
def find_in_table(  # noqa: PLR0917 - a kernel takes arrays, not objects
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    first: NDArray[np.int32],
    shift: int,
    reference_ps: int,
    offset_ps: float,
    rate: float,
    half_ps: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Announced index and difference (K,) of the pairs within ``half_ps`` of a line.

    The same pairs as `find_about` finds, by the spans of a `ClickTable`: nearly all of them are
    empty, so that nearly every announced click is done with after two looks.
    """
    found = np.empty((2, announced_ps.size), dtype=np.int64)
    line = (reference_ps, offset_ps, rate)
    count = _note_in_table(announced_ps, own_ps, first, shift, *line, half_ps, found[0], found[1])
    if count > announced_ps.size:  # seldom: a list that grows would cost more at every click
        found = np.empty((2, count), dtype=np.int64)
        _note_in_table(announced_ps, own_ps, first, shift, *line, half_ps, found[0], found[1])
    return found[0, :count].copy(), found[1, :count].copy()
