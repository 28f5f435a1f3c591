"""Files of a run in its directory that grow while it goes on: ledger, events, stores, tags."""

import json
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from netsim.kernel.trace import FileSink
from netsim.pools.ledgerfile import LedgerFile
from netsim.results.directory import (
    EVENTS,
    LEDGER,
    TAGS_DIRECTORY,
    USERS_DIRECTORY,
    make_private,
)
from netsim.results.files import write_whole
from netsim.results.tagfile import TagFile
from protocols.link import LinkConfig


class Outputs:
    """Those of one run, opened in this order: ledger, events, folder of the stores.

    Parameters
    ----------
    directory : Path
        It exists.
    stack : ExitStack
        Closes the ledger.

    Attributes
    ----------
    rows : LedgerFile
    sink : FileSink
        To be closed by the trace.
    tags : Path
        Where time tags are kept.
    """

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.rows = stack.enter_context(LedgerFile(directory / LEDGER))
        self.sink = FileSink(directory / EVENTS)
        self.tags = directory / TAGS_DIRECTORY
        self._stores = make_private(directory / USERS_DIRECTORY)

    def store_of(self, user: str) -> Path:
        """File of a user's pools."""
        return self._stores / f"{user}.sqlite"


def open_tags(
    directory: Path, users: Iterable[str], links: Iterable[LinkConfig], stack: ExitStack
) -> dict[str, TagFile]:
    """Files for every user's tags, which ``stack`` closes; what each link is stands beside them."""
    make_private(directory)
    files = {user: stack.enter_context(TagFile(directory / f"{user}.npy")) for user in users}
    for config in links:
        text = json.dumps(config.flat(), indent=2) + "\n"
        write_whole(directory / f"{config.link}.json", text)
    return files
