"""Thinning of photons by a loss that is above its least: what is left of ceiling transmittances.

The source has already drawn only photons that survive the highest transmittance a path reaches in a
run (`netsim.physics.emission`); an element whose transmittance is lower for some time keeps each
photon with probability actual / highest, at the photon's own time.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from netsim.frames import PhotonFrame

KeepRatio = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""Actual over highest transmittance at each of the (N,) int64 times in ps: (N,) float64."""


def thin_photons(rng: Generator, frame: PhotonFrame, keep_ratio: KeepRatio | None) -> PhotonFrame:
    """Photons that survive an element.

    Parameters
    ----------
    rng : Generator
    frame : PhotonFrame
        At the entrance of the element.
    keep_ratio : KeepRatio, optional
        Absent where the element is at its best: nothing is drawn.

    Raises
    ------
    ValueError
        If a ratio is no probability: the source has not emitted enough photons.
    """
    if keep_ratio is None or frame.times_ps.size == 0:
        return frame
    ratio = keep_ratio(frame.times_ps)
    if not np.all((ratio >= 0) & (ratio <= 1)):
        raise ValueError(f"{frame.channel}: a transmittance is above what the source was built for")
    keep = rng.random(ratio.size) < ratio
    return replace(frame, times_ps=frame.times_ps[keep], pair_rows=frame.pair_rows[keep])
