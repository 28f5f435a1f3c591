"""Specs of light that is no photon of a pair, and how much of it there is on a way."""

import math
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from netsim.physics.straylight import leakage_hz, raman_hz, raman_span_km
from netsim.topology.base import Decibel, Spec
from netsim.topology.labels import Channel, label_of
from netsim.units import wavelength_nm_from_label

LightMw = Annotated[float, Field(ge=0, le=1e6)]


class RamanSpec(Spec):
    """A classical channel that is lit in the fibre of a user: its Raman scattering adds photons."""

    power_mw: LightMw
    """Of the classical light where it enters the fibre; of several channels the sum."""
    coefficient_per_km_nm: Annotated[float, Field(ge=0, le=1e-3)]
    """Share of the power that is scattered into the guide per km of fibre and nm of spectrum."""
    bandwidth_nm: Annotated[float, Field(gt=0, le=1e3)]
    """Of the filter in front of the receiver; 0.8 nm are 100 GHz."""
    is_backward: bool = False
    """Whether the user sends it: else it comes from the provider, along with the photons."""


class LitLineSpec(Spec):
    """A line that is lit in the ring besides the pumps: stimulated four-wave mixing of them."""

    channel: Channel
    """Where it is."""
    power_mw: LightMw
    """Behind the chip."""


class LeakageSpec(Spec):
    """Classical light of the source that the filters let into the delivered channels."""

    isolation_db: Decibel
    """Of pumps and lines from any delivered channel, up to the fibre of its user."""
    lines: Annotated[tuple[LitLineSpec, ...], Field(strict=False)] = ()
    """Lit besides the pumps."""

    def photons_hz(self, pumps: Iterable[tuple[int, float]]) -> float:
        """Photons per second in each delivered channel where it enters a fibre.

        Parameters
        ----------
        pumps : iterable of (int, float)
            Label and power in mW of each pump in the fibre before the chip.
        """
        lines = ((label_of(line.channel), line.power_mw) for line in self.lines)
        return math.fsum(
            leakage_hz(power_mw, wavelength_nm_from_label(label), self.isolation_db)
            for label, power_mw in (*pumps, *lines)
        )


def raman_photons_hz(
    raman: RamanSpec, label: int, *, length_m: float, attenuation_db_per_km: float
) -> float:
    """Raman photons per second in a channel where the length of the fibre ends."""
    length_km = length_m / 1e3
    return raman_hz(
        raman.power_mw,
        raman_span_km(length_km, attenuation_db_per_km, is_backward=raman.is_backward),
        coefficient_per_km_nm=raman.coefficient_per_km_nm,
        bandwidth_nm=raman.bandwidth_nm,
        wavelength_nm=wavelength_nm_from_label(label),
    )
