"""What a fibre does to a photon frame: delay and loss."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from netsim.frames import PhotonFrame


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


def propagate(frame: PhotonFrame, *, delay_ps: int) -> PhotonFrame:
    """Photons of a frame at the end of a fibre.

    What dispersion does to the time between two photons depends on both ways, and is theirs from
    the source on (`netsim.physics.shapes`); a photon alone comes at a random time as before.

    Parameters
    ----------
    frame : PhotonFrame
    delay_ps : int
        Group delay.
    """
    # `replace` takes longer than to move the few photons of a weak channel.
    return PhotonFrame(
        frame.index,
        frame.channel,
        frame.times_ps + delay_ps,
        frame.pair_rows,
        frame.ledger,
        frame.prepared,
        frame.fired,
        frame.delay_ps + delay_ps,
    )
