"""Blinding, as a model of the click: detectors that no longer see photons, and click by her will.

Bright light keeps the user's detectors in a state in which a single photon makes no click and a
pulse above a threshold makes one for sure [1]_. Behind a passive beam splitter she has both bases
at hand: she catches all photons, measures as the user would, and for each click of hers fires the
detector of the user that corresponds to it, at its time. The user's bits are hers, with the error
rate that the honest light would have had: no key formula and no error rate tells of it. Bright
light suffers no loss that matters; darks and afterpulses of the user's detectors stay as they are.

References
----------
.. [1] L. Lydersen et al., Nature Photonics 4, 686 (2010): hacking by tailored bright illumination.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from netsim.frames import DETECTOR_MASK, PhotonBundle, PhotonFrame
from netsim.observers.intercept import Interceptor, ReceiverOptions
from netsim.observers.observer import Observer, ObserverContext, ObserverKind
from protocols.tags import DETECTOR_BITS


class Blinding(ObserverKind):
    """Fires the user's detectors."""

    options = ReceiverOptions
    reads_bases = True

    def make(self, options: Any, context: ObserverContext) -> Observer:
        """An observer who fires."""
        return _Firing(options, context)


class _Firing:
    def __init__(self, options: ReceiverOptions, context: ObserverContext) -> None:
        self._interceptor = Interceptor(options, context)

    def observe(self, light: PhotonBundle) -> PhotonBundle:
        """Nothing but what fires a detector."""
        span_ps = light.start_ps, light.stop_ps
        return replace(light, frames=tuple(self._fired(frame, span_ps) for frame in light.frames))

    def _fired(self, frame: PhotonFrame, span_ps: tuple[int, int]) -> PhotonFrame:
        clicks = self._interceptor.clicks(frame, span_ps)
        return replace(
            frame,
            times_ps=clicks >> DETECTOR_BITS,
            pair_rows=np.full(clicks.size, -1, dtype=np.int64),
            prepared=None,
            fired=clicks & DETECTOR_MASK,
        )
