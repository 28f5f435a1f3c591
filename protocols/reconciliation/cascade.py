"""Cascade, message by message: one party answers parities, the other corrects its bits.

Bytes in, bytes out; knows neither the channel nor what the bits are for. The messages are those of
`protocols.reconciliation.cascade_layout`.

Four rules make the leak small [1]_:

(a) A parity that follows from others is never asked: the second half of a node is the node less
    its first half.
(b) A corrected bit reopens, in every pass, the smallest node of known parity that holds it
    (schedules with ``keeps_sub_blocks``; the others reopen its whole block).
(c) One query holds questions of one pass only: two searches in two passes could chase one error.
(d) The last block of all passes but the first follows from the parity of all bits.

All questions that can be asked at the same time travel in one query, so that latency is paid per
round trip. The leak is counted by the announcer, where the answer is made.

The search ends whatever the answers are: each one makes a node smaller, and no bit is corrected
twice. Wrong answers give wrong bits, which the verification that follows must find.

References
----------
.. [1] J. Martinez-Mateo et al., QIC 15, 453 (2015), arXiv:1407.3257.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.bits import as_bit_array, check_bit_array, packed_size_bytes
from protocols.errors import LocalProtocolError, MalformedMessageError
from protocols.reconciliation import cascade_answers as answers
from protocols.reconciliation import cascade_kernels as kernels
from protocols.reconciliation.cascade_layout import (
    BLOCKS,
    HEADER_BYTES,
    MAX_VARINT_BYTES,
    SPLIT,
    PassLayout,
    layout_passes,
)
from protocols.reconciliation.cascade_table import pass_table
from protocols.reconciliation.halving import first_parity
from protocols.reconciliation.schedules import SCHEDULES, Schedule
from protocols.reconciliation.words import put_words, words_for

__all__ = ["SCHEDULES", "CascadeAnnouncer", "CascadeResponder", "Schedule"]


class CascadeAnnouncer:
    """The party whose bits are taken as right; it only answers.

    Parameters
    ----------
    bits : (N,) uint8
        Zeros and ones; copied. 0 <= N <= 2^26.
    schedule : Schedule
        One of `SCHEDULES`.
    error_rate : float
        Estimate that both ends agreed upon; clipped as in `Schedule.block_bits`.
    seed : int
        Of the shuffles, 64 bits, from a message.

    Attributes
    ----------
    parities_disclosed : int
        Parity bits in all answers so far.
    """

    def __init__(
        self, bits: NDArray[np.uint8], *, schedule: Schedule, error_rate: float, seed: int
    ) -> None:
        self.parities_disclosed = 0
        self._bits = as_bit_array(bits)
        self._layouts = layout_passes(
            size_bits=bits.size, schedule=schedule, error_rate=error_rate, seed=seed
        )
        self._table = pass_table(self._layouts)
        self._laid: set[int] = set()
        """Passes whose bits are in order, and added up."""
        self._words = np.empty(words_for(bits.size), dtype=np.uint64)
        self._sums = np.empty((len(self._layouts), words_for(bits.size) + 2), dtype=np.uint64)
        put_words(self._bits, self._words)
        self._reply = np.empty(packed_size_bytes(bits.size // 2), dtype=np.uint8)

    def answer(self, query: bytes) -> bytes:
        """Parities that ``query`` asks for.

        Raises
        ------
        MalformedMessageError
            If it is no query for these passes: nothing is disclosed then.
        """
        if len(query) < HEADER_BYTES or query[0] >= len(self._layouts):
            raise MalformedMessageError("cascade query", len(query))
        layout = self._layouts[query[0]]
        if query[1] == SPLIT:
            return self._answer_halves(layout, query)
        if query[1] != BLOCKS or len(query) != HEADER_BYTES:
            raise MalformedMessageError("cascade query", len(query))
        packed = np.zeros(packed_size_bytes(layout.asked_blocks), dtype=np.uint8)
        if layout.is_halved:
            packed[0] = first_parity(self._words, layout.size_bits, np.uint64(layout.seed)) << 7
        else:
            p, size = layout.index, layout.size_bits
            self._lay_out(p)
            answers.pack_block_parities(
                p, size, layout.asked_blocks, self._table, self._sums, packed
            )
        return self._disclose(packed, layout.asked_blocks)

    def _answer_halves(self, layout: PassLayout, query: bytes) -> bytes:
        p, size, packed = layout.index, layout.size_bits, self._reply
        if p not in self._laid:
            self._lay_out(p)
        count = answers.pack_half_parities(p, size, query, self._table, self._sums, packed)
        if not 0 < count <= min(len(query) - HEADER_BYTES, size // 2):
            raise MalformedMessageError("cascade query", len(query))
        return self._disclose(packed[: (count + 7) // 8], count)

    def _lay_out(self, p: int) -> None:
        if p not in self._laid:
            answers.add_up(p, self._bits, self._table, self._sums)
            self._laid.add(p)

    def _disclose(self, packed: NDArray[np.uint8], count: int) -> bytes:
        """Serialise the answer; the one place where parities leave, and where they are counted."""
        self.parities_disclosed += count
        return packed.tobytes()


class CascadeResponder:
    """The party that asks, searches and corrects its own bits.

    Call `next_query`, hand the peer's answer to `handle_answer`, until `next_query` gives None.

    Parameters
    ----------
    bits : (N,) uint8
        Zeros and ones; copied. 0 <= N <= 2^26.
    schedule, error_rate, seed
        As the announcer's.

    Attributes
    ----------
    bits : (N,) uint8
        As corrected so far.
    parities_learned : int
        Parity bits in all answers so far.
    rounds : int
        Answers so far, each a round trip.
    """

    def __init__(
        self, bits: NDArray[np.uint8], *, schedule: Schedule, error_rate: float, seed: int
    ) -> None:
        check_bit_array(bits)
        self._bits = np.zeros((2, bits.size), dtype=np.uint8)
        self._bits[0] = bits
        self.bits = self._bits[0]
        self.parities_learned = 0
        self.rounds = 0
        self._layouts = layout_passes(
            size_bits=bits.size, schedule=schedule, error_rate=error_rate, seed=seed
        )
        self._keeps_sub_blocks = schedule.keeps_sub_blocks
        self._begun = 0
        self._total = 0
        self._asked = 0
        """Parities that the outstanding query asks for; 0 without one."""
        self._asks_blocks = False
        self._found = (0, 0, 0)
        """Pass and nodes of the next question, and bytes of it in `_buffer`."""
        self._allocate(bits.size, len(self._layouts))

    def _allocate(self, size: int, passes: int) -> None:
        node_count = sum(layout.nodes for layout in self._layouts)
        self._table = pass_table(self._layouts)
        self._orders = np.empty((passes, 2, size), dtype=np.int32)
        self._words = np.empty((passes, words_for(size)), dtype=np.uint64)
        self._nodes = np.empty(node_count, dtype=np.uint8)
        self._lists = np.empty((passes, 3, size // 2 + 1), dtype=np.int32)
        self._buffer = np.empty(HEADER_BYTES + MAX_VARINT_BYTES * (size // 2), dtype=np.uint8)

    @property
    def errors_corrected(self) -> NDArray[np.bool_]:
        """(N,) bool: the bits that differ from the input."""
        corrected: NDArray[np.bool_] = self._bits[1].astype(np.bool_)
        return corrected

    def next_query(self) -> bytes | None:
        """Next query for the announcer; None when all passes are done.

        Raises
        ------
        LocalProtocolError
            If the last query is not answered yet.
        """
        if self._asked:
            raise LocalProtocolError("the last cascade query is not answered yet")
        _, count, stop = self._found
        if count:
            self._asked = count
            return self._buffer[:stop].tobytes()
        query = self._query_blocks()
        if query is None and self._layouts:
            self._forget_search()
        return query

    def _forget_search(self) -> None:
        """Nothing is odd any more: what only the search needs, tens of bytes a bit, is given up."""
        self._begun, self._layouts, self._found = 0, (), (0, 0, 0)
        self._allocate(0, 0)

    def _query_blocks(self) -> bytes | None:
        for layout in self._layouts[self._begun :]:
            p = layout.index
            self._begun = p + 1
            if layout.asked_blocks:
                kernels.begin_pass(
                    p, self._bits, self._table, self._orders, self._words, self._nodes
                )
                self._asked, self._asks_blocks = layout.asked_blocks, True
                self._found = (p, 0, 0)
                return bytes((p, BLOCKS))
        return None

    def handle_answer(self, answer: bytes) -> None:
        """Take the announcer's answer to the last query.

        Raises
        ------
        MalformedMessageError
            If nothing was asked, the size is wrong or a filling bit is set: nothing is learnt.
        """
        asked = self._asked
        if not asked or not _fits(answer, asked):
            raise MalformedMessageError("cascade answer", len(answer))
        self._asked = 0
        self.rounds += 1
        self.parities_learned += asked
        p, query = self._found[0], self._buffer
        bits, table, nodes, lists = self._bits, self._table, self._nodes, self._lists
        if self._asks_blocks:
            self._asks_blocks = False
            self._total, self._found = kernels.learn_blocks(
                p, answer, self._total, bits, table, self._orders, self._words, nodes, lists, query
            )
        else:
            self._found = kernels.learn_halves(
                p, asked, answer, self._keeps_sub_blocks, bits, table, self._orders, self._words,
                nodes, lists, query,
            )  # fmt: skip


def _fits(answer: bytes, count: int) -> bool:
    """Whether ``answer`` holds exactly ``count`` bits, filled up with zeros."""
    return len(answer) == (count + 7) // 8 and not answer[-1] & (1 << (-count % 8)) - 1
