"""What came of two recordings: lock, rounds, key and what it cost; counts stored, rates derived."""

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from netsim.pools.counts import LinkCounts, bias_notes, net_notes
from netsim.pools.pool import NOTHING_COMPARED, Comparison
from netsim.results.outcomes import Outcomes
from netsim.results.parts import Json
from netsim.units import s_from_ps
from protocols.books import RoundBooks

DISTIL = "distil"
"""What the summary says that it is of."""
MADE = "made.json"
"""File with how, when and on what it was made."""
USERS = ("alice", "bob")
"""Announcer and responder."""


@dataclass(frozen=True, slots=True)
class LockFound:
    """Bob's clock in alice's: the first lock."""

    offset_ps: float
    """Bob's clock less alice's, `DistilOptions.offset_ps` included, lanes' delays not."""
    rate_ppm: float
    significance_sigma: float
    searched_bins: int
    at_s: float
    """Light before it was found."""


@dataclass(frozen=True, slots=True)
class BlockMade:
    """One round that ended with key."""

    round: int
    books: RoundBooks
    deposited_bits: int


@dataclass(slots=True)
class Distilled:
    """What came of two recordings; figures of alice's end unless said otherwise."""

    paths: tuple[Path, Path]
    light_ps: int
    """Common to both recordings."""
    tags: tuple[int, int] = (0, 0)
    """Within it."""
    clicks: tuple[tuple[int, ...], tuple[int, ...]] = ((0,) * 4, (0,) * 4)
    """Of them, those of Z+, Z-, X+, X-."""
    dead_times_ps: tuple[int, int] = (0, 0)
    """Of alice and bob: so long after a click no other one counts."""
    lock: LockFound | None = None
    assumptions: str = ""
    """What must hold for the key lengths."""
    notes: tuple[str, ...] = ()
    """What must be said of the variants beside the figures."""
    attempt_ps: int = 0
    """Light that one search for the clocks needs."""
    attempts: int = 0
    """Searches that found nothing."""
    best_sigma: float = 0.0
    searched_bins: int = 0
    no_lock_test: str = ""
    """What the best peak lacked, with its counts."""
    locks_lost: int = 0
    lost_reason: str = ""
    """What is known of why a lock was lost."""
    blocks: list[BlockMade] = field(default_factory=list)
    aborts: dict[int, str] = field(default_factory=dict)
    """Round to reason, in the words of the end that gave it up."""
    failed: list[RoundBooks] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    auth_spent_bits: int = 0
    messages: int = 0
    wire_bytes: int = 0
    round_trips: int = 0
    pools: Comparison = NOTHING_COMPARED
    """Of both ends."""
    outcomes: Outcomes | None = None
    """By detector, from both recordings, as no party could; None if stopped before its time."""
    partial: bool = False

    @property
    def books(self) -> list[RoundBooks]:
        """Of the rounds with key."""
        return [block.books for block in self.blocks]

    @property
    def sifted_bits(self) -> int:
        """Of all rounds, aborted ones included."""
        return sum(books.sifted_bits for books in (*self.books, *self.failed))

    @property
    def leaked_bits(self) -> int:
        """Parity bits on the wire, those of aborted rounds included."""
        return sum(books.parity_bits for books in (*self.books, *self.failed))

    @property
    def verification_bits(self) -> int:
        """The same for the bits of verification hashes."""
        return sum(books.verification_bits for books in (*self.books, *self.failed))

    @property
    def bias_bits(self) -> int:
        """What outcomes that are not fair took from the keys that were made."""
        return sum(books.bias_bits for books in self.books)

    @property
    def all_notes(self) -> tuple[str, ...]:
        """What must be said of the variants and of the outcomes."""
        hints = () if self.outcomes is None else self.outcomes.hints
        spent = LinkCounts(
            blocks=len(self.blocks) + len(self.aborts),
            deposited_bits=self.key_bits,
            auth_spent_bits=self.auth_spent_bits,
        )
        return (
            *self.notes,
            *bias_notes(self.bias_bits),
            *hints,
            *self._too_many_notes(),
            *net_notes(spent),
        )

    def _too_many_notes(self) -> Iterator[str]:
        """What helps where a round was more than a message carries."""
        if "too_many_bits" in self.aborts.values():
            yield "rounds with too_many_bits: shorten them (--round)"
            if self.tags[0] > self.tags[1]:
                yield (
                    f"the first recording has more tags ({self.tags[0]}) than the second "
                    f"({self.tags[1]}), and the first one is announced: exchange the files, and "
                    "all that is said of them"
                )

    @property
    def no_key_reason(self) -> str | None:
        """Why there is no key though the clocks were found; None if there is."""
        if self.blocks or self.lock is None:
            return None
        if not self.aborts:
            return "no key: no round came to its end"
        counted = Counter(self.aborts.values()).most_common()
        reasons = ", ".join(f"{count} {reason}" for reason, count in counted)
        return f"no key: rounds ended without, {reasons}"

    @property
    def key_bits(self) -> int:
        """Secret bits deposited, those for the reserve included."""
        return sum(block.deposited_bits for block in self.blocks)

    @property
    def net_key_bps(self) -> float:
        """Key less what authentication spent, per second of light; may be negative."""
        light_s = s_from_ps(self.light_ps)
        return (self.key_bits - self.auth_spent_bits) / light_s if light_s else 0.0

    @property
    def f_measured(self) -> float | None:
        """Parity bits over n h(Q) in rounds with key; None without any, or without an error."""
        shannon_bits = math.fsum(books.shannon_bits for books in self.books)
        leaked_bits = sum(books.parity_bits for books in self.books)
        return leaked_bits / shannon_bits if leaked_bits and shannon_bits > 0 else None

    def qber(self, bases: str = "zx") -> float | None:
        """Share of errors in Z, X or both, wherever reconciliation has counted them."""
        lanes = [lane for books in (*self.books, *self.failed) for lane in books.lanes]
        bits = sum(getattr(lane, f"{basis}_bits") for lane in lanes for basis in bases)
        errors = sum(getattr(lane, f"{basis}_errors") for lane in lanes for basis in bases)
        return errors / bits if bits else None

    @property
    def no_lock_reason(self) -> str | None:
        """Why there is no key at all; None if the clocks were found."""
        if self.lock is not None:
            return None
        if not self.attempts:
            return (
                f"no correlation searched for: {s_from_ps(self.light_ps):.3g} s in common, "
                f"one attempt needs {s_from_ps(self.attempt_ps):.3g} s and the offset bound"
            )
        mantissa, exponent = f"{self.searched_bins:.1e}".split("e")
        bins = f"{mantissa.removesuffix('.0')}e{int(exponent)}"
        found = f"no correlation found (best peak {self.best_sigma:.1f} sigma of {bins} bins)"
        return f"{found}: {self.no_lock_test}" if self.no_lock_test else found

    def summary(self) -> Json:
        """What ``--json`` prints and ``summary.json`` holds."""
        lock = self.lock
        return {
            "command": DISTIL,
            "recordings": [str(path) for path in self.paths],
            "light_s": s_from_ps(self.light_ps),
            "tags": list(self.tags),
            "clicks": [list(clicks) for clicks in self.clicks],
            "dead_times_ps": list(self.dead_times_ps),
            "partial": self.partial,
            "lock": None if lock is None else {
                "offset_ps": lock.offset_ps,
                "rate_ppm": lock.rate_ppm,
                "significance_sigma": lock.significance_sigma,
                "searched_bins": int(lock.searched_bins),
                "at_s": lock.at_s,
            },
            "search": {
                "failed_attempts": self.attempts,
                "best_sigma": self.best_sigma,
                "searched_bins": int(self.searched_bins),
                "failed_test": self.no_lock_test,
            },
            "locks_lost": self.locks_lost,
            "lost_reason": self.lost_reason,
            "blocks": [_block_entry(block) for block in self.blocks],
            "aborts": [{"round": k, "reason": why} for k, why in sorted(self.aborts.items())],
            "sifted_bits": self.sifted_bits,
            "sampled_bits": sum(books.sampled_bits for books in (*self.books, *self.failed)),
            "qber": self.qber(),
            "qber_z": self.qber("z"),
            "qber_x": self.qber("x"),
            "f_measured": self.f_measured,
            "leaked_bits": self.leaked_bits,
            "verification_bits": self.verification_bits,
            "bias_bits": self.bias_bits,
            "auth_spent_bits": self.auth_spent_bits,
            "key_bits": self.key_bits,
            "net_key_bps": self.net_key_bps,
            "equal_blocks": self.pools.equal,
            "unequal_blocks": self.pools.unequal,
            "lone_blocks": self.pools.lone,
            "outcomes": None if self.outcomes is None else self.outcomes.summary(),
            "messages": self.messages,
            "wire_bytes": self.wire_bytes,
            "round_trips": self.round_trips,
            "alarms": list(self.alarms),
            "assumptions": self.assumptions,
            "notes": "; ".join(self.all_notes),
        }  # fmt: skip

    def summary_json(self) -> str:
        """The text of ``summary.json``."""
        return json.dumps(self.summary(), indent=2, allow_nan=False) + "\n"


def _block_entry(block: BlockMade) -> Json:
    books = block.books
    return {
        "round": block.round,
        "sifted_bits": books.sifted_bits,
        "qber": books.errors / books.raw_bits,
        "leaked_bits": books.parity_bits,
        "key_bits": block.deposited_bits,
    }
