"""What a fibre does to a photon frame: delay, loss, broadening where dispersion is visible."""

from dataclasses import replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from netsim.frames import PhotonFrame
from netsim.physics.detector import JITTER_CLIP_SIGMA

MIN_BROADENING_PS = 1.0
"""Below the resolution of simulated time a spread is left out."""


def thin(rng: Generator, frame: PhotonFrame, transmittances: NDArray[np.float64]) -> PhotonFrame:
    """Photons of a frame that come through; one draw each.

    Parameters
    ----------
    rng : Generator
    frame : PhotonFrame
    transmittances : (N,) float64
        Of each photon.
    """
    return frame.kept(rng.random(frame.times_ps.size) < transmittances)


def propagate(
    rng: Generator, frame: PhotonFrame, *, delay_ps: int, broadening_ps: float
) -> PhotonFrame:
    """Photons of a frame at the end of a fibre.

    Parameters
    ----------
    rng : Generator
        Drawn from only if the broadening is at least `MIN_BROADENING_PS`.
    frame : PhotonFrame
    delay_ps : int
        Group delay.
    broadening_ps : float
        Standard deviation of the Gaussian spread, clipped at 8 sigma.
    """
    times_ps = frame.times_ps + delay_ps
    if broadening_ps >= MIN_BROADENING_PS:
        spread = np.clip(rng.standard_normal(times_ps.size), -JITTER_CLIP_SIGMA, JITTER_CLIP_SIGMA)
        times_ps += np.rint(spread * broadening_ps).astype(np.int64)
    return replace(frame, times_ps=times_ps, delay_ps=frame.delay_ps + delay_ps)
