"""A source between two users with polarisation analysers, in the few numbers that papers print."""

import math

from netsim.topology.observers import ObserverSpec
from netsim.topology.receiver import (
    BellSpec,
    ClockSpec,
    DetectorSpec,
    InterferometerSpec,
    ReceiverSpec,
)
from netsim.topology.source import CrystalSourceSpec
from netsim.topology.specs import TopologySpec
from netsim.topology.state import (
    ClassicalSpec,
    DeliveredChannelSpec,
    FibreSpec,
    ProtocolSpec,
    QnspSpec,
    UserSpec,
)

NO_FIBRE = FibreSpec(
    length_m=0.0, attenuation_db_per_km=0.0, group_index=1.468, dispersion_ps_per_nm_km=0.0
)
CHANNELS = ("C33", "C35")


def pair_link(
    name: str,
    *,
    pairs_hz: float,
    visibility: float,
    losses_db: tuple[float, float] = (0.0, 0.0),
    dark_hz: float = 0.0,
    jitter_fwhm_ps: float = 0.0,
    window_ps: int = 2000,
    bell_share: float | None = None,
    bell_user: str | None = None,
    protocol: str = "bbm92",
    round_s: float = 30.0,
    frame_s: float = 0.05,
    intercepted: float = 0.0,
) -> TopologySpec:
    """A topology of one link.

    Parameters
    ----------
    name : str
    pairs_hz : float
        Born at the source.
    visibility : float
        Of pairs, accidentals apart.
    losses_db : (float, float)
        All of either arm, detectors included.
    dark_hz, jitter_fwhm_ps : float
        Of each detector; the jitter of both ends together is sqrt(2) times that.
    window_ps : int
    bell_share : float, optional
        Of the frames of either user in which the analysers are turned.
    bell_user : str, optional
        Who alone turns them.
    protocol : str
    round_s : float
    frame_s : float
    intercepted : float
        Share of the second user's photons that somebody catches and sends anew.
    """
    bell = None if bell_share is None else BellSpec(share=bell_share)
    caught = ObserverSpec(kind="intercept-resend", user="bob", options={"share": intercepted})
    return TopologySpec(
        name=name,
        description=f"A source between two users, as printed of {name}",
        frame_s=frame_s,
        qnsp=QnspSpec(
            pump_rejection_loss_db=0.0,
            source=CrystalSourceSpec(
                kind="spdc",
                brightness_hz_per_mw=pairs_hz,
                pump_power_mw=1.0,
                sum_labels=68,
                linewidth_hz=1e12,
                coupling_loss_db=0.0,
                contrast=visibility,
            ),
            channels=tuple(
                DeliveredChannelSpec(channel=channel, user=user, loss_db=loss_db)
                for channel, user, loss_db in zip(
                    CHANNELS, ("alice", "bob"), losses_db, strict=True
                )
            ),
        ),
        receivers={
            "analyser": _receiver(dark_hz, jitter_fwhm_ps, bell),
            "still": _receiver(dark_hz, jitter_fwhm_ps, None),
        },
        users=tuple(
            UserSpec(
                name=user,
                receiver="analyser" if bell_user in {None, user} else "still",
                fibre=NO_FIBRE,
            )
            for user in ("alice", "bob")
        ),
        classical=ClassicalSpec(
            bandwidth_bps=1e9, group_index=1.468, jitter_ps=1_000_000, max_datagram_bytes=9000
        ),
        protocol=ProtocolSpec(
            protocol=protocol,
            window_ps=window_ps,
            round_s=round_s,
            reconciliation="cascade-yanetal",
            initial_qber=0.05,
            error_correction_charge="paper",
            verification_bits=64,
        ),
        observers=(caught,) if intercepted else (),
    )


def _receiver(dark_hz: float, jitter_fwhm_ps: float, bell: BellSpec | None) -> ReceiverSpec:
    detector = DetectorSpec(
        efficiency=1.0, dark_rate_hz=dark_hz, jitter_fwhm_ps=jitter_fwhm_ps, dead_time_ps=0
    )
    return ReceiverSpec(
        kind="polarisation",
        z_probability=0.5,
        excess_loss_db=0.0,
        z=InterferometerSpec(phase_rad=0.0),
        x=InterferometerSpec(phase_rad=math.pi / 2),
        detectors=(detector,),
        tick_ps=1,
        clock=ClockSpec(offset_bound_ps=0, rate_bound_ppm=0.0, allan_deviation_1s=0.0),
        bell=bell,
    )
