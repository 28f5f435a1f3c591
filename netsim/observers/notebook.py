"""What somebody on a fibre writes down: which photon will click when, and on which port.

A note says of a photon, by when it left the source, what the user's click in the middle slot will
be if it is made in Z, and if it is made in X. What the notes are worth is for who holds them
against the published times (`netsim.simulation.eavesdropper`).
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsim.units import PS_PER_S

KEPT_PS = 30 * PS_PER_S
"""How long a note is kept: what is matched later, as before the clocks are found, finds none."""
UNKNOWN = -1
"""A port that is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class Notes:
    """What was written down of one channel in one frame.

    Attributes
    ----------
    times_ps : (N,) int64, ascending
        When each photon left the source.
    ports : (N, 2) int8
        Of the user's click in Z and in X: 0, 1 or `UNKNOWN`.
    """

    times_ps: NDArray[np.int64]
    ports: NDArray[np.int8]


class Notebook:
    """Notes of one observer.

    Parameters
    ----------
    starts_ps : mapping
        Channel to the delay from the source to his place.
    """

    def __init__(self, starts_ps: Mapping[str, int]) -> None:
        self._starts_ps = starts_ps
        self._notes: dict[str, deque[Notes]] = {channel: deque() for channel in starts_ps}

    def write(self, channel: str, times_ps: NDArray[np.int64], ports: NDArray[np.int8]) -> None:
        """Write down photons of one channel.

        Parameters
        ----------
        channel : str
        times_ps : (N,) int64
            When each is where the observer sits, in any order.
        ports : (N, 2) int8
            See `Notes`.
        """
        order = np.argsort(times_ps, kind="stable")
        emitted_ps = times_ps[order] - self._starts_ps[channel]
        if emitted_ps.size:
            self._notes[channel].append(Notes(emitted_ps, ports[order]))
            self._forget(channel, int(emitted_ps[-1]) - KEPT_PS)

    def read(self, channel: str, times_ps: NDArray[np.int64], window_ps: int) -> NDArray[np.int8]:
        """Ports of the photons that left the source nearest to some times.

        Parameters
        ----------
        channel : str
        times_ps : (N,) int64
        window_ps : int
            Further away than half of this is another photon.

        Returns
        -------
        (N, 2) int8
            `UNKNOWN` where there is no note.
        """
        ports = np.full((times_ps.size, 2), UNKNOWN, dtype=np.int8)
        notes = self._between(channel, times_ps, window_ps)
        if notes is None:
            return ports
        nearest = _nearest(notes.times_ps, times_ps)
        is_found = np.abs(notes.times_ps[nearest] - times_ps) <= window_ps // 2
        ports[is_found] = notes.ports[nearest[is_found]]
        return ports

    def _forget(self, channel: str, until_ps: int) -> None:
        notes = self._notes[channel]
        while notes[0].times_ps[-1] < until_ps:
            notes.popleft()

    def _between(self, channel: str, times_ps: NDArray[np.int64], window_ps: int) -> Notes | None:
        """All notes about these times, in order; None if there are none."""
        if not times_ps.size:
            return None
        low_ps, high_ps = int(times_ps.min()) - window_ps, int(times_ps.max()) + window_ps
        found = [
            notes
            for notes in self._notes.get(channel, ())
            if notes.times_ps[0] <= high_ps and notes.times_ps[-1] >= low_ps
        ]
        if not found:
            return None
        joined_ps = np.concatenate([notes.times_ps for notes in found])
        order = np.argsort(joined_ps, kind="stable")
        return Notes(joined_ps[order], np.concatenate([notes.ports for notes in found])[order])


def _nearest(among_ps: NDArray[np.int64], times_ps: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) int64: index of the entry of ascending ``among_ps`` that is nearest to each time."""
    after = np.minimum(np.searchsorted(among_ps, times_ps), among_ps.size - 1)
    before = np.maximum(after - 1, 0)
    is_before = np.abs(among_ps[before] - times_ps) <= np.abs(among_ps[after] - times_ps)
    nearest: NDArray[np.int64] = np.where(is_before, before, after)
    return nearest
