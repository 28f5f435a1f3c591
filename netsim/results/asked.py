"""What was asked of a run, kept beside its results from its beginning on."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from netsim.errors import ConfigError
from netsim.results.fidelity import Fidelity
from netsim.results.files import write_whole

ASKED = "asked.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Enough to run it again, with the topology that lies beside it.

    Attributes
    ----------
    seed, duration_ps : int
    fidelity : Fidelity
    save_tags, histograms : bool
    is_whole : bool
        Nothing else was given to it, such as a controller or attackers made in Python.
    versions : tuple of (str, str)
        See `netsim.results.provenance.Provenance`.
    """

    seed: int
    duration_ps: int
    fidelity: Fidelity
    save_tags: bool
    histograms: bool
    is_whole: bool
    versions: tuple[tuple[str, str], ...]


def save_asked(asked: Asked, directory: Path) -> None:
    """Keep it in ``directory``."""
    write_whole(directory / ASKED, json.dumps(asdict(asked), indent=2) + "\n")


def load_asked(directory: Path) -> Asked:
    """What was asked of the run in ``directory``; ConfigError if that is not known."""
    path = directory / ASKED
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return Asked(
            seed=int(told["seed"]),
            duration_ps=int(told["duration_ps"]),
            fidelity=Fidelity(told["fidelity"]),
            save_tags=bool(told["save_tags"]),
            histograms=bool(told.get("histograms")),
            is_whole=bool(told["is_whole"]),
            versions=tuple((str(name), str(version)) for name, version in told["versions"]),
        )
    except OSError as error:
        raise ConfigError.of(path, f"cannot be read: {error.strerror}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise ConfigError.of(path, f"does not say what was asked: {error!r}") from error
