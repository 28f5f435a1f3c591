"""CHSH tests as the simulator counts them, by detectors; and as they lie in files."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.chsh import Chsh, signs_of


def chsh_of(
    matches: NDArray[np.int64], phases_rad: tuple[Sequence[float], Sequence[float]]
) -> Chsh | None:
    """The test that coincidences of two passive receivers make.

    Parameters
    ----------
    matches : (4, 4) int64
        By detector of either user: 2 * setting + port.
    phases_rad : ((float, float), (float, float))
        Nominal phases of the two settings of either user; those of a pair add up.

    Returns
    -------
    Chsh or None
        None if perfect pairs would not exceed `protocols.chsh.MIN_QUANTUM_S` with these settings.
    """
    if (signs := signs_of(phases_rad)) is None:
        return None
    blocks = [matches[2 * i : 2 * i + 2, 2 * j : 2 * j + 2] for i in (0, 1) for j in (0, 1)]
    equal = tuple(int(np.trace(block)) for block in blocks)
    different = tuple(int(block.sum() - np.trace(block)) for block in blocks)
    return Chsh(signs, equal, different)


def chsh_from(entry: dict[str, Any] | None) -> Chsh | None:
    """Inverse of `Chsh.summary`."""
    if entry is None:
        return None
    return Chsh(*(tuple(entry[name]) for name in ("signs", "equal", "different")))
