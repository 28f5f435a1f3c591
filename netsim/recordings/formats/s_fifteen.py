"""S-Fifteen's ``a1`` files: 8 bytes a click, a time in 1/256 ns and a pattern of detectors.

From the Centre for Quantum Technologies' qcrypto (``readevents -a1``) and S-Fifteen's fpfind
(``parse_timestamps``), as publicly documented: a little-endian 64-bit word, of which the upper 54
bits are the time and the lowest 4 the pattern of detectors; events without any detector only show
that time goes on. In legacy files (``-X``) the 32-bit halves are exchanged, which times tell.

The number of a detector is the pattern: 1, 2, 4 and 8, and their sums where several clicked at once
(``--map 1=Z0,2=Z1,4=X0,8=X1,3=Z0+Z1``).
"""

from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netsim.errors import ConfigError
from netsim.recordings.formats.interface import FileTags, WritableFormat, check_number

TICK_PS = Fraction(1000, 256)
TIME_SHIFT, HALF_BITS = 10, 32
PATTERN = 0xF
WORD_BYTES = 8
MAX_TICKS = 1 << 54


class SFifteenA1(WritableFormat):
    """``.a1``: 64-bit words."""

    suffix = ".a1"

    def read(self, path: Path) -> FileTags:
        """Read all clicks, of either order of halves."""
        size_bytes = path.stat().st_size
        if size_bytes % WORD_BYTES:
            raise ConfigError.of(path, f"{size_bytes} bytes are no words of {WORD_BYTES}")
        check_number(path, size_bytes // WORD_BYTES)
        words = np.fromfile(path, dtype="<u8")
        words = min(words, _exchanged(words), key=_back_steps)
        patterns = (words & np.uint64(PATTERN)).astype(np.int64)
        times = (words >> np.uint64(TIME_SHIFT)).astype(np.int64)
        is_click = patterns > 0
        return FileTags(times[is_click], patterns[is_click], tick_ps=TICK_PS)

    def write(
        self,
        path: Path,
        times_ticks: NDArray[np.int64],
        detectors: NDArray[np.int64],
        tick_ps: int,
    ) -> None:
        """Write clicks of one detector each; times are cut to the format's tick."""
        numerator, denominator = (tick_ps / TICK_PS).as_integer_ratio()
        ticks = times_ticks // denominator * numerator
        ticks += times_ticks % denominator * numerator // denominator
        if ticks.size and int(ticks[-1]) >= MAX_TICKS:
            raise ValueError("times of more than 54 bits do not fit the format")
        words = ticks.astype(np.uint64) << np.uint64(TIME_SHIFT)
        patterns = np.left_shift(1, detectors).astype(np.uint64)
        (words | patterns).astype("<u8").tofile(path)


def _exchanged(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    half = np.uint64(HALF_BITS)
    return (words << half) | (words >> half)


def _back_steps(words: NDArray[np.uint64]) -> int:
    """How often time goes back: nearly half of all steps where the halves are exchanged."""
    times = words >> np.uint64(TIME_SHIFT)
    return int(np.count_nonzero(times[1:] < times[:-1]))
