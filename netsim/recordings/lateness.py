"""Which detectors of two recordings answer late, from the times of all pairs of detectors.

Each pair of detectors has its peak where bob's detector is late less where alice's is: sixteen
differences give eight numbers but for what all have in common, also where a window about the
common peak holds the pairs of one detector only.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BIN_PS = 20
"""Of the histograms. Less is not told either: recorders' ticks are as long."""
DRAWS = 40
"""Of each histogram, for the error of its centre to a tenth."""
REFINEMENTS = 8
"""How often a window is put about the mean of what it holds."""
SIGMAS = 5.0
"""By how much a peak must stand out, and a detector be off, to be told."""

Histograms = NDArray[np.int64]


def histograms_of(
    off_ps: NDArray[np.float64],
    detectors: NDArray[np.int64],
    reach_ps: float,
    *,
    cells: int = 16,
) -> Histograms:
    """Counts (cells, M) of differences within reach, by pair of detectors.

    Parameters
    ----------
    off_ps : (N,) float64
        Bob's time less the one expected.
    detectors : (N,) int64
        The number of bob's detectors (4) times alice's detector, plus bob's: below ``cells``.
    reach_ps : float
        Half of what is looked at, in bins of `BIN_PS`.
    """
    bins = 2 * int(reach_ps // BIN_PS)
    places = np.floor(off_ps / BIN_PS).astype(np.int64) + bins // 2
    inside = (places >= 0) & (places < bins)
    flat = detectors[inside] * bins + places[inside]
    return np.bincount(flat, minlength=cells * bins).reshape(cells, bins)


def late_of(
    histograms: Histograms, window_ps: float, *, columns: int = 4, least_share: float = 0.0
) -> tuple[tuple[int, int, int], ...]:
    """(end, detector, ps) of each detector that answers at another time than those of its end.

    Times are relative to the median of the end; errors come from histograms drawn anew.

    Parameters
    ----------
    histograms : (N, M) int64
        See `histograms_of`.
    window_ps : float
        Full width of a peak with all that belongs to it.
    columns : int
        How many detectors bob has.
    least_share : float
        Of the highest peak: lower ones are left out, where they may be of other paths.
    """
    rows = len(histograms) // columns
    peaks = list(_peaks(histograms, max(1, round(window_ps / BIN_PS)), least_share))
    # Unknown: how late each of alice's detectors is, then each of bob's.
    design = np.zeros((len(peaks), rows + columns))
    for row, (pair, _, _) in zip(design, peaks, strict=True):
        row[pair // columns], row[rows + pair % columns] = -1.0, 1.0
    weights = 1.0 / np.array([error_ps for _, _, error_ps in peaks])
    centres_ps = np.array([centre_ps for _, centre_ps, _ in peaks])
    inverse = np.linalg.pinv(design * weights[:, None])
    late_ps, errors_ps = inverse @ (centres_ps * weights), np.sqrt((inverse**2).sum(axis=1))
    known = np.flatnonzero(design.any(axis=0))
    return (
        *_apart(0, known[known < rows], late_ps[:rows], errors_ps[:rows]),
        *_apart(1, known[known >= rows] - rows, late_ps[rows:], errors_ps[rows:]),
    )


def _apart(
    end: int,
    known: NDArray[np.intp],
    late_ps: NDArray[np.float64],
    errors_ps: NDArray[np.float64],
) -> Iterator[tuple[int, int, int]]:
    if known.size == 0:
        return
    middle_ps = float(np.median(late_ps[known]))
    # As of normal errors: a median scatters sqrt(pi / 2) times as much as a mean.
    middle_error_ps = math.sqrt(math.pi / 2 / known.size) * float(np.median(errors_ps[known]))
    for detector in map(int, known):
        apart_ps = float(late_ps[detector]) - middle_ps
        error_ps = math.hypot(float(errors_ps[detector]), middle_error_ps)
        if abs(apart_ps) > max(BIN_PS, SIGMAS * error_ps):
            yield end, detector, round(apart_ps)


def _peaks(
    histograms: Histograms, width: int, least_share: float
) -> Iterator[tuple[int, float, float]]:
    """Pair of detectors, centre and its error (ps), of each peak that stands out."""
    every = [np.convolve(row, np.ones(width, dtype=np.int64), "valid") for row in histograms]
    # The median of windows is what chance gives: peaks are narrow within the reach.
    by_chance = [float(np.median(sums)) for sums in every]
    heights = [float(sums.max()) - chance for sums, chance in zip(every, by_chance, strict=True)]
    for pair, (counts, chance) in enumerate(zip(histograms, by_chance, strict=True)):
        least = max(SIGMAS * np.sqrt(chance + 1.0) + SIGMAS, least_share * max(heights))
        if heights[pair] < least:
            continue
        drawn = np.random.default_rng(0).poisson(counts, (DRAWS, len(counts)))
        (centre_ps,) = _centres_ps(counts[np.newaxis], width, chance)
        yield pair, float(centre_ps), float(np.std(_centres_ps(drawn, width, chance), ddof=1))


def _centres_ps(rows: Histograms, width: int, by_chance: float) -> NDArray[np.float64]:
    """(N,) centres of histograms (N, M): means beyond chance, in windows that are about them."""
    bins = rows.shape[1]
    places = np.arange(bins) - bins // 2 + 0.5
    counts, moments = (
        np.cumsum(np.pad(one, ((0, 0), (1, 0))), axis=1) for one in (rows, rows * places)
    )
    first = np.argmax(counts[:, width:] - counts[:, :-width], axis=1)
    every = np.arange(len(rows))
    for _ in range(REFINEMENTS):
        stop = first + width
        pairs = np.maximum(1.0, counts[every, stop] - counts[every, first] - by_chance)
        middles = (places[first] + places[stop - 1]) / 2
        held = moments[every, stop] - moments[every, first]
        centres = (held - by_chance * middles) / pairs
        first = np.clip(np.rint(centres + (bins - width) / 2).astype(np.int64), 0, bins - width)
    in_ps: NDArray[np.float64] = centres * BIN_PS
    return in_ps
