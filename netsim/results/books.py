"""The books of a run as rows and events: as such on disk, or made of columns of rounds."""

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from netsim.errors import ConfigError
from netsim.pools.ledger import Movement
from netsim.pools.ledgerfile import read_ledger
from netsim.pools.roundrows import all_events, all_movements
from netsim.pools.rounds import Rounds, read_rounds

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Books:
    """Where they lie.

    Attributes
    ----------
    ledger, events : Path
        Rows and lines.
    rounds : Path
        Columns; no such file where all is in the other two.
    topology : Path
        Which names the users of the columns.
    """

    ledger: Path
    events: Path
    rounds: Path
    topology: Path

    def movements(self, only: Collection[str] | None = None) -> Iterator[Movement]:
        """All rows in order of time, one at a time, up to the last complete one.

        Parameters
        ----------
        only : collection of str, optional
            Links whose rounds are made into rows; all without it.

        Raises
        ------
        ConfigError
            A file is missing, or holds something else: when that is asked for.
        """
        return self.with_round_rows(read_ledger(self.ledger), only)

    def with_round_rows(
        self, rows: Iterable[Movement], only: Collection[str] | None = None
    ) -> Iterator[Movement]:
        """Those of the ledger's file, and those of rounds among them; ``only`` as above."""
        if not self.rounds.is_file():
            return iter(rows)
        return all_movements(rows, self.round_batches(only), self.users())

    def with_rounds(
        self, events: Iterable[Json], only: Collection[str] | None = None
    ) -> Iterator[Json]:
        """Those of the file of events, and those of rounds among them; ``only`` as above."""
        if not self.rounds.is_file():
            return iter(events)
        return all_events(events, list(self.round_batches(only)), self.users())

    def round_batches(self, only: Collection[str] | None = None) -> Iterator[Rounds]:
        """Rounds as columns, some at a time, of all links or of some; none without such a file."""
        if not self.rounds.is_file():
            return
        if only is None:
            yield from read_rounds(self.rounds)
        elif only:
            numbers = {name: number for number, name in enumerate(self.users())}
            links = [link.split("-") for link in only]
            pairs = [
                (numbers[names[0]], numbers[names[1]])
                for names in links
                if len(names) == 2 and numbers.keys() >= set(names)
            ]
            for rounds in read_rounds(self.rounds):
                chosen = np.zeros(len(rounds), dtype=np.bool_)
                for one, other in pairs:
                    chosen |= (rounds["announcer"] == one) & (rounds["responder"] == other)
                yield rounds[chosen]

    def told(self) -> Iterator[Json]:
        """All events, one at a time; of the file, lines that are complete and are events."""
        return self.with_rounds(_events(self.events))

    def users(self) -> tuple[str, ...]:
        """Names by number, so many that every number has one."""
        try:
            users = json.loads(self.topology.read_text(encoding="utf-8"))["users"]
            return tuple(str(user["name"]) for user in users)
        except (OSError, ValueError, RecursionError, LookupError, TypeError) as error:
            raise ConfigError.of(self.topology, "does not name the users of the rounds") from error


def _events(path: Path) -> Iterator[Json]:
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if isinstance(event, dict) and isinstance(event.get("time_ps"), int):
                    yield event
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError.of(path, "cannot be read") from error
