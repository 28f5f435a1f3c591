"""What travels in the simulated world: photons and, for scoring only, true clicks. Data, no code.

A packed click is ``time_ps << 2 | detector``, detector = 2 * basis + port (Z+, Z-, X+, X-).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from protocols.tags import DETECTOR_BITS

NEVER_PS = -(2**60)
"""Earlier than everything; packed, it still fits in int64."""
END_PS = 2**61 - 1
"""Later than every click of a run (`netsim.units.MAX_TIME_PS`); packed, it still fits in int64."""

DETECTORS = 1 << DETECTOR_BITS
"""Detectors that a packed click can tell apart; a receiver may have fewer."""
DETECTOR_MASK = DETECTORS - 1

UNMEASURED = -1
CONSUMED = -2


@dataclass(frozen=True, slots=True, eq=False)
class PairLedger:
    """Photon pairs of one frame whose two channels are both delivered; a row is one pair.

    The first measurement of a pair draws from the marginal and writes here what it fixed; the
    second draws from the conditional distribution and consumes the row. This is the only frame
    data that is written after its creation.

    Attributes
    ----------
    process : (N,) int64
        Index of the pair process in the source's list; those of bunchings follow.
    outcome : (N,) int64
        `UNMEASURED`, `CONSUMED`, or what the first measurement found: 2 * path + port, with path
        0 for short and 1 for long.
    sent_ps : (N,) int64
        When the first photon left the source; undefined before.
    phase_rad, delay_ps, contrast : (N,) float64
        Of the interferometer that the first photon met; undefined before.
    """

    process: NDArray[np.int64]
    outcome: NDArray[np.int64]
    sent_ps: NDArray[np.int64]
    phase_rad: NDArray[np.float64]
    delay_ps: NDArray[np.float64]
    contrast: NDArray[np.float64]

    @classmethod
    def unmeasured(cls, process: NDArray[np.int64]) -> Self:
        """Ledger of pairs that nobody has measured yet."""
        size = process.size
        return cls(
            process=process,
            outcome=np.full(size, UNMEASURED, dtype=np.int64),
            sent_ps=np.zeros(size, dtype=np.int64),
            phase_rad=np.zeros(size),
            delay_ps=np.zeros(size),
            contrast=np.zeros(size),
        )


@dataclass(frozen=True, slots=True, eq=False)
class PreparedStates:
    """States of photons that somebody on the way has sent; its arrays are read-only.

    A photon with a delay is in two time slots at once, at its own time and a delay later, the later
    one with a phase. A photon without is polarised: of an analyser at its phase it takes port 0, of
    one at its phase plus pi port 1.

    Attributes
    ----------
    phase_rad, delay_ps : (N,) float64
    contrast : (N,) float64
        Of its interference in a perfect analyser: 1 for a pure state, 0 for a mixture.
    """

    phase_rad: NDArray[np.float64]
    delay_ps: NDArray[np.float64]
    contrast: NDArray[np.float64]

    def __post_init__(self) -> None:
        for values in (self.phase_rad, self.delay_ps, self.contrast):
            if values.shape != self.phase_rad.shape:
                raise ValueError("a prepared state has a phase, a delay and a contrast")
            _seal(values, np.float64)

    def kept(self, keep: NDArray[np.bool_]) -> Self:
        """Those of some photons."""
        return type(self)(self.phase_rad[keep], self.delay_ps[keep], self.contrast[keep])


@dataclass(frozen=True, slots=True, eq=False)
class PhotonFrame:
    """Photons of one delivered channel that were born in one frame; its arrays are read-only.

    Attributes
    ----------
    index : int
        Frames are numbered from 0 without gaps; empty frames travel too.
    channel : str
        WDM channel.
    times_ps : (N,) int64
        When each photon is where the frame is now; in no particular order.
    pair_rows : (N,) int64
        Row of the photon's pair in ``ledger``, or -1 if its partner will not be detected.
    ledger : PairLedger
        Shared by all channels of the frame.
    prepared : PreparedStates, optional
        Of all photons of this frame, none of which then is half of a pair.
    fired : (N,) int64, optional
        These are no photons: bright pulses, each of which fires the detector of that number at its
        time, and is not lost on the way.
    delay_ps : int
        How long they have been on their way.
    """

    index: int
    channel: str
    times_ps: NDArray[np.int64]
    pair_rows: NDArray[np.int64]
    ledger: PairLedger
    prepared: PreparedStates | None = None
    fired: NDArray[np.int64] | None = None
    delay_ps: int = 0

    def __post_init__(self) -> None:
        if self.times_ps.shape != self.pair_rows.shape:
            raise ValueError("a photon frame has one pair row per photon")
        if self.prepared is not None:
            _check_prepared(self.prepared, self.pair_rows)
        if self.fired is not None:
            _check_fired(self.fired, self.pair_rows)
        _seal(self.times_ps, np.int64)
        _seal(self.pair_rows, np.int64)

    def kept(self, keep: NDArray[np.bool_]) -> Self:
        """Some of its photons.

        Parameters
        ----------
        keep : (N,) bool
        """
        return replace(
            self,
            times_ps=self.times_ps[keep],
            pair_rows=self.pair_rows[keep],
            prepared=None if self.prepared is None else self.prepared.kept(keep),
            fired=None if self.fired is None else self.fired[keep],
        )


@dataclass(frozen=True, slots=True, eq=False)
class PhotonBundle:
    """All light of one user in one frame: what travels down a fibre.

    Attributes
    ----------
    index : int
        Number of the frame.
    start_ps, stop_ps : int
        The photons were born in ``[start_ps, stop_ps)`` at the source, true time.
    frames : tuple of PhotonFrame
        One per channel of the user, empty ones included; one more of a channel on which somebody
        has sent photons of his own.
    ahead_ps : mapping
        Channel to the way that is behind the photons by now, but not in their times yet: whoever
        takes them adds it.
    """

    index: int
    start_ps: int
    stop_ps: int
    frames: tuple[PhotonFrame, ...]
    ahead_ps: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class ClickFrame:
    """The clicks of one user in one frame as they truly were; never shown to a protocol.

    Attributes
    ----------
    index : int
        That of the `protocols.tags.TagFrame` with the same clicks.
    stop_ps : int
        Watermark in true time: every click of this frame is earlier, none of a later frame is.
    clicks : (N,) int64, ascending
        ``time_ps << 2 | detector``; the time is that of the electrical pulse, jitter included.
    frames : int
        How many frames these are, joined; the index is that of the first, the watermark the last's.
    """

    index: int
    stop_ps: int
    clicks: NDArray[np.int64]
    frames: int = 1

    def __post_init__(self) -> None:
        _seal(self.clicks, np.int64)

    @property
    def times_ps(self) -> NDArray[np.int64]:
        """(N,) int64, ascending: true times."""
        times: NDArray[np.int64] = self.clicks >> DETECTOR_BITS
        return times

    @property
    def detectors(self) -> NDArray[np.int64]:
        """(N,) int64: 0 to 3, Z+, Z-, X+, X-."""
        detectors: NDArray[np.int64] = self.clicks & DETECTOR_MASK
        return detectors


def _check_prepared(prepared: PreparedStates, pair_rows: NDArray[np.int64]) -> None:
    if prepared.phase_rad.shape != pair_rows.shape:
        raise ValueError("a frame of prepared states has one of them per photon")
    if pair_rows.size and pair_rows.max() >= 0:
        raise ValueError("a photon with a prepared state is half of no pair")


def _check_fired(fired: NDArray[np.int64], pair_rows: NDArray[np.int64]) -> None:
    if fired.shape != pair_rows.shape:
        raise ValueError("a frame of bright pulses has one detector per pulse")
    if pair_rows.size and pair_rows.max() >= 0:
        raise ValueError("a bright pulse is half of no pair")
    _seal(fired, np.int64)


def _seal(values: NDArray[Any], dtype: type[np.generic]) -> None:
    if values.dtype != dtype or values.ndim != 1:
        raise TypeError(
            f"expected a 1-d {dtype.__name__} array, not {values.ndim}-d {values.dtype}"
        )
    values.setflags(write=False)
