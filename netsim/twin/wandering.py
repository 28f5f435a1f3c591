"""Coincidences whose phases stand elsewhere from time to time, where it is known by how much.

The twin by itself has means over all that a phase may do. Levels that draw coincidences or rounds
follow the phases of one run, and ask for the rates again and again: turned phases multiply the
fringe by exp(i delta), so it is enough to know the rates and their fringes once.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from netsim.topology.network import Network
from netsim.twin.coincidences import Coincidences, Fringes, Phasors
from netsim.twin.detectors import Rates
from netsim.twin.drift import Free
from netsim.twin.peaks import Gate

Turn = Callable[[tuple[str, str]], Phasors]
"""Takes a link and gives (2, T, 4, 4) complex128: the means of exp(i delta) over some time, delta
being the sum, then the difference, of what the phases of two detectors are turned by, term by term
of what interferes at them (`netsim.twin.coincidences.Fringes`)."""


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """What a window holds where no phase is turned."""

    true_hz: Rates
    bunched_hz: Rates
    accidental_hz: Rates
    fringes: Fringes


class WanderingCoincidences(Coincidences):
    """As `Coincidences`, for phases that are turned by `turn`.

    Parameters
    ----------
    network : Network
    time_ps : int
    still : sequence of (str, (float, float))
        As ``free`` of `Coincidences`: what is added to the variances of phases that are followed,
        so that nothing of them is averaged.
    """

    def __init__(self, network: Network, time_ps: int, still: Free) -> None:
        super().__init__(network, time_ps, still)
        self._windows: dict[Gate, _Window] = {}
        self._turn: Turn | None = None

    def turn(self, turn: Turn) -> None:
        """Have phases turned like this from now on."""
        self._turn = turn

    def true_hz(self, gate: Gate) -> Rates:
        """As of `Coincidences`."""
        window = self._window(gate)
        kind = 0 if window.fringes.is_sum else 1
        return window.true_hz + self._moved_hz(gate, window.fringes.pairs_hz, kind)

    def bunched_hz(self, gate: Gate) -> Rates:
        """As of `Coincidences`."""
        window = self._window(gate)
        return window.bunched_hz + self._moved_hz(gate, window.fringes.bunches_hz, 1)

    def accidental_hz(self, gate: Gate) -> Rates:
        """As of `Coincidences`: no phase is in them."""
        return self._window(gate).accidental_hz

    def _moved_hz(self, gate: Gate, fringe_hz: Phasors, kind: int) -> Rates:
        """What the turn adds to the rates."""
        if self._turn is None:
            return np.zeros(fringe_hz.shape[1:])
        moved: Rates = (fringe_hz * (self._turn(gate.users)[kind] - 1.0)).real.sum(axis=0)
        return moved

    def _window(self, gate: Gate) -> _Window:
        if gate not in self._windows:
            self._windows[gate] = _Window(
                super().true_hz(gate),
                super().bunched_hz(gate),
                super().accidental_hz(gate),
                self.fringes_hz(gate),
            )
        return self._windows[gate]
