"""Whether rounds that lie in columns are in order, link by link, all rounds of a link at once.

Rows of the ledger that would be made of them balance if these hold. Links whose key has left the
pool are not looked at here: their rounds are checked row by row, among what was taken.
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
        return found if np.isnan(epsilons).any() else found | {"epsilon": float(epsilons.sum())}


@dataclass(frozen=True)
class Columns:
    """Rounds of all links that are looked at here, by link."""

    links: Mapping[str, LinkColumns] = field(default_factory=dict)


def read_columns(books: Books, taken: frozenset[str]) -> Columns:
    """Rounds of the links whose key has not been ``taken``; ConfigError if they name no users."""
    batches = list(books.round_batches())
    rounds, users = np.concatenate(batches or [no_rounds(0)]), books.users()
    codes = rounds["announcer"].astype(np.int64) * 2**16 + rounds["responder"]
    if len(rounds) and max(rounds["announcer"].max(), rounds["responder"].max()) >= len(users):
        raise ConfigError.of(books.rounds, "names users that are not in the topology")
    order = np.argsort(codes, kind="stable")
    places = np.flatnonzero(np.diff(codes[order], prepend=-1))
    links = {}
    for part in np.split(order, places[1:]) if len(rounds) else ():
        first = rounds[part[0]]
        ends = users[first["announcer"]], users[first["responder"]]
        if "-".join(ends) not in taken:
            links["-".join(ends)] = LinkColumns(ends, rounds[part])
    return Columns(links)


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
    for link, its in columns.links.items():
        rounds = its.rounds
        is_late = np.zeros(len(rounds), np.bool_) if end_ps is None else rounds["stop_ps"] > end_ps
        checks = [*_checks(rounds, reserved_bits.get(link, 0)), (is_late, "ends behind the run")]
        for mask, text in checks:
            for index in np.flatnonzero(mask)[:MOST_FAULTS].tolist():
                yield Fault(f"{ROUNDS}, {link} block {rounds['block'][index]}", text)


def _checks(rounds: Rounds, reserved_bits: int) -> Iterator[tuple[_Mask, str]]:
    """Rounds that are wrong, and what is wrong with them."""
    sifted_bits, key_bits, reserve_bits = (
        rounds[name].astype(np.int64) for name in ("sifted_bits", "key_bits", "reserve_bits")
    )
    raw_bits = sifted_bits - rounds["sampled_bits"]
    has_key = rounds["reason"] == 0
    told_bits = rounds["parity_bits"] + rounds["verification_bits"]
    spent_bits = rounds["spent_bits"].astype(np.int64)
    provisioned_bits = reserved_bits + np.cumsum(reserve_bits)
    signed = ("sifted_bits", "sampled_bits", "errors", "parity_bits", "key_bits", "pool_bits")
    earlier_ps = np.concatenate([[0], rounds["stop_ps"][:-1]])
    yield np.any([rounds[name] < 0 for name in signed], axis=0), "less than no bits"
    yield raw_bits < rounds["errors"], "more errors than bits"
    yield (raw_bits < 0) | (key_bits > raw_bits), "more bits published or of key than sifted"
    yield has_key != (key_bits > 0), "key and a reason why not, or neither"
    yield ~np.isin(rounds["reason"], [0, *AbortReason]), "ends for no reason that there is"
    yield has_key & (told_bits > raw_bits - key_bits), "more bits disclosed than taken from its key"
    yield rounds["stop_ps"] <= rounds["start_ps"], "ends before it begins"
    yield rounds["start_ps"] < earlier_ps, "begins before the end of the one before"
    yield rounds["block"] != np.arange(len(rounds)), "is not the next one of its link"
    yield (reserve_bits > key_bits) | (reserve_bits % (2 * PAD_BITS) > 0), "refills no whole pads"
    yield spent_bits % PAD_BITS > 0, "spends no whole pads"
    yield np.cumsum(spent_bits) > provisioned_bits, "spends more pads than were there"
    yield rounds["pool_bits"] != np.cumsum(key_bits - reserve_bits), "the level is another one"
