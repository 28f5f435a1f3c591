"""What an encoding is: paths, peaks, fringe, detectors and the measurement of photons.

An encoding is built from plain optics and never changes; detectors are numbered as in the clicks.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from netsim.frames import PhotonFrame
from netsim.physics.encodings.joint import BunchCoherence, Coherence, Joint, Peak
from netsim.physics.encodings.optics import Optics
from netsim.physics.pulses import Pulses

Z, X = 0, 1

AT_HAND: Mapping[str, int] = {}
"""Nothing is ahead of photons at the receiver."""


class Outcome(NamedTuple):
    """What a click of a detector says."""

    basis: int
    """`Z` or `X`."""
    port: int
    """0 for +, 1 for -."""

    @property
    def sign(self) -> int:
        """+1 or -1: the output port."""
        return 1 - 2 * self.port

    def __str__(self) -> str:
        return "ZX"[self.basis] + "+-"[self.port]


class Path(NamedTuple):
    """One way through the receiver to a detector."""

    late_ps: float
    """Behind the shortest one."""
    probability: float
    """That a photon which this detector gets has come this way."""


@dataclass(frozen=True, slots=True)
class PairSource:
    """What the interference of pairs depends on, besides the two receivers.

    Attributes
    ----------
    processes : sequence of Coherence
        In the order of the ledger's indices.
    linewidth_hz : float
        Of the ring.
    bunchings : sequence of BunchCoherence
        Their indices in the ledger follow those of the processes. A bunch is bound like a pair, but
        its fringe is in the difference of the phases (`netsim.physics.bunching`).
    has_hidden_bits : bool
        Whether each photon is told beforehand what to do, see `netsim.physics.encodings.binding`.
    pulses : Pulses, optional
        Of the pump, if it is no continuous one.
    """

    processes: Sequence[Coherence]
    linewidth_hz: float
    bunchings: Sequence[BunchCoherence] = ()
    has_hidden_bits: bool = False
    pulses: Pulses | None = None


class ReadShares(NamedTuple):
    """As which outcomes the clicks of each of D detectors are read, where these are not the same.

    A row adds up to what is read at all.
    """

    photons: NDArray[np.float64]
    """(D, 4): of photons of the source."""
    others: NDArray[np.float64]
    """(D, 4): of clicks at any time."""


class Reader(Protocol):
    """Makes outcomes of clicks, by their times."""

    @property
    def span_ps(self) -> int:
        """By how much it may move a click, and the pump a birth."""
        ...

    def read(self, clicks: NDArray[np.int64]) -> NDArray[np.int64]:
        """(M,) int64, ascending: outcomes of packed clicks (N,), ascending; perhaps not of all."""
        ...

    def boundary_ps(self, time_ps: int) -> int:
        """Last time up to ``time_ps`` that separates clicks as it separates what is read."""
        ...


class Measurement(Protocol):
    """Measures the photons of one source, frame by frame."""

    def measure(
        self,
        rng: Generator,
        frames: Sequence[PhotonFrame],
        *,
        time_ps: int,
        ahead_ps: Mapping[str, int] = AT_HAND,
    ) -> NDArray[np.int64]:
        """Send the photons of some frames through the receiver, up to its detectors.

        The ledger that they share is updated: a row takes two measurements. A frame of prepared
        states has no pairs; its photons are measured in those states.

        Parameters
        ----------
        rng : Generator
        frames : sequence of PhotonFrame
            All of one frame of time.
        time_ps : int
            True time at which settings that depend on it are taken.
        ahead_ps : mapping
            Channel to the way from where they are to the receiver.

        Returns
        -------
        (N,) int64
            ``time_ps << 2 | detector`` of each photon, in the order of the frames.

        Raises
        ------
        ValueError
            If a pair is measured a third time.
        """
        ...


class Encoding(ABC):
    """One user's receiver as what it reads out of photons."""

    carrier: ClassVar[str]
    """What carries the qubit: two receivers with different carriers share no basis."""
    is_turned: ClassVar[bool] = False
    """Whether a fibre that turns polarisations turns it."""
    modes: ClassVar[int] = 1
    """Modes of the field, at one frequency and time, that a photon of a pair may be in."""
    tells_bases: ClassVar[bool] = True
    """Whether a click says its basis; else bits of both are one heap, with one error rate."""
    partner_sign: ClassVar[int] = 1
    """1 where the fringe of a pair is in the sum of both users' phases, -1 in the difference."""
    needs_pulses: ClassVar[bool] = False
    """Whether it reads photons that are born in pulses, and no others."""
    detectors: ClassVar[tuple[Outcome, ...]]
    """What each detector stands for, by its number; packed clicks hold four numbers. Where times
    tell as well, these are outcomes, see `reader`."""

    @abstractmethod
    def __init__(self, optics: Optics) -> None: ...

    @classmethod
    def faults(cls, optics: Optics) -> Iterator[str]:  # noqa: ARG003 - for those that refuse some
        """Reasons why no such receiver has these optics."""
        yield from ()

    @property
    @abstractmethod
    def side_peaks_ps(self) -> Mapping[str, float]:
        """How far side peaks lie from the central one, by basis (``"z"``, ``"x"``).

        A basis without side peaks is left out.
        """

    @property
    def longest_ps(self) -> float:
        """How much later than on the shortest path a photon can come."""
        return max(
            path.late_ps for detector in range(len(self.detectors)) for path in self.paths(detector)
        )

    @abstractmethod
    def share(self, detector: int) -> float:
        """Probability that a photon goes to a detector; over all detectors they add up to 1."""

    @classmethod
    def detector_names(cls) -> tuple[str, ...]:
        """Of the detectors that there are, in order."""
        return tuple(map(str, cls.detectors))

    @property
    def hidden_ps(self) -> float:
        """By how much clicks may lie closer together than the times say that are published."""
        return 0.0

    def port_share(self, port: int) -> float:
        """`share` of a detector that there is."""
        return self.share(port)

    def read_shares(self, pulses: Pulses, jitters_ps: tuple[float, ...]) -> ReadShares | None:  # noqa: ARG002
        """How clicks of detectors with these jitters (standard deviations) are read.

        None where each detector is an outcome.
        """
        return None

    def reader(self, source: PairSource, start_ps: int) -> Reader | None:  # noqa: ARG002
        """What reads the clicks of a user whom light reaches ``start_ps`` after its birth.

        None where each detector is an outcome.
        """
        return None

    def bases_of(self, detector: int) -> tuple[int, ...]:
        """Bases whose analysers turn what interferes at a detector, in the order of `Joint.terms`.

        A phase that wanders turns them apart.
        """
        return (self.detectors[detector].basis,)

    @abstractmethod
    def paths(self, detector: int) -> tuple[Path, ...]:
        """Ways to a detector."""

    @abstractmethod
    def contrast(self, detector: int) -> float:
        """Contrast that the analyser in front of a detector leaves to pairs."""

    @abstractmethod
    def phase_rad(self, detector: int, label: int, time_ps: int) -> float:
        """Phase that a photon of an ITU label gets on its way to a detector."""

    @abstractmethod
    def settings_at(self, time_ps: int) -> tuple[float, ...]:
        """Whatever of it depends on time; equal tuples mean that nothing has changed."""

    def joint(self, detector: int, other: "Encoding", its: int) -> Joint:
        """What pairs do that reach this detector and one of another user.

        Paths with the same place in both lists cannot be told apart, so pairs on them interfere.

        Parameters
        ----------
        detector : int
            Of this receiver, the first user's.
        other : Encoding
            Of the same carrier.
        its : int
            Detector of the other.
        """
        own, theirs = self.paths(detector), other.paths(its)
        return Joint(
            peaks=tuple(
                Peak(far.late_ps - near.late_ps, near.probability * far.probability, i == j)
                for i, near in enumerate(own)
                for j, far in enumerate(theirs)
            ),
            contrasts=(self.contrast(detector), other.contrast(its)),
            late_ps=(own[-1].late_ps, theirs[-1].late_ps),
            sign=self.detectors[detector].sign * other.detectors[its].sign,
        )

    @abstractmethod
    def measurement(self, source: PairSource) -> Measurement:
        """Measurement of the photons of this source.

        A photon that belongs to no pair whose partner will be detected is one like any other.
        """


@lru_cache(maxsize=256)
def joints_of(first: Encoding, second: Encoding) -> tuple[tuple[Joint, ...], ...]:
    """`Encoding.joint` of all detectors of the first user (outer) and the second (inner)."""
    return tuple(
        tuple(first.joint(one, second, other) for other in range(len(second.detectors)))
        for one in range(len(first.detectors))
    )
