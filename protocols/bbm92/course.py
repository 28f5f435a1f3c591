"""The course of another clock through one announcement: where pairs are to be expected.

It sees times, never bases or bits.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.coincidence import Alignment, pairs_about
from protocols.bbm92.smoothing import differences_ps, tangent_at
from protocols.compiled import kernel
from protocols.link import PS_PER_S
from protocols.matching import NearPairs

SPARE_PS = 100
"""By how much more a course may differ from a line between two knots than at either of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """Offset of the clock through an announcement: a parabola, and knots of what differs from it.

    The parabola is ``state`` (offset in ps, ps/s, ps/s^2) at announcer time ``zero_ps``.
    """

    zero_ps: int
    state: NDArray[np.float64]
    knots_s: NDArray[np.float64]
    """(N,) ascending, from ``zero_ps``."""
    beyond_ps: NDArray[np.float64]
    """(N,) less the parabola, or none where it is one."""

    def about(
        self,
        pairs: NearPairs,
        announced_ps: NDArray[np.int64],
        own_ps: NDArray[np.int64],
        *,
        shift_ps: float = 0.0,
    ) -> NearPairs:
        """The same pairs of clicks, with differences by the course, ``shift_ps`` further."""
        return NearPairs(
            pairs.announced,
            pairs.own,
            differences_ps(
                announced_ps,
                own_ps,
                pairs.announced,
                pairs.own,
                shift_ps,
                self.zero_ps,
                self.state,
                self.knots_s,
                self.beyond_ps,
            ),
        )

    def line(self, time_ps: int) -> Alignment:
        """The tangent of the parabola at ``time_ps``, as high as the course there."""
        offset_ps, rate = tangent_at(
            time_ps, self.zero_ps, self.state, self.knots_s, self.beyond_ps
        )
        return Alignment(time_ps, offset_ps, rate / PS_PER_S)

    def near(
        self,
        line: Alignment,
        announced_ps: NDArray[np.int64],
        own_ps: NDArray[np.int64],
        *,
        low_ps: int,
        high_ps: int,
    ) -> NDArray[np.int64]:
        """(K,) differences by the course, as high as ``line``, of all pairs in [low, high).

        The line is the tangent somewhere among the announced times.
        """
        shift_ps = line.offset_ps - self.line(line.reference_ps).offset_ps
        away_ps = _furthest_ps(
            int(announced_ps[0]),
            int(announced_ps[-1]),
            line.reference_ps,
            line.offset_ps - shift_ps,
            line.rate,
            self.zero_ps,
            self.state,
            self.knots_s,
            self.beyond_ps,
        )
        spare_ps = math.ceil(away_ps) + SPARE_PS
        pairs = pairs_about(
            line, announced_ps, own_ps, low_ps=low_ps - spare_ps, high_ps=high_ps + spare_ps
        )
        found_ps = self.about(pairs, announced_ps, own_ps, shift_ps=shift_ps).differences_ps
        return found_ps[(low_ps <= found_ps) & (found_ps < high_ps)]


@kernel
def _furthest_ps(  # noqa: PLR0917 - a kernel takes arrays, not objects
    first_ps: int,
    last_ps: int,
    reference_ps: int,
    offset_ps: float,
    rate: float,
    zero_ps: int,
    state: NDArray[np.float64],
    knots_s: NDArray[np.float64],
    beyond_ps: NDArray[np.float64],
) -> float:
    """How far a course is from a line at most, at its knots and at two times."""
    furthest_ps = 0.0
    for k in range(-2, knots_s.size):
        time_ps = first_ps if k == -2 else last_ps
        if k >= 0:
            time_ps = zero_ps + int(knots_s[k] * PS_PER_S)
        by_line_ps = offset_ps + rate * (time_ps - reference_ps)
        by_course_ps, _ = tangent_at(time_ps, zero_ps, state, knots_s, beyond_ps)
        furthest_ps = max(furthest_ps, abs(by_course_ps - by_line_ps))
    return furthest_ps
