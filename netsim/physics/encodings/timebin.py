"""Time bins of a pulsed source: one interferometer a user, and the basis is the slot of a click.

The pump makes double pulses (`netsim.physics.pulses`), and the interferometer delays by a slot: a
photon comes out in one of three. The first and the last one tell the pulse that a pair is of (basis
Z, half of all), the middle one does not, and there pairs interfere (basis X). Both ports have a
detector; in Z a click says the same at either. Honjo et al., Opt. Express 16, 19118 (2008).

Receivers are told the pump's clock, and publish periods instead of times, which would give the bits
of Z away. So there is one peak, as wide as the users' ticks, and chance coincidences come as often
as two users click in one period, however narrow the window.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from netsim.frames import PhotonFrame
from netsim.physics.columns import joined
from netsim.physics.encodings.interface import (
    AT_HAND,
    Encoding,
    Measurement,
    Outcome,
    PairSource,
    Path,
    ReadShares,
    X,
    Z,
)
from netsim.physics.encodings.joint import Joint, Peak, Window
from netsim.physics.encodings.optics import Optics
from netsim.physics.encodings.phases import channel_phase_rad
from netsim.physics.encodings.slots import (
    ALONE,
    APART,
    FIRST,
    LAST,
    MIDDLE,
    SLOTS,
    Sight,
    SlotReader,
    read_alone,
    read_together,
)
from netsim.physics.pulses import Pulses
from protocols.tags import DETECTOR_BITS

SLOT_OF = (FIRST, LAST, MIDDLE, MIDDLE)
"""In which slot an outcome is read."""
PORT_OF = (None, None, 0, 1)
"""At which port; None: at either."""
PORTS = (0, 1)


class Slot(Outcome):
    """A slot; in the middle one, a port as well."""

    def __str__(self) -> str:
        return f"X{'+-'[self.port]}" if self.basis == X else ("first", "last")[self.port]


@dataclass(frozen=True, slots=True)
class SlotJoint(Joint):
    """Two outcomes.

    Attributes
    ----------
    slots : (int, int)
        Of either.
    gates_ps : (float, float)
        Of either user.
    """

    slots: tuple[int, int] = (FIRST, FIRST)
    gates_ps: tuple[float, float] = (math.inf, math.inf)

    def shares(self, window: Window) -> tuple[float, float]:
        """As of any `Joint`, relative to independent slots and ports."""
        pulses = window.shape.pulses
        if pulses is None:
            raise ValueError("time bins need a pulsed source")
        tables = read_together(pulses, *map(Sight, window.jitters_ps, self.gates_ps))
        one, other = self.slots
        alone = float(tables.alone[0, one] * tables.alone[1, other])
        teeth = [
            APART.index(apart)
            for apart in pulses.teeth(window.offset_ps, window.width_ps)
            if apart in APART
        ]
        everything = float(tables.together[teeth, one, other].sum()) / alone
        if one == other == MIDDLE:
            return float(tables.fringe[teeth].sum()) / alone, everything
        return 0.0, everything


class TimeBin(Encoding):
    """Outcomes: first slot, last slot, middle slot at the port + and at the port -."""

    carrier: ClassVar[str] = "pulsed time-bin"
    needs_pulses: ClassVar[bool] = True
    detectors: ClassVar[tuple[Outcome, ...]] = (Slot(Z, 0), Slot(Z, 1), Slot(X, 0), Slot(X, 1))

    def __init__(self, optics: Optics) -> None:
        self._x = optics.x
        self._gate_ps = optics.gate_ps

    @classmethod
    def detector_names(cls) -> tuple[str, ...]:
        """One at either port."""
        return "+", "-"

    @classmethod
    def faults(cls, optics: Optics) -> Iterator[str]:
        """Anything but one interferometer, whose slots choose the basis."""
        z = optics.z
        if not optics.x.delay_ps:
            yield "a time-bin receiver has a delay_ps above 0 in x: the distance of the slots"
        if z.delay_ps or z.phase_rad(0) or z.path_error_ps or z.contrast != 1.0:
            yield "z of a time-bin receiver is two slots: phase_rad 0 and nothing else"
        if optics.z_probability != 0.5:
            yield "z_probability is 0.5: half of the photons come in the middle slot"

    @property
    def side_peaks_ps(self) -> Mapping[str, float]:
        """None: all slots of a period are one time."""
        return {}

    @property
    def hidden_ps(self) -> float:
        """From the end of the last slot to the begin of the first, gated, less whole periods."""
        return LAST * self._x.delay_ps + min(self._gate_ps, self._x.delay_ps)

    def share(self, detector: int) -> float:
        """A quarter each."""
        return float(ALONE[SLOT_OF[detector]]) / (2.0 if SLOT_OF[detector] == MIDDLE else 1.0)

    def port_share(self, port: int) -> float:  # noqa: ARG002 - they are alike
        """Half of the light."""
        return 0.5

    def paths(self, detector: int) -> tuple[Path, ...]:
        """By the slot: the short one, the long one, or either."""
        both = Path(0.0, 0.5), Path(self._x.delay_ps, 0.5)
        slot = SLOT_OF[detector]
        return both if slot == MIDDLE else (Path(both[slot // LAST].late_ps, 1.0),)

    def contrast(self, detector: int) -> float:
        """Of the interferometer; pulses do not mix up."""
        return self._x.contrast if SLOT_OF[detector] == MIDDLE else 1.0

    def phase_rad(self, detector: int, label: int, time_ps: int) -> float:
        """Of the interferometer; none outside the middle slot."""
        if SLOT_OF[detector] != MIDDLE:
            return 0.0
        return self._x.phase_rad(time_ps) + channel_phase_rad(label, self._x.path_error_ps)

    def settings_at(self, time_ps: int) -> tuple[float, ...]:
        """Phase of the interferometer."""
        return (self._x.phase_rad(time_ps),)

    def joint(self, detector: int, other: Encoding, its: int) -> Joint:
        """Slots of both by the paths of a pair, a fringe in the middle of both."""
        if not isinstance(other, TimeBin):
            raise TypeError(f"{other.carrier} shares no basis with {self.carrier}")
        slots = SLOT_OF[detector], SLOT_OF[its]
        late_ps = self._x.delay_ps if slots == (MIDDLE, MIDDLE) else 0.0
        return SlotJoint(
            peaks=(Peak(0.0, 1.0, interferes=False),),
            contrasts=(self.contrast(detector), other.contrast(its)),
            late_ps=(late_ps, late_ps),
            sign=self.detectors[detector].sign * other.detectors[its].sign,
            slots=slots,
            gates_ps=(self._gate_ps, other._gate_ps),  # noqa: SLF001
        )

    def read_shares(self, pulses: Pulses, jitters_ps: tuple[float, ...]) -> ReadShares:
        """Slots of photons by their pulses, and of other clicks by chance."""
        sights = [Sight(jitter_ps, self._gate_ps) for jitter_ps in jitters_ps]
        alike = np.full(len(SLOTS), sights[0].open_ps(pulses) / pulses.period_ps)
        photons = [_outcomes(read_alone(pulses, sights[port]), port) for port in PORTS]
        return ReadShares(np.array(photons), np.array([_outcomes(alike, port) for port in PORTS]))

    def reader(self, source: PairSource, start_ps: int) -> SlotReader:
        """By the pump's clock."""
        return SlotReader(_pulses_of(source), start_ps, self._gate_ps)

    def measurement(self, source: PairSource) -> Measurement:
        """Late binding of the two photons of a pair: `netsim.physics.encodings.slotted`."""
        return _SlotMeasurement(self, source)


def _pulses_of(source: PairSource) -> Pulses:
    if source.pulses is None:
        raise ValueError("time bins need a pulsed source")
    return source.pulses


def _outcomes(slots: NDArray[np.float64], port: int) -> NDArray[np.float64]:
    """(4,) float64: outcomes of a click at a port, by the shares of the slots."""
    shares = [
        float(slots[slot]) if at in {None, port} else 0.0
        for slot, at in zip(SLOT_OF, PORT_OF, strict=True)
    ]
    return np.array(shares)


class _SlotMeasurement:
    """One interferometer: ports + and - as detectors 0 and 1."""

    def __init__(self, encoding: TimeBin, source: PairSource) -> None:
        self._encoding = encoding
        self._pulses = _pulses_of(source)
        joint = encoding.joint(_PLUS, encoding, _PLUS)
        self._pair_phase_rad = np.array([joint.pair_phase_rad(each) for each in source.processes])
        self._contrast = encoding.contrast(_PLUS)
        own = self._contrast**2
        self._pair_contrast = np.array(
            [
                joint.visibility(each.contrast, frequency_noise_hz=each.frequency_noise_hz) / own
                if own
                else 0.0
                for each in source.processes
            ]
        )

    def measure(
        self,
        rng: Generator,
        frames: Sequence[PhotonFrame],
        *,
        time_ps: int,
        ahead_ps: Mapping[str, int] = AT_HAND,
    ) -> NDArray[np.int64]:
        """As `netsim.physics.encodings.interface.Measurement`."""
        arrivals = [
            self._measured(rng, frame, time_ps) + (ahead_ps.get(frame.channel, 0) << DETECTOR_BITS)
            for frame in frames
        ]
        return joined(arrivals)

    def _measured(self, rng: Generator, frame: PhotonFrame, time_ps: int) -> NDArray[np.int64]:
        # Here, so that a topology can be read without the compiler of the kernels.
        from netsim.physics.encodings.slotted import measure_slots  # noqa: PLC0415

        if frame.fired is not None or frame.prepared is not None:
            raise ValueError("nobody sends light of his own to a time-bin receiver")
        ledger, encoding = frame.ledger, self._encoding
        return measure_slots(
            rng,
            frame.times_ps,
            frame.pair_rows,
            ledger.process,
            ledger.outcome,
            ledger.phase_rad,
            ledger.contrast,
            self._pair_contrast,
            self._pair_phase_rad,
            frame.delay_ps,
            self._pulses.slot_ps,
            self._pulses.period_ps,
            round(encoding.paths(_PLUS)[-1].late_ps),
            encoding.phase_rad(_PLUS, int(frame.channel[1:]), time_ps),
            self._contrast,
        )


_PLUS = 2
"""The middle slot at the port +."""
