"""Columns of photons and clicks that come in parts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def joined(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """One behind the other; a single part is not copied."""
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
