"""Somebody who has read all messages of a link, and compares them with the books of both ends."""

from collections.abc import Iterator

import numpy as np

from netsim.kernel.trace import Trace
from netsim.pools.audit import check_balance
from netsim.pools.bookkeeper import Bookkeeper
from netsim.pools.ledger import Account, Ledger, Movement
from netsim.pools.store import UserStore
from protocols.ascending import decode_ascending
from protocols.bits import packed_size_bytes, unpack_bits
from protocols.books import RoundBooks
from protocols.events import BlockUsable, RoundAborted
from protocols.messages import (
    Amplify,
    Announce,
    Keep,
    Matches,
    ParityQuery,
    ParityReply,
    ReconciliationSetup,
    Role,
    Sample,
    SampleReply,
    VerificationHash,
)
from protocols.reconciliation.cascade import SCHEDULES
from protocols.reconciliation.cascade_layout import BLOCKS, layout_passes, read_nodes
from protocols.tags import DETECTOR_BITS
from protocols.variants import round_epsilons
from tests.support.whole_messages import WholeMessages

NAMES = ("alice", "bob")


def ended_rounds(ends: WholeMessages) -> Iterator[tuple[Role, int, RoundBooks]]:
    """Books of each round that has ended, at either end."""
    for role, event in ends.events:
        if isinstance(event, BlockUsable | RoundAborted):
            yield role, event.round, event.books


def book_faults(ends: WholeMessages) -> list[str]:
    """What is in the books of a round and is not what was on the wire, or the other way round."""
    return [fault for entry in ended_rounds(ends) for fault in _round_faults(ends, *entry)]


def _round_faults(ends: WholeMessages, role: Role, number: int, books: RoundBooks) -> Iterator[str]:
    where = f"{role.name} {number}"
    hashed_bits = sum(
        8 * len(found.body.digest)
        for found in ends.messages(VerificationHash)
        if found.round == number and isinstance(found.body, VerificationHash)
    )
    if books.verification_bits != hashed_bits:
        yield f"{where}: {books.verification_bits} bits of verification booked, {hashed_bits} sent"
    published = published_bits(ends, number)
    if books.sampled_bits != published:
        yield f"{where}: {books.sampled_bits} bits of sample booked, {published} sent"
    for found in ends.messages(Amplify):
        if found.round == number and isinstance(found.body, Amplify):
            # A seed of (I|T) has one bit less than what it hashes.
            hashed = _seed_bits(found.body, books)
            if hashed != books.sifted_bits - published:
                yield f"{where}: {hashed} bits hashed to key, {published} of them are public"


def _seed_bits(body: Amplify, books: RoundBooks) -> int:
    """Bits that a seed of this size is for; exact only up to the filling of its last byte."""
    left = books.sifted_bits - books.sampled_bits
    fits = len(body.seed) == (left - 1 + 7) // 8
    return left if fits else 8 * len(body.seed) + 1


def published_bits(ends: WholeMessages, number: int) -> int:
    """Sifted bits of a round that its messages publish."""
    masks = [
        np.unpackbits(np.frombuffer(found.body.mask, dtype=np.uint8))
        for found in ends.messages(Sample)
        if found.round == number and isinstance(found.body, Sample)
    ]
    return sum(int(mask.sum()) for mask in masks)


def sample_messages(ends: WholeMessages, number: int) -> tuple[Sample, SampleReply]:
    """Both ends' published bits of a round."""
    (sample,) = [found.body for found in ends.messages(Sample) if found.round == number]
    (reply,) = [found.body for found in ends.messages(SampleReply) if found.round == number]
    assert isinstance(sample, Sample)
    assert isinstance(reply, SampleReply)
    return sample, reply


def kept_ticks(ends: WholeMessages) -> set[int]:
    """Times of the announcer's clicks that sifting has kept, from the messages alone."""
    times: dict[tuple[int, int], np.ndarray] = {}
    positions: dict[tuple[int, int], np.ndarray] = {}
    kept: set[int] = set()
    for _, found in ends.sent:
        body = found.body
        if isinstance(body, Announce):
            elapsed = decode_ascending(body.deltas, count=body.count, previous=0)
            times[found.round, found.sequence] = elapsed + body.start_ticks
        elif isinstance(body, Matches):
            places = decode_ascending(body.positions, count=body.count, previous=0) - 1
            positions[found.round, body.announcement] = places
        elif isinstance(body, Keep):
            key = (found.round, body.announcement)
            mask = unpack_bits(body.mask, positions[key].size).astype(np.bool_)
            kept |= set(times[key][positions[key][mask]].tolist())
    return kept


class Booked:
    """The events of two ends as the simulator books them.

    Attributes
    ----------
    keepers : list of Bookkeeper
        Of announcer and responder.
    """

    def __init__(self, ends: WholeMessages) -> None:
        self.movements: list[Movement] = []
        self.ledger = Ledger(self.movements)
        config = ends.config
        self.keepers = [
            Bookkeeper(
                config.link,
                name,
                ledger=self.ledger,
                trace=Trace(None),
                store=UserStore(),
                pads=ends.secrets.pads,
                round_epsilons=round_epsilons(config.profile),
            )
            for name in NAMES
        ]
        for time_ps, (role, event) in zip(ends.event_times_ps, ends.events, strict=True):
            self.keepers[role].record([event], time_ps)

    def level(self, role: Role, account: Account) -> int:
        """Bits of one account at one end."""
        return self.ledger.balance("alice-bob", NAMES[role], account)

    def faults(self) -> list[str]:
        """What the audit finds; and rounds of a closed link that the counts have left out."""
        found = check_balance(self.movements)
        for role, keeper in zip(Role, self.keepers, strict=True):
            sifted = -self.level(role, Account.LIGHT)
            if keeper.counts.sifted_bits != sifted:
                found.append(
                    f"{NAMES[role]}: a rate from {keeper.counts.sifted_bits} of {sifted} bits"
                )
            if left := self.level(role, Account.OPEN):
                found.append(f"{NAMES[role]}: {left} bits in no round that has ended")
        return found


def mirrored(tags: np.ndarray) -> np.ndarray:
    """The same clicks with every basis and port turned round."""
    return np.sort(tags ^ ((1 << DETECTOR_BITS) - 1))


def asked_bits(ends: WholeMessages, number: int) -> int:
    """Parity bits that the queries of a round ask for, counted from the wire alone."""
    (setup,) = [e for e in ends.messages(ReconciliationSetup) if e.round == number]
    queries = [e.body for e in ends.messages(ParityQuery) if e.round == number]
    replies = [e.body for e in ends.messages(ParityReply) if e.round == number]
    assert isinstance(setup.body, ReconciliationSetup)
    asked = 0
    sizes = lane_sizes(ends, number)
    for lane, rate in enumerate(setup.body.error_rates_ppm):
        layouts = layout_passes(
            size_bits=sizes[lane],
            schedule=SCHEDULES[ends.config.profile.reconciliation],
            error_rate=rate / 1e6,
            seed=int.from_bytes(setup.body.seed, "big"),
        )
        for query, reply in zip(queries, replies, strict=True):
            assert isinstance(query, ParityQuery)
            assert isinstance(reply, ParityReply)
            coded = query.queries[lane]
            if not coded:
                assert reply.replies[lane] == b""
                continue
            is_blocks = coded[1] == BLOCKS
            bits = layouts[coded[0]].asked_blocks if is_blocks else len(read_nodes(coded))
            assert len(reply.replies[lane]) == packed_size_bytes(bits)
            asked += bits
    return asked


def lane_sizes(ends: WholeMessages, number: int) -> list[int]:
    """Sifted bits of each lane, from matches and keep masks on the wire."""
    sizes = [0] * ends.config.lanes
    masks = {
        envelope.body.announcement: envelope.body
        for envelope in ends.messages(Keep)
        if envelope.round == number and isinstance(envelope.body, Keep)
    }
    for envelope in ends.messages(Matches):
        if envelope.round != number or not isinstance(envelope.body, Matches):
            continue
        mask = unpack_bits(masks[envelope.body.announcement].mask, envelope.body.count)
        for lane, kept in zip(envelope.body.lanes, mask, strict=True):
            sizes[lane] += int(kept)
    return sizes
