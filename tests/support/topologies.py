"""Small topologies: parts, and two users with ideal hardware."""

import math
from collections.abc import Mapping

from netsim.topology.receiver import ClockSpec, DetectorSpec, InterferometerSpec, ReceiverSpec
from netsim.topology.source import (
    CrystalSourceSpec,
    PairFactorSpec,
    PumpSpec,
    RingSourceSpec,
)
from netsim.topology.specs import TopologySpec
from netsim.topology.state import (
    ClassicalSpec,
    DeliveredChannelSpec,
    FibreSpec,
    ProtocolSpec,
    QnspSpec,
    UserSpec,
)
from netsim.units import db_from_transmittance

PERFECT_CLOCK = ClockSpec(
    offset_bound_ps=0, rate_bound_ppm=0.0, allan_deviation_1s=0.0, offset_ps=0, rate_ppm=0.0
)
REAL_CLOCK = ClockSpec(offset_bound_ps=1_000_000_000, rate_bound_ppm=0.5, allan_deviation_1s=5e-11)

IDEAL_DETECTOR = DetectorSpec(efficiency=1.0, dark_rate_hz=0.0, jitter_fwhm_ps=0.0, dead_time_ps=0)
NANOWIRE = DetectorSpec(
    efficiency=0.8, dark_rate_hz=100.0, jitter_fwhm_ps=70.0, dead_time_ps=25_000
)

UMI_Z = InterferometerSpec(delay_ps=10_000.0, phase_rad=0.0)
UMI_X = InterferometerSpec(delay_ps=10_000.0, phase_rad=math.pi / 2)


def receiver_spec(
    *detectors: DetectorSpec,
    z: InterferometerSpec = UMI_Z,
    x: InterferometerSpec = UMI_X,
    z_probability: float = 0.5,
    excess_loss_db: float = 0.0,
    tick_ps: int = 1,
    clock: ClockSpec = PERFECT_CLOCK,
    kind: str = "franson",
) -> ReceiverSpec:
    """A receiver; ideal and with a perfect clock unless told otherwise."""
    return ReceiverSpec(
        kind=kind,
        z_probability=z_probability,
        excess_loss_db=excess_loss_db,
        z=z,
        x=x,
        detectors=detectors or (IDEAL_DETECTOR,),
        tick_ps=tick_ps,
        clock=clock,
    )


def fibre_spec(
    length_m: float = 0.0,
    *,
    attenuation_db_per_km: float = 0.0,
    dispersion_ps_per_nm_km: float = 0.0,
) -> FibreSpec:
    """A fibre; of no length unless told otherwise."""
    return FibreSpec(
        length_m=length_m,
        attenuation_db_per_km=attenuation_db_per_km,
        group_index=1.468,
        dispersion_ps_per_nm_km=dispersion_ps_per_nm_km,
    )


def source_spec(
    rates_hz: Mapping[tuple[str, str], float],
    contrasts: Mapping[tuple[str, str], float] | None = None,
    *,
    pumps: tuple[str, ...] = ("C34", "C46"),
    phases_rad: Mapping[tuple[str, str], float] | None = None,
    linewidth_hz: float = 200e6,
    lossless: bool = False,
) -> RingSourceSpec:
    """A ring with given pair rates, through factors of a brightness of 1 MHz per mW^2.

    The pumps have 1 mW in the fibre; a lossless source has no facet and escape loss. All processes
    that feed a delivered channel must be given; each is Poissonian by itself.
    """
    contrasts, phases_rad = contrasts or {}, phases_rad or {}
    facet_loss_db = 0.0 if lossless else 1.6
    power_mw2 = 10 ** (-2 * facet_loss_db / 10)
    labels = [int(pump[1:]) for pump in pumps]

    def multiplicity(pair: tuple[str, str]) -> int:
        total = sum(int(channel[1:]) for channel in pair)
        return 1 if any(total == 2 * label for label in labels) else 4

    return RingSourceSpec(
        brightness_hz_per_mw2=1e6,
        linewidth_hz=linewidth_hz,
        comb_spacing_labels=2,
        facet_loss_db=facet_loss_db,
        escape_loss_db=0.0 if lossless else 2.0,
        contrast=1.0,
        statistics="poisson",
        pumps=tuple(PumpSpec(channel=pump, power_mw=1.0) for pump in pumps),
        pairs=tuple(
            PairFactorSpec(
                channels=pair,
                factor=1e-6 * rate_hz / (multiplicity(pair) * power_mw2),
                contrast=contrasts.get(pair, 1.0),
                phase_rad=phases_rad.get(pair, 0.0),
            )
            for pair, rate_hz in rates_hz.items()
        ),
    )


def topology_spec(
    source: RingSourceSpec | CrystalSourceSpec,
    channels: tuple[DeliveredChannelSpec, ...],
    receivers: Mapping[str, ReceiverSpec],
    users: tuple[UserSpec, ...],
    *,
    frame_s: float = 0.05,
    window_ps: int = 2000,
    pump_rejection_loss_db: float = 0.0,
) -> TopologySpec:
    """A topology with an ordinary classical channel and protocol."""
    return TopologySpec(
        name="test",
        description="for tests",
        frame_s=frame_s,
        qnsp=QnspSpec(
            pump_rejection_loss_db=pump_rejection_loss_db, channels=channels, source=source
        ),
        receivers=dict(receivers),
        users=users,
        classical=ClassicalSpec(
            bandwidth_bps=1e9, group_index=1.468, jitter_ps=1_000_000, max_datagram_bytes=9000
        ),
        protocol=ProtocolSpec(
            window_ps=window_ps,
            round_s=30.0,
            reconciliation="cascade-yanetal",
            initial_qber=0.05,
            error_correction_charge="paper",
            verification_bits=64,
        ),
    )


def two_user_topology(
    *,
    rate_hz: float = 200_000.0,
    etas: tuple[float, float] = (0.5, 0.5),
    contrast: float = 1.0,
    phase_rad: float = 0.0,
    linewidth_hz: float = 200e6,
    receivers: tuple[ReceiverSpec, ReceiverSpec] | None = None,
    fibres: tuple[FibreSpec, FibreSpec] | None = None,
    users: tuple[str, str] = ("alice", "bob"),
    noise_hz: tuple[float, float] = (0.0, 0.0),
    frame_s: float = 0.05,
    window_ps: int = 2000,
) -> TopologySpec:
    """One pair process C38&C42 of one pump (C40), two users, ideal hardware.

    Parameters
    ----------
    rate_hz : float
        Pairs born per second.
    etas : (float, float)
        Transmittance of the provider to either user.
    users : (str, str)
        Who gets C38 and C42; both to one user if the names are equal.
    noise_hz : (float, float)
        Uncorrelated photons in the ring's bus.
    """
    one, other = receivers or (receiver_spec(), receiver_spec())
    fibres = fibres or (fibre_spec(), fibre_spec())
    names = tuple(dict.fromkeys(users))
    return topology_spec(
        source_spec(
            {("C38", "C42"): rate_hz},
            {("C38", "C42"): contrast},
            pumps=("C40",),
            phases_rad={("C38", "C42"): phase_rad},
            linewidth_hz=linewidth_hz,
            lossless=True,
        ),
        tuple(
            DeliveredChannelSpec(
                channel=channel,
                user=user,
                loss_db=db_from_transmittance(eta),
                noise_hz_per_mw=noise,
            )
            for channel, user, eta, noise in zip(("C38", "C42"), users, etas, noise_hz, strict=True)
        ),
        {"one": one, "other": other},
        tuple(
            UserSpec(name=name, receiver=receiver, fibre=fibre)
            for name, receiver, fibre in zip(names, ("one", "other"), fibres, strict=False)
        ),
        frame_s=frame_s,
        window_ps=window_ps,
    )
