"""Time shift: photons come early or late by choice, against detectors that are not late alike.

Where the two detectors of a basis tag a click at different times and nobody takes that off
(`delay_ps` that `calibrated_ps` lacks), a photon shifted by as much counts at one of them only, at
the other it misses the window [1]_. She draws the shift of each photon, so that zeros and ones
stay balanced and the error rate stays what it is; the bit is the one that the shift lets through.

References
----------
.. [1] B. Qi, C.-H. F. Fung, H.-K. Lo, X. Ma, Quantum Inf. Comput. 7, 73 (2007): time-shift attack.
"""

from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from netsim.frames import PhotonBundle, PhotonFrame
from netsim.observers.observer import Observer, ObserverContext, ObserverKind, ObserverOptions


class TimeShiftOptions(ObserverOptions):
    """By how much."""

    shift_ps: Annotated[int, Field(ge=1, le=20_000)]
    """Photons come so much too early or too late; early by a way shorter than the fibre."""


class TimeShift(ObserverKind):
    """Shifts each photon, and notes the port that this lets through."""

    options = TimeShiftOptions

    def make(self, options: Any, context: ObserverContext) -> Observer:
        """An observer who shifts."""
        return _Shifting(options.shift_ps, context)


class _Shifting:
    def __init__(self, shift_ps: int, context: ObserverContext) -> None:
        self._shifts_ps = np.array([-shift_ps, shift_ps])
        self._context = context
        encoding, delays_ps = context.encoding, context.receiver.detectors.delay_ps
        self._ports = np.array([_ports(context, shift) for shift in self._shifts_ps.tolist()])
        self._slots_ps = sorted(
            {0} | {round(path.late_ps) for k in range(delays_ps.size) for path in encoding.paths(k)}
        )

    def observe(self, light: PhotonBundle) -> PhotonBundle:
        """All photons, early or late."""
        return replace(light, frames=tuple(map(self._shifted, light.frames)))

    def _shifted(self, frame: PhotonFrame) -> PhotonFrame:
        choice = self._context.rng.integers(0, 2, frame.times_ps.size)
        for slot_ps in self._slots_ps:
            times_ps = frame.times_ps + slot_ps
            self._context.notebook.write(frame.channel, times_ps, self._ports[choice])
        return replace(frame, times_ps=frame.times_ps + self._shifts_ps[choice])


def _ports(context: ObserverContext, shift_ps: int) -> NDArray[np.int8]:
    """(2,) int8: of Z and of X, the port whose tags come nearest to the time without a shift."""
    delays_ps = context.receiver.detectors.delay_ps
    best: dict[int, tuple[int, int]] = {}
    for detector, outcome in enumerate(context.encoding.detectors):
        off = abs(int(delays_ps[detector]) + shift_ps), outcome.port
        best[outcome.basis] = min(best.get(outcome.basis, off), off)
    return np.array([best[basis][1] for basis in sorted(best)], dtype=np.int8)
