"""Tables of what a run directory holds beside its results: rounds, ledger, levels of the pools."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from netsim.pools.history import level_rows, pool_histories
from netsim.results.books import Books
from netsim.results.parts import Json
from netsim.results.trace import read_trace


@dataclass(frozen=True, slots=True)
class KeptRows:
    """Reads a table when it is asked for; see `netsim.results.run.Run.rows`.

    Attributes
    ----------
    books : Books
    announcers : mapping
        Link to the end that tells of its rounds.
    """

    books: Books
    announcers: Mapping[str, str]

    def __call__(self, table: str) -> list[Json]:
        """Rows of ``rounds``, ``ledger`` or ``pools``; KeyError for another."""
        return {"rounds": self._rounds, "ledger": self._ledger, "pools": self._pools}[table]()

    def _rounds(self) -> list[Json]:
        """A row a round that ended."""
        rounds = read_trace(self.books.told(), self.announcers).ended()
        return [asdict(one) | {"efficiency": one.efficiency} for one in rounds]

    def _ledger(self) -> list[Json]:
        """A row a movement."""
        rows = (asdict(movement) for movement in self.books.movements())
        return [row | {name: str(row[name]) for name in ("debit", "credit")} for row in rows]

    def _pools(self) -> list[Json]:
        """A row whenever the usable key of an end changed, and what both have in common."""
        return list(level_rows(pool_histories(self.books.movements())))
