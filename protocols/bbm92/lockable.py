"""How much light the search for another clock needs: arithmetic on click rates and clock bounds.

It sees no tags. What the search does is in `protocols.bbm92.synchronise` and
`protocols.bbm92.coarse`; the constants are theirs.
"""

import math
from bisect import bisect_left
from dataclasses import dataclass

from protocols.bbm92.clockfilter import HALF_PS
from protocols.bbm92.coarse import (
    CANDIDATES,
    DEEP_CANDIDATES,
    FINE_SHIFT,
    FIRST_WORK,
    NEAR_WORK,
)
from protocols.bbm92.lanewatch import LEAST_PAIRS_HZ
from protocols.bbm92.search import TWICE_FROM_DEPTH
from protocols.bbm92.synchronise import ACQUISITION_PS
from protocols.clockprior import COARSE_SHIFT, COARSE_SLICE_PS
from protocols.link import PS_PER_S

PAID_DEPTH = TWICE_FROM_DEPTH
"""The deepest search that is paid for within a minute of light, and that twice."""
PEAK_PS = 2 * HALF_PS
"""Pairs this near to each other are of one peak."""
MOST_BETWEEN_PS = 800.0
"""Clocks that wander further from one pair to the next, a third of what a peak reaches to either
side, are as likely lost as found,"""
MOST_BETWEEN_SIDES_PS = 500.0
"""or by this much where a fit must tell the middle one of three peaks. Both are measured."""
LEAST_MATCHED_HZ = LEAST_PAIRS_HZ / math.log(2.0)
"""Coincidences per second in its window that keep a lane lit (`protocols.bbm92.lanewatch`)."""


@dataclass(frozen=True, slots=True)
class ClockBounds:
    """What is known of two clocks before anything was seen of them, and of a lane's peaks.

    Attributes
    ----------
    offset_ps, rate_ppm : float
        They differ by up to plus or minus so much, >= 0.
    has_side_peaks : bool
        Behind unbalanced interferometers; then half of all pairs are in the side peaks.
    """

    offset_ps: float
    rate_ppm: float
    has_side_peaks: bool
    allan_deviation_1s: float = 0.0
    """How they wander: white frequency noise."""

    def between(self, other: "ClockBounds") -> "ClockBounds":
        """Of two clocks, from what each differs by from a perfect one."""
        return ClockBounds(
            self.offset_ps + other.offset_ps,
            self.rate_ppm + other.rate_ppm,
            has_side_peaks=self.has_side_peaks or other.has_side_peaks,
            allan_deviation_1s=math.hypot(self.allan_deviation_1s, other.allan_deviation_1s),
        )


@dataclass(frozen=True, slots=True)
class _Slice:
    """Light that is looked through at once: length, bins over all rates, and places kept."""

    length_s: float
    bin_s: float
    bins: float
    candidates: int

    @classmethod
    def of(cls, length_s: float, shift: int, bounds: ClockBounds, candidates: int) -> "_Slice":
        bin_s = (1 << shift) * 1e-12
        rates = 1 + 2 * bounds.rate_ppm * 1e-6 * length_s / bin_s
        return cls(length_s, bin_s, rates * (4 + 2e-12 * bounds.offset_ps / bin_s), candidates)

    def needed_hz(self, announced_hz: float, own_hz: float) -> float:
        """Pairs per second that are, as likely as not, among its best places."""
        chance = 2 * announced_hz * own_hz * self.bin_s * self.length_s
        count = _best_count(chance, self.candidates / self.bins)
        return (count - chance) / self.length_s


def lockable_hz(clicks_hz: tuple[float, float], bounds: ClockBounds) -> float:
    """Pairs per second in a lane's central peak that clocks are found by in a minute.

    Parameters
    ----------
    clicks_hz : (float, float)
        All clicks of announcer and responder, >= 0.
    bounds : ClockBounds

    Returns
    -------
    float
        What makes two bins of a slice one of the best places among all bins and rates: of the first
        slice, or of one as long as the work of `PAID_DEPTH` allows, whichever is less. Clocks that
        wander need as many as follow each other before they have moved by `MOST_BETWEEN_PS` (or
        `MOST_BETWEEN_SIDES_PS`).
    """
    slices = [_Slice.of(COARSE_SLICE_PS * 1e-12, COARSE_SHIFT, bounds, CANDIDATES)]
    shift = COARSE_SHIFT if bounds.has_side_peaks else FINE_SHIFT
    length_s = _paid_slice_s(clicks_hz, bounds, (1 << shift) * 1e-12)
    if length_s > COARSE_SLICE_PS * 1e-12:
        slices.append(_Slice.of(length_s, shift, bounds, DEEP_CANDIDATES))
    searched_hz = min(each.needed_hz(*clicks_hz) for each in slices)
    walk_ps = bounds.allan_deviation_1s * PS_PER_S
    if bounds.has_side_peaks:
        return max(searched_hz / 2, (walk_ps / MOST_BETWEEN_SIDES_PS) ** 2)
    return max(searched_hz, (walk_ps / MOST_BETWEEN_PS) ** 2)


def stays_lit(related_hz: float, unrelated_hz: float, *, has_side_peaks: bool) -> bool:
    """Whether a lane with so many coincidences in its window is matched for long.

    Of three peaks the middle one has half of what is related. See `protocols.bbm92.lanewatch`.
    """
    seen, peaks = (2, 3) if has_side_peaks else (1, 1)
    shown_hz = seen * related_hz + peaks * unrelated_hz
    return shown_hz * math.log(2.0) > max(peaks * unrelated_hz, LEAST_PAIRS_HZ)


def _paid_slice_s(clicks_hz: tuple[float, float], bounds: ClockBounds, bin_s: float) -> float:
    """The longest slice ``T`` that is paid for: a b T W (1 + 2 r T / w), and the candidates."""
    announced_hz, own_hz = clicks_hz
    light_s = (ACQUISITION_PS << PAID_DEPTH) * 1e-12
    near = DEEP_CANDIDATES * NEAR_WORK * (announced_hz / 2 + own_hz) * light_s
    work = FIRST_WORK * 4.0 ** (PAID_DEPTH - 1) - near
    pairs_hz = announced_hz * own_hz * (4 * bin_s + 2e-12 * bounds.offset_ps)
    rates_hz = 2e-6 * bounds.rate_ppm / bin_s
    longest_s = min((COARSE_SLICE_PS << 2 * PAID_DEPTH) * 1e-12, light_s / 3)
    if work <= 0 or not pairs_hz:
        return longest_s if work > 0 else 0.0
    root = math.sqrt(pairs_hz * (pairs_hz + 4 * work * rates_hz))
    return min(longest_s, 2 * work / (pairs_hz + root))


def _best_count(mean: float, share: float) -> int:
    """The least count that no more than such a share of places has by chance."""
    first = math.ceil(mean) + 1
    counts = range(first, first + math.ceil(40 * math.sqrt(mean)) + 400)
    wanted = -math.log(min(share, 1.0))
    return counts[bisect_left(counts, wanted, key=lambda count: -_log_tail(count, mean))]


def _log_tail(count: int, mean: float) -> float:
    """Logarithm of P(Poisson(mean) >= count), count > mean: terms fall at least as the first two.

    Less than the bound of `protocols.bbm92.chance`, which may be ten times the probability.
    """
    if not mean:
        return -math.inf
    first = count * math.log(mean) - mean - math.lgamma(count + 1)
    return first - math.log1p(-mean / (count + 1))
