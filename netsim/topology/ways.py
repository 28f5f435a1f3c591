"""The way of a photon from its birth to a detector: what it loses and how late it is, in order.

With somebody on the fibre a way falls into stretches. What lies ahead of the first observer is
folded into the source, for a photon lost there is nobody's; what lies behind one acts where it
happens, so that the observer sees what the user would have lost. Of the fibre, the attenuation and
the delay of its length are shared out by position; a cut lies at the provider's end, and the extra
loss (splices, connectors, attenuators) at the user's.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import accumulate, groupby, pairwise

from netsim.physics.fibre import dispersion_ps2, group_delay_ps
from netsim.topology.labels import label_of
from netsim.topology.processes import pump_powers_mw
from netsim.topology.receiver import ReceiverSpec
from netsim.topology.source import CrystalSourceSpec, RingSourceSpec
from netsim.topology.specs import TopologySpec
from netsim.topology.state import DeliveredChannelSpec, FibreSpec, QnspSpec, UserSpec
from netsim.topology.stray import raman_photons_hz
from netsim.units import transmittance_from_db, wavelength_nm_from_label


class Place(Enum):
    """Whose hardware a segment is."""

    PROVIDER = "provider"
    FIBRE = "fibre"
    RECEIVER = "receiver"


OPAQUE = 1e-100
"""Transmittance of a fibre, 1000 dB, below which nobody asks what joins on the way."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a way that loses, divides or delays."""

    name: str
    place: Place
    loss_db: float = 0.0
    branches: int = 1
    """A splitter sends each photon into one of so many."""
    share: float = 1.0
    """What comes through besides: a detector's efficiency, 0 where a fibre is dark."""
    delay_ps: float = 0.0
    dispersion_ps2: float = 0.0
    """Second-order dispersion, b L."""
    observers: int = 0
    """How many of those on the fibre a photon has passed when it comes here."""

    @property
    def transmittance(self) -> float:
        """From 0 to 1."""
        return transmittance_of((self,))


def transmittance_of(segments: Sequence[Segment]) -> float:
    """Product over neighbouring segments; within one place their decibels are added."""
    places = (tuple(group) for _, group in groupby(segments, key=lambda segment: segment.place))
    return math.prod(map(_through, places))


def _through(segments: Sequence[Segment]) -> float:
    loss_db = math.fsum(segment.loss_db for segment in segments)
    branches = math.prod(segment.branches for segment in segments)
    share = math.prod(segment.share for segment in segments)
    return transmittance_from_db(loss_db) / branches * share


@dataclass(frozen=True, slots=True)
class Stretch:
    """A way from the source, or from an observer, to the next observer or to a detector."""

    transmittance: float
    start_ps: int
    """From the source to where it begins."""
    delay_ps: int


@dataclass(frozen=True)
class DeliveredChannel:
    """The way of one wavelength channel from the source to a user's detectors.

    Attributes
    ----------
    channel, user : str
    segments : tuple of Segment
        From birth to a click in the best of the detectors, without the choice of a basis.
    noise_hz : float
        Uncorrelated photons at the source, before all losses.
    """

    channel: str
    user: str
    segments: tuple[Segment, ...]
    noise_hz: float

    @cached_property
    def transmittance(self) -> float:
        """From birth to a click in the best detector, without the basis choice (eta)."""
        return transmittance_of(self.segments)

    @cached_property
    def provider_transmittance(self) -> float:
        """From birth into the fibre: source exit, pump rejection, demultiplexer, splitter."""
        return self._transmittance_at(Place.PROVIDER)

    @cached_property
    def fibre_transmittance(self) -> float:
        """Of the whole fibre, its extra loss included; 0 where it is dark."""
        return self._transmittance_at(Place.FIBRE)

    @cached_property
    def receiver_transmittance(self) -> float:
        """Receiver excess loss and the best of the detectors, without the basis choice."""
        return self._transmittance_at(Place.RECEIVER)

    @cached_property
    def delay_ps(self) -> float:
        """From the source to the receiver: patch fibre, group delay, dispersion."""
        return math.fsum(segment.delay_ps for segment in self.segments)

    @cached_property
    def dispersion_ps2(self) -> float:
        """Second-order dispersion of the whole way."""
        return math.fsum(segment.dispersion_ps2 for segment in self.segments)

    @cached_property
    def stretches(self) -> tuple[Stretch, ...]:
        """One ahead of the first observer, one behind each; a single one without observers."""
        return tuple(_stretches(self.segments))

    @property
    def folded_transmittance(self) -> float:
        """What is folded into the source: everything ahead of the first observer."""
        return self.stretches[0].transmittance

    def _transmittance_at(self, place: Place) -> float:
        return transmittance_of([segment for segment in self.segments if segment.place is place])


def _stretches(segments: Sequence[Segment]) -> Iterator[Stretch]:
    parts = [tuple(group) for _, group in groupby(segments, key=lambda segment: segment.observers)]
    delays_ps = _sums(math.fsum(segment.delay_ps for segment in part) for part in parts)
    for part, (start_ps, stop_ps) in zip(parts, pairwise(delays_ps), strict=True):
        # The end is rounded, not the step: an observer moves no photon by a picosecond.
        delay_ps = round(stop_ps) - round(start_ps)
        yield Stretch(transmittance_of(part), round(start_ps), delay_ps)


def _sums(values: Iterable[float]) -> list[float]:
    """0 and the sums of the first, the first two, ... values."""
    return list(accumulate(values, initial=0.0))


def deliver(topology: TopologySpec) -> Iterator[DeliveredChannel]:
    """All ways of a topology, in the order of its channels and their users."""
    for spec in topology.qnsp.channels:
        for user in spec.receivers:
            yield _way(topology, spec, user)


def _way(topology: TopologySpec, spec: DeliveredChannelSpec, name: str) -> DeliveredChannel:
    user, source = topology.user(name), topology.qnsp.source
    positions = [observer.position for observer in topology.observers_of(name)]
    segments = (
        *_at_provider(topology.qnsp, spec),
        Segment("entry", Place.FIBRE, share=float(user.is_present and not user.fibre.is_cut)),
        *_in_fibre(user.fibre, label_of(spec.channel), positions),
        *_at_receiver(topology.receiver_of(user), user, len(positions)),
    )
    noise_hz = spec.noise_hz_per_mw * math.fsum(pump_powers_mw(source).values())
    stray_hz = _stray_hz(topology.qnsp, spec, user.fibre)
    return DeliveredChannel(spec.channel, name, segments, noise_hz + stray_hz)


def _stray_hz(qnsp: QnspSpec, spec: DeliveredChannelSpec, fibre: FibreSpec) -> float:
    """Photons that join on the way, as if they came from the source and were lost like others.

    None of Raman scattering in a fibre that lets nothing pass (`OPAQUE`).
    """
    if qnsp.leakage is None and fibre.raman is None:
        return 0.0
    entering = transmittance_of(_at_provider(qnsp, spec))
    passing = transmittance_from_db(fibre.attenuation_db_per_km * fibre.length_m / 1e3)
    leaking_hz = 0.0 if qnsp.leakage is None else qnsp.leakage.photons_hz(_lasers(qnsp.source))
    scattered_hz = 0.0
    if fibre.raman is not None and passing > OPAQUE:
        behind_hz = raman_photons_hz(
            fibre.raman,
            label_of(spec.channel),
            length_m=fibre.length_m,
            attenuation_db_per_km=fibre.attenuation_db_per_km,
        )
        scattered_hz = behind_hz / passing
    return (leaking_hz + scattered_hz) / entering


def _lasers(source: RingSourceSpec | CrystalSourceSpec) -> Iterator[tuple[int, float]]:
    """Label and power of each pump that is near the photons."""
    for pump in source.pumps if isinstance(source, RingSourceSpec) else ():
        yield label_of(pump.channel), pump.power_mw


def _at_provider(qnsp: QnspSpec, spec: DeliveredChannelSpec) -> tuple[Segment, ...]:
    place, branches = Place.PROVIDER, len(spec.receivers)
    return (
        Segment("source exit", place, qnsp.source.exit_loss_db),
        Segment("pump rejection", place, qnsp.pump_rejection_loss_db),
        Segment("demultiplexer", place, spec.loss_db),
        Segment("splitter", place, spec.splitter_loss_db, branches=branches),
        Segment("patch fibre", place, delay_ps=spec.patch_delay_ps),
    )


def _in_fibre(fibre: FibreSpec, label: int, positions: Sequence[float]) -> Iterator[Segment]:
    """The fibre, cut into pieces where somebody sits, and what it loses beyond its length."""
    wavelength_nm = wavelength_nm_from_label(label)
    dispersion_ps_per_nm_km = fibre.dispersion_ps_per_nm_km
    for passed, (start, stop) in enumerate(pairwise((0.0, *positions, 1.0))):
        length_m = fibre.length_m * (stop - start)
        yield Segment(
            "fibre",
            Place.FIBRE,
            fibre.attenuation_db_per_km * length_m / 1e3,
            delay_ps=group_delay_ps(
                length_m=length_m,
                group_index=fibre.group_index,
                dispersion_ps_per_nm_km=dispersion_ps_per_nm_km,
                wavelength_nm=wavelength_nm,
            ),
            dispersion_ps2=dispersion_ps2(
                length_m=length_m,
                dispersion_ps_per_nm_km=dispersion_ps_per_nm_km,
                wavelength_nm=wavelength_nm,
            ),
            observers=passed,
        )
    yield Segment("extra loss", Place.FIBRE, fibre.extra_loss_db, observers=len(positions))


def _at_receiver(receiver: ReceiverSpec, user: UserSpec, observers: int) -> tuple[Segment, ...]:
    place = Place.RECEIVER
    best = max(detector.efficiency for detector in receiver.each_detector)
    share = best if user.is_detecting else 0.0
    return (
        Segment("receiver", place, receiver.excess_loss_db, observers=observers),
        Segment("best detector", place, share=share, observers=observers),
    )
