"""Rounds in columns as the rows and events that the two ends of their links would have written."""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from netsim.kernel.trace import EventName
from netsim.pools.ledger import NO_BLOCK, Account, Movement
from netsim.pools.rounds import ROUND, Rounds
from protocols.messages import AbortReason

Json = dict[str, Any]
Place = tuple[int, int]
"""A time in ps, and which of several of that time comes first."""

WAYS = (
    (Account.LIGHT, Account.OPEN),
    (Account.OPEN, Account.SAMPLED),
    (Account.PARITIES, Account.WIRE),
    (Account.VERIFICATION, Account.WIRE),
    (Account.COUNTS, Account.WIRE),
    (Account.OPEN, Account.FAILED),
    (Account.OPEN, Account.AMPLIFIED),
    (Account.OPEN, Account.DOUBT),
    (Account.DOUBT, Account.RESERVE),
    (Account.DOUBT, Account.POOL),
    (Account.RESERVE, Account.SPENT),
)
"""What moves at the end of a round, in this order, at either end."""
CHANGED, ENDED, STARTED, OTHER = range(4)
"""Order of what happens at one time: the network changes, rounds end, the next ones begin, and then
whatever applications do."""
_REASONS = {int(reason): reason.name.lower() for reason in AbortReason}
_FIRST = (EventName.RUN_STARTED, EventName.NETWORK_CHANGED)


def flows(rounds: Rounds) -> NDArray[np.int64]:
    """(N, 11) int64: bits that each round moves on each of `WAYS`."""
    raw_bits = rounds["sifted_bits"] - rounds["sampled_bits"]
    has_key = rounds["reason"] == 0
    columns = (
        rounds["sifted_bits"],
        rounds["sampled_bits"],
        rounds["parity_bits"],
        rounds["verification_bits"],
        rounds["count_bits"],
        np.where(has_key, 0, raw_bits),
        np.where(has_key, raw_bits - rounds["key_bits"], 0),
        rounds["key_bits"],
        rounds["reserve_bits"],
        rounds["key_bits"] - rounds["reserve_bits"],
        rounds["spent_bits"],
    )
    return np.stack([column.astype(np.int64) for column in columns], axis=1)


def movements(batches: Iterable[Rounds], users: Sequence[str]) -> Iterator[Movement]:
    """Rows of the ledger, both ends, in the order of the rounds."""
    for rounds in batches:
        records = rounds[["announcer", "responder", "block", "stop_ps"]].tolist()
        for (announcer, responder, block, time_ps), bits in zip(
            records, flows(rounds).tolist(), strict=True
        ):
            ends = users[announcer], users[responder]
            link = "-".join(ends)
            for end in ends:
                for (debit, credit), moved in zip(WAYS, bits, strict=True):
                    if moved:
                        number = NO_BLOCK if debit is Account.RESERVE else block
                        yield Movement(time_ps, link, end, number, debit, credit, moved)


def told(batches: Sequence[Rounds], users: Sequence[str]) -> Iterator[tuple[Place, Json]]:
    """Events of both ends by time, each with its place; ``batches`` are gone through twice."""
    return heapq.merge(_starts(batches, users), _ends(batches, users), key=itemgetter(0))


Item = TypeVar("Item")


def merged(
    one: Iterable[tuple[Place, Item]], other: Iterable[tuple[Place, Item]]
) -> Iterator[Item]:
    """Two streams as one, by place."""
    return (item for _, item in heapq.merge(one, other, key=itemgetter(0)))


def all_movements(
    rows: Iterable[Movement], batches: Iterable[Rounds], users: Sequence[str]
) -> Iterator[Movement]:
    """Rows of rounds among others: at one time those of rounds come first."""
    others = (((row.time_ps, OTHER), row) for row in rows)
    rounds = (((row.time_ps, ENDED), row) for row in movements(batches, users))
    return merged(rounds, others)


def all_events(
    events: Iterable[Json], batches: Sequence[Rounds], users: Sequence[str]
) -> Iterator[Json]:
    """Events of rounds among others."""
    return merged(((place_of(event), event) for event in events), told(batches, users))


def place_of(event: Json) -> Place:
    """Where an event that is no part of a round belongs; one without a time in front of all."""
    time_ps = event.get("time_ps")
    place = CHANGED if event.get("event") in _FIRST else OTHER
    return time_ps if isinstance(time_ps, int) else 0, place


def _starts(batches: Sequence[Rounds], users: Sequence[str]) -> Iterator[tuple[Place, Json]]:
    names = ["announcer", "responder", "block", "start_ps"]
    every = [rounds[names] for rounds in batches]
    rounds = np.concatenate(every) if every else np.zeros(0, dtype=ROUND)[names]
    for index in np.argsort(rounds["start_ps"], kind="stable").tolist():
        announcer, responder, block, time_ps = rounds[index].item()
        tell = partial(_event, time_ps, users[announcer], users[responder])
        for end in (announcer, responder):
            yield (time_ps, STARTED), tell(users[end], EventName.ROUND_STARTED, block=block)


def _ends(batches: Iterable[Rounds], users: Sequence[str]) -> Iterator[tuple[Place, Json]]:
    names = ROUND.names or ()
    for rounds in batches:
        for record in rounds.tolist():
            round_ = dict(zip(names, record, strict=True))
            place = (round_["stop_ps"], ENDED)
            first, second = users[round_["announcer"]], users[round_["responder"]]
            tell = partial(_event, round_["stop_ps"], first, second, block=round_["block"])
            for end in (first, second):
                yield from (
                    (place, event)
                    for event in _end_of(round_, partial(tell, end), is_announcer=end == first)
                )


def _end_of(round_: Json, tell: Callable[..., Json], *, is_announcer: bool) -> Iterator[Json]:
    """What one end tells as a round ends."""
    sifted_bits, sampled_bits = round_["sifted_bits"], round_["sampled_bits"]
    epsilon = None if np.isnan(round_["epsilon"]) else round_["epsilon"]
    forgery_probability = round_["forgery_probability"]
    yield tell(EventName.ROUND_SIFTED, sifted_bits=sifted_bits)
    if sampled_bits:
        yield tell(EventName.ROUND_SAMPLED, sampled_bits=sampled_bits)
    if round_["reason"]:
        yield tell(
            EventName.ROUND_ABORTED,
            epsilon=epsilon,
            forgery_probability=forgery_probability,
            reason=_REASONS.get(round_["reason"], "unknown"),
            sifted_bits=sifted_bits,
        )
        return
    held = EventName.BLOCK_HELD if is_announcer else EventName.BLOCK_PREPARED
    yield tell(held, key_bits=round_["key_bits"])
    yield tell(
        EventName.BLOCK_USABLE,
        deposited_bits=round_["key_bits"] - round_["reserve_bits"],
        epsilon=epsilon,
        forgery_probability=forgery_probability,
        parity_bits=round_["parity_bits"],
        pool_bits=round_["pool_bits"],
        qber=round_["errors"] / (sifted_bits - sampled_bits),
        reserve_bits=round_["reserve_bits"],
    )


def _event(
    time_ps: int, first: str, second: str, end: str, name: EventName, **values: object
) -> Json:
    fixed = {"time_ps": time_ps, "link": f"{first}-{second}", "end": end, "event": str(name)}
    return fixed | values
