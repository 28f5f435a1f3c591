"""Whether rounds that lie in columns are in order, link by link, all rounds of a link at once.

Rows of the ledger that would be made of them balance if these hold. Levels of links whose key has
left the pool are not looked at here: those are checked row by row, among what was taken.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netsim.errors import ConfigError, Fault
from netsim.pools.rounds import Rounds, no_rounds
from netsim.results.books import Books
from netsim.results.directory import ROUNDS
from protocols.messages import AbortReason

PAD_BITS = 128
"""One pad, of Poly1305; a round has two."""
MOST_FAULTS = 100
"""Told of each kind."""
_Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class LinkColumns:
    """Rounds of one link.

    Attributes
    ----------
    ends : (str, str)
    rounds : (N,) of `ROUND`
    """

    ends: tuple[str, str]
    rounds: Rounds

    @property
    def sums(self) -> dict[str, int]:
        """What the summary says of the link, as far as it follows from its rounds."""
        rounds = self.rounds
        names = ("sifted_bits", "sampled_bits", "verification_bits")
        found = {name: int(rounds[name].sum(dtype=np.int64)) for name in names}
        return found | {
            "leaked_bits": int(rounds["parity_bits"].sum()),
            "deposited_bits": int(rounds["key_bits"].sum()),
            "auth_spent_bits": int(rounds["spent_bits"].sum(dtype=np.int64)),
        }

    @property
    def good(self) -> int:
        """Rounds with key."""
        return int((self.rounds["reason"] == 0).sum())

    @property
    def probabilities(self) -> dict[str, float]:
        """Sums of what the events of rounds say of failures."""
        found = {"forgery_probability": float(self.rounds["forgery_probability"].sum())}
        epsilons = self.rounds["epsilon"]
        # One that is missing makes the sum none: a fault wherever the link has one.
        return found if np.isnan(epsilons).all() else found | {"epsilon": float(epsilons.sum())}


@dataclass(frozen=True)
class Columns:
    """Rounds of all links, by link.

    Attributes
    ----------
    links : mapping
        Those that have no other rows and lines: sums over them are those of their columns.
    taken : mapping
        Those whose key has left the pool: they have been made into rows and lines as well.
    """

    links: Mapping[str, LinkColumns] = field(default_factory=dict)
    taken: Mapping[str, LinkColumns] = field(default_factory=dict)

    def of(self, link: str) -> LinkColumns | None:
        """Rounds of ``link``, whichever it is; None if it has none."""
        return self.links.get(link) or self.taken.get(link)


def read_columns(books: Books, taken: frozenset[str]) -> Columns:
    """Rounds of all links, some of whose key has been ``taken``; ConfigError if none are named."""
    batches = list(books.round_batches())
    rounds, users = np.concatenate(batches or [no_rounds(0)]), books.users()
    codes = rounds["announcer"].astype(np.int64) * 2**16 + rounds["responder"]
    if len(rounds) and max(rounds["announcer"].max(), rounds["responder"].max()) >= len(users):
        raise ConfigError.of(books.rounds, "names users that are not in the topology")
    order = np.argsort(codes, kind="stable")
    places = np.flatnonzero(np.diff(codes[order], prepend=-1))
    found: tuple[dict[str, LinkColumns], ...] = ({}, {})
    for part in np.split(order, places[1:]) if len(rounds) else ():
        first = rounds[part[0]]
        ends = users[first["announcer"]], users[first["responder"]]
        link = "-".join(ends)
        found[link in taken][link] = LinkColumns(ends, rounds[part])
    return Columns(*found)


def column_faults(
    columns: Columns, reserved_bits: Mapping[str, int], end_ps: int | None
) -> Iterator[Fault]:
    """Faults of rounds.

    Parameters
    ----------
    columns : Columns
    reserved_bits : mapping
        By link, pads at either end beside those of its rounds.
    end_ps : int or None
        Of the run; None of one that was ended early.
    """
    for link, its in (*columns.links.items(), *columns.taken.items()):
        rounds = its.rounds
        checks = [*_checks(rounds), *_times(rounds, end_ps)]
        if link in columns.links:
            checks += _levels(rounds, reserved_bits.get(link, 0))
        for mask, text in checks:
            for index in np.flatnonzero(mask)[:MOST_FAULTS].tolist():
                yield Fault(f"{ROUNDS}, {link} block {rounds['block'][index]}", text)


def _checks(rounds: Rounds) -> Iterator[tuple[_Mask, str]]:
    """Rounds that are wrong, and what is wrong with them."""
    sifted_bits, key_bits, reserve_bits = (
        rounds[name].astype(np.int64) for name in ("sifted_bits", "key_bits", "reserve_bits")
    )
    raw_bits = sifted_bits - rounds["sampled_bits"]
    has_key = rounds["reason"] == 0
    told_bits = rounds["parity_bits"] + rounds["verification_bits"] + rounds["count_bits"]
    signed = ("sifted_bits", "sampled_bits", "errors", "parity_bits", "key_bits", "pool_bits")
    yield np.any([rounds[name] < 0 for name in signed], axis=0), "less than no bits"
    yield raw_bits < rounds["errors"], "more errors than bits"
    yield (raw_bits < 0) | (key_bits > raw_bits), "more bits published or of key than sifted"
    yield has_key != (key_bits > 0), "key and a reason why not, or neither"
    yield ~np.isin(rounds["reason"], [0, *AbortReason]), "ends for no reason that there is"
    yield has_key & (told_bits > raw_bits - key_bits), "more bits disclosed than taken from its key"
    yield rounds["block"] != np.arange(len(rounds)), "is not the next one of its link"
    yield (reserve_bits > key_bits) | (reserve_bits % (2 * PAD_BITS) > 0), "refills no whole pads"
    yield rounds["spent_bits"] % PAD_BITS > 0, "spends no whole pads"


def _levels(rounds: Rounds, reserved_bits: int) -> Iterator[tuple[_Mask, str]]:
    """Of a link whose key stays in its pool, and whose pads are those of its rounds."""
    key_bits, reserve_bits, spent_bits = (
        rounds[name].astype(np.int64) for name in ("key_bits", "reserve_bits", "spent_bits")
    )
    provisioned_bits = reserved_bits + np.cumsum(reserve_bits)
    yield np.cumsum(spent_bits) > provisioned_bits, "spends more pads than were there"
    yield rounds["pool_bits"] != np.cumsum(key_bits - reserve_bits), "the level is another one"


def _times(rounds: Rounds, end_ps: int | None) -> Iterator[tuple[_Mask, str]]:
    """All last as long as the first, but for what the end of the run has cut off."""
    lasting_ps = rounds["stop_ps"] - rounds["start_ps"]
    earlier_ps = np.concatenate([[0], rounds["stop_ps"][:-1]])
    yield lasting_ps <= 0, "ends before it begins"
    yield rounds["start_ps"] < earlier_ps, "begins before the end of the one before"
    is_cut = np.zeros(len(rounds), np.bool_) if end_ps is None else rounds["stop_ps"] == end_ps
    yield (lasting_ps != lasting_ps[:1]) & ~is_cut, "lasts another time than the first"
    yield (
        np.zeros(0, np.bool_) if end_ps is None else rounds["stop_ps"] > end_ps,
        "ends behind the run",
    )
