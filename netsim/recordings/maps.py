"""Which maps of a recorder's channels fit the coincidences of two recordings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from netsim.recordings.correlation import Counts

BITS = 4
"""Detectors of a map: Z0, Z1, X0, X1."""


@dataclass(frozen=True, slots=True)
class MapGuess:
    """What a map of the second recording's channels would make of the coincidences.

    Attributes
    ----------
    channels : tuple of int
        Of the second recording, in the places of Z0, Z1, X0, X1.
    z_errors, x_errors : float
        Error rates; NaN without bits.
    sifted : int
        Coincidences in equal bases.
    """

    channels: tuple[int, ...]
    z_errors: float
    x_errors: float
    sifted: int

    @property
    def worst(self) -> float:
        """The larger error rate."""
        return max(self.z_errors, self.x_errors)


def plausible_maps(
    matrix: Counts, others: Sequence[int], places: Mapping[int, int], *, flip_x: bool
) -> list[MapGuess]:
    """Maps of the second recording's channels, those with fewest errors first.

    Parameters
    ----------
    matrix : (4, N) int64
        Coincidences of the first recording's Z0, Z1, X0, X1 with each of ``others``.
    others : sequence of int
        Channels of the second recording.
    places : mapping
        Column of each of them in ``matrix``.
    flip_x : bool
        Whether X outcomes of the two are opposite.
    """
    guesses = [
        _guess(matrix[:, [places[channel] for channel in chosen]], chosen, flip_x=flip_x)
        for chosen in permutations(others, BITS)
    ]
    return sorted(guesses, key=lambda guess: (np.nan_to_num(guess.worst, nan=1.0), -guess.sifted))


def _guess(counts: Counts, channels: tuple[int, ...], *, flip_x: bool) -> MapGuess:
    z, x = counts[:2, :2], counts[2:, 2:]
    z_wrong, x_wrong = int(z[0, 1] + z[1, 0]), int(x[0, 1] + x[1, 0])
    if flip_x:
        x_wrong = int(x.sum()) - x_wrong
    z_all, x_all = int(z.sum()), int(x.sum())
    return MapGuess(
        channels,
        z_wrong / z_all if z_all else float("nan"),
        x_wrong / x_all if x_all else float("nan"),
        z_all + x_all,
    )
