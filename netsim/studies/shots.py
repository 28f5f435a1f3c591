"""A shot: one topology, some light, and what the detectors counted; the unit of work and of resume.

Its name seeds its random streams, so that it measures the same whichever figures are asked for. It
knows topologies and counts, no figure and no paper.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsim.results.chsh import chsh_from
from netsim.results.fidelity import Fidelity
from netsim.results.provenance import collect_provenance
from netsim.simulation.photons import count_photons
from netsim.simulation.run import simulate
from netsim.simulation.scoring import DifferenceHistogram
from netsim.topology.network import build_network
from netsim.topology.specs import TopologySpec
from netsim.twin.prediction import predict
from protocols.chsh import Chsh

Counts = NDArray[np.int64]

FORMAT = 1
"""Raised when a result of old code would be misread, or would differ though no module did."""

SEED_BYTES = 8


@dataclass(frozen=True, slots=True)
class HistogramRange:
    """Which arrival differences (second user less first) a shot collects.

    Attributes
    ----------
    users : (str, str)
        In the order of the topology's users.
    low_ps, bin_ps, bins : int
        Lower edge of the first bin, width and number of bins.
    """

    users: tuple[str, str]
    low_ps: int
    bin_ps: int
    bins: int

    @property
    def centres_ns(self) -> tuple[float, ...]:
        """(bins,) centres of the bins."""
        return tuple(1e-3 * (self.low_ps + self.bin_ps * (k + 0.5)) for k in range(self.bins))

    def bins_between(self, low_ps: int, high_ps: int) -> slice:
        """Bins from ``low_ps`` to ``high_ps``, which must be edges of bins.

        Raises
        ------
        ValueError
            If they are not.
        """
        start, after_start = divmod(low_ps - self.low_ps, self.bin_ps)
        stop, after_stop = divmod(high_ps - self.low_ps, self.bin_ps)
        if after_start or after_stop or not 0 <= start <= stop <= self.bins:
            raise ValueError(f"{low_ps} to {high_ps} ps is no range of bins")
        return slice(start, stop)


@dataclass(frozen=True, slots=True)
class Shot:
    """What to simulate.

    Attributes
    ----------
    name : str
        A path such as ``bob_dave/0.4mW``; shots of one name are one shot.
    topology : TopologySpec
    light_s : float
        Seconds of light, > 0.
    histograms : tuple of HistogramRange
    distils_key : bool
        Whether the parties run the whole protocol on their tags; detectors are then not told apart.
    fidelity : Fidelity
        How deep; without ``distils_key`` always photon by photon.
    """

    name: str
    topology: TopologySpec
    light_s: float
    histograms: tuple[HistogramRange, ...] = ()
    distils_key: bool = False
    fidelity: Fidelity = Fidelity.PHOTON

    def __post_init__(self) -> None:
        if not self.distils_key and self.fidelity is not Fidelity.PHOTON:
            raise ValueError(f"{self.name} counts clicks, which the {self.fidelity} level has not")

    @property
    def seed(self) -> int:
        """Of all its random streams; from its name alone."""
        digest = hashlib.blake2b(self.name.encode(), digest_size=SEED_BYTES).digest()
        return int.from_bytes(digest)

    def scaled(self, scale: float) -> "Shot":
        """The same with ``scale`` times the light, a millisecond at least."""
        return replace(self, light_s=max(1e-3, round(self.light_s * scale, 3)))

    def key(self, sources_sha256: str) -> str:
        """Hash of all that its result depends on: itself, the versions, the simulator's sources."""
        provenance = collect_provenance(self.topology.model_dump(mode="json"))
        inputs = {
            "format": FORMAT,
            "name": self.name,
            "light_s": self.light_s,
            "histograms": [asdict(histogram) for histogram in self.histograms],
            "distils_key": self.distils_key,
            "fidelity": self.fidelity,
            "topology": provenance.topology_sha256,
            "versions": provenance.versions,
            "sources": sources_sha256,
        }
        return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class LaneTally:
    """Counts of one lane.

    Attributes
    ----------
    matches : (4, 4) nested list of int, or None
        Coincidences by detector (Z+, Z-, X+, X-) of either user, where they are told apart.
    chsh : Chsh or None
        The Bell test, if the settings make one.
    """

    users: tuple[str, str]
    channels: tuple[str, str]
    sifted_bits: int
    errors: int
    matches: Sequence[Sequence[int]] | None = None
    chsh: Chsh | None = None


@dataclass(frozen=True, slots=True)
class ShotResult:
    """What was counted; plain numbers, so that it goes to JSON and back unchanged.

    Attributes
    ----------
    light_s : float
    lanes : tuple of LaneTally
    singles : mapping
        User to clicks: of each detector, or (with ``distils_key``) of all four in one entry.
    histograms : tuple of sequence of int
        In the order of `Shot.histograms`.
    net_key_bps : mapping
        ``alice-bob`` to what the parties booked: key deposited less key spent, per second.
    """

    light_s: float
    lanes: tuple[LaneTally, ...]
    singles: Mapping[str, Sequence[int]]
    histograms: tuple[Sequence[int], ...] = ()
    net_key_bps: Mapping[str, float] | None = None

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> "ShotResult":
        """The inverse; KeyError or TypeError for anything else."""
        return cls(
            light_s=entry["light_s"],
            lanes=tuple(
                LaneTally(
                    **{
                        **lane,
                        "users": tuple(lane["users"]),
                        "channels": tuple(lane["channels"]),
                        "chsh": chsh_from(lane["chsh"]),
                    }
                )
                for lane in entry["lanes"]
            ),
            singles=entry["singles"],
            histograms=tuple(entry["histograms"]),
            net_key_bps=entry["net_key_bps"],
        )


def measure(shot: Shot, *, progress: Callable[[int], None] | None = None) -> ShotResult:
    """Simulate ``shot``.

    Parameters
    ----------
    progress : callable, optional
        Called with the simulated picoseconds done, once a frame; what it raises ends the shot.
    """
    return _distil(shot, progress) if shot.distils_key else _count(shot, progress)


def _count(shot: Shot, progress: Callable[[int], None] | None) -> ShotResult:
    histograms = [
        DifferenceHistogram(
            wanted.users, low_ps=wanted.low_ps, bin_ps=wanted.bin_ps, bins=wanted.bins
        )
        for wanted in shot.histograms
    ]
    found = count_photons(
        shot.topology,
        duration_s=_decimal(shot.light_s),
        seed=shot.seed,
        histograms=histograms,
        progress=progress,
    )
    return ShotResult(
        light_s=found.duration_s,
        lanes=tuple(
            LaneTally(
                lane.lane.users,
                lane.lane.channels,
                int(lane.counts.sifted_bits),
                int(lane.counts.errors),
                lane.matches.tolist(),
                lane.chsh,
            )
            for lane in found.lanes
        ),
        singles={user: clicks.tolist() for user, clicks in found.singles.items()},
        histograms=tuple(histogram.counts.tolist() for histogram in histograms),
    )


def _distil(shot: Shot, progress: Callable[[int], None] | None) -> ShotResult:
    found = simulate(
        shot.topology,
        duration_s=_decimal(shot.light_s),
        seed=shot.seed,
        progress=progress,
        fidelity=shot.fidelity,
    )
    return ShotResult(
        light_s=found.duration_s,
        lanes=tuple(
            LaneTally(
                lane.users,
                lane.channels,
                int(lane.sifted_bits),
                int(lane.errors),
                chsh=lane.chsh,
            )
            for lane in found.lanes
        ),
        singles={user.name: list(user.detectors) for user in found.users},
        net_key_bps={"-".join(link.users): float(link.net_key_bps) for link in found.links},
    )


def _decimal(light_s: float) -> str:
    """Milliseconds are exact as text, not as a float."""
    return f"{light_s:.3f}"


def expected_tags(shot: Shot) -> float:
    """Tags that the twin expects of ``shot``: the measure of its work."""
    prediction = predict(build_network(shot.topology))
    return shot.light_s * sum(user.singles_hz for user in prediction.users)
