"""One run of a sweep: a point of its grid with a seed of its own, and what it measured."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from netsim.results.provenance import collect_provenance
from netsim.simulation.run import simulate
from netsim.studies.measures import Measured, measured, notes_of
from netsim.topology.specs import TopologySpec

MAX_REASON = 400
"""Characters of what is kept of a failure."""


@dataclass(frozen=True, slots=True)
class Replica:
    """A run to be made.

    Attributes
    ----------
    point : int
        Index of the point of the grid.
    number : int
        Of the replicas of that point.
    topology : TopologySpec
    duration_s : str
        Seconds of light, or with a unit.
    seed : int
    fidelity : str
    """

    point: int
    number: int
    topology: TopologySpec
    duration_s: str
    seed: int
    fidelity: str

    @property
    def place(self) -> tuple[int, int]:
        """Point and number, by which it is told from all others."""
        return self.point, self.number

    def key(self, sources_sha256: str) -> str:
        """Hash of all that its result depends on."""
        parts = {
            "topology": collect_provenance(self.topology.model_dump(mode="json")).topology_sha256,
            "duration_s": self.duration_s,
            "seed": self.seed,
            "fidelity": self.fidelity,
            "sources": sources_sha256,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ReplicaResult:
    """What came of a replica.

    Attributes
    ----------
    links : mapping
        Link to measure to value; empty where it failed.
    reason : str
        Why it failed; empty where it did not.
    notes : mapping
        Link to what must be said of it, as in ``summary.json``.
    """

    links: Measured
    reason: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """For a log."""
        return {"links": self.links, "reason": self.reason, "notes": self.notes}

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> "ReplicaResult":
        """Inverse of `to_json`; KeyError or TypeError for anything else."""
        return cls(dict(entry["links"]), str(entry["reason"]), dict(entry["notes"]))

    @classmethod
    def failed(cls, error: BaseException) -> "ReplicaResult":
        """What an error says of itself, on one line."""
        text = " ".join(str(error).split()) or "no message"
        return cls({}, f"{type(error).__name__}: {text}"[:MAX_REASON])


def run_replica(
    replica: Replica, should_stop: Callable[[], bool] | None = None
) -> ReplicaResult | None:
    """Simulate; whatever goes wrong there is the result. None if it was stopped before its end."""
    try:
        run = simulate(
            replica.topology,
            duration_s=replica.duration_s,
            seed=replica.seed,
            fidelity=replica.fidelity,
            should_stop=should_stop,
        )
    except Exception as error:  # noqa: BLE001  # one point that fails must not end the others
        return ReplicaResult.failed(error)
    return None if run.partial else ReplicaResult(measured(run), notes=notes_of(run))


def replica_seed(seed: int, point: int, number: int) -> int:
    """Seed of a replica, of the sweep's ``seed`` and its place alone: adding some changes no other.

    It is the state of the child that `numpy.random.SeedSequence.spawn` gives the point, and of that
    one's child for the replica.
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(point, number))
    return int(sequence.generate_state(1, np.uint32)[0])
