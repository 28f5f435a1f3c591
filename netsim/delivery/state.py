"""The folder of a serving process: what it keeps, under which names, and who may use it."""

import json
from pathlib import Path
from uuid import uuid4

from netsim.errors import ConfigError, writing
from netsim.results.directory import make_private
from netsim.results.files import write_whole

CERTIFICATES = "certificates"
MANAGERS = "managers"
FILLS = "fills"
JOURNAL = "serve.jsonl"
_IDENTITY = "state.json"
_FROM = "from.json"


class State:
    """One ``--state`` folder, made if absent, for its owner alone.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    id : str
        By which a run that has given its key away says where that is.

    Raises
    ------
    ConfigError
        Something else lies there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists() and not path.is_dir():
            raise ConfigError.of(path, "is a file, not a directory")
        if path.is_dir() and any(path.iterdir()) and not (path / _IDENTITY).is_file():
            raise ConfigError.of(path, "holds something else; choose an empty folder")
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        make_private(path)
        if not (path / _IDENTITY).is_file():
            write_whole(path / _IDENTITY, json.dumps({"id": str(uuid4())}) + "\n")
        self.id = str(_read(path / _IDENTITY, "id"))
        self.certificates = path / CERTIFICATES
        self.journal = path / JOURNAL
        make_private(path / MANAGERS)
        make_private(path / FILLS)

    def manager_path(self, user: str) -> Path:
        """The file of a user's manager."""
        return self.path / MANAGERS / f"{user}.sqlite"

    def fill_path(self, fill: int) -> Path:
        """The folder of the n-th run that fills the managers."""
        return self.path / FILLS / f"{fill:04d}"

    def fill_of(self, identity: str) -> int:
        """Number of a run that is to fill the managers, from 1 on.

        A run of the same identity gets the same number: it makes the same key, of which the
        managers take each block in once.

        Parameters
        ----------
        identity : str
            What its key follows from: topology and seed.
        """
        known = sorted((self.path / FILLS).iterdir())
        for folder in known:
            source = folder / _FROM
            if source.is_file() and _read(source, "identity") == identity:
                return int(folder.name)
        fill = 1 + max((int(folder.name) for folder in known if folder.name.isdigit()), default=0)
        make_private(self.fill_path(fill))
        write_whole(self.fill_path(fill) / _FROM, json.dumps({"identity": identity}) + "\n")
        return fill


def _read(path: Path, name: str) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))[name]
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise ConfigError.of(path, "cannot be read") from error
