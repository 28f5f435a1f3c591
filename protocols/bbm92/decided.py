"""What the announcer has decided: blocks that it holds, and decisions that may be asked for again.

By pads, each of which has signed one decision. It signs nothing and tells nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from protocols.bits import unpack_bits
from protocols.books import RoundBooks
from protocols.durable import DurableState


@dataclass(frozen=True, slots=True)
class HeldBlock:
    """A committed block that the responder has not acknowledged yet."""

    number: int
    pad: int
    """Index of the pads that have signed for it."""
    key: NDArray[np.uint8] = field(repr=False)
    books: RoundBooks


class Decided:
    """Blocks and decisions of one end.

    Parameters
    ----------
    durable : DurableState, optional
        What an earlier life has left.

    Attributes
    ----------
    messages : dict
        Pad to encoded decision, as long as the responder may ask for it.
    """

    def __init__(self, durable: DurableState | None) -> None:
        self.messages: dict[int, bytes] = {}
        self._held: dict[int, HeldBlock] = {}
        if durable is not None:
            self.messages.update(durable.decisions)
            self.messages.update((durable.closed,) if durable.closed is not None else ())
            for block in durable.in_doubt:
                key = unpack_bits(block.key, block.key_bits)
                self.hold(HeldBlock(block.round, block.pad, key, block.books))

    def hold(self, block: HeldBlock) -> None:
        """It was committed."""
        self._held[block.pad] = block

    @property
    def holds_any(self) -> bool:
        """Whether a block waits to be acknowledged."""
        return bool(self._held)

    def unacknowledged(self) -> list[bytes]:
        """Decisions on the blocks that are held."""
        return [self.messages[pad] for pad in self._held]

    def release_before(self, pad: int) -> Iterator[HeldBlock]:
        """Blocks of lower pads, which are held no longer; ascending."""
        for key in sorted(self._held):
            if key < pad:
                yield self._held.pop(key)

    def forget_before(self, pad: int) -> None:
        """The responder asks for no decision of a lower pad any more."""
        self.messages = {key: kept for key, kept in self.messages.items() if key >= pad}
