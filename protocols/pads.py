"""One-time pads for authentication tags, addressed by an index: never "the next bits".

Law of this module: a pad signs one message. Its index is apart from the number of any round: the
responder takes the lowest one that is left when it votes, and names it; the announcer signs its
decision on that vote with its own pad of the same index. A round that ends before anything is
signed takes none. Both ends refill from the same settled blocks in the same order, so pad ``n`` is
the same at both without a word about it. The newest pads are for no round: they are left to close
the link with. The responder is never more than one block ahead: its next vote says that it has
settled that one, so the announcer does so before it answers, and then has the same pads.
"""

from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray

from protocols.bits import pack_bits
from protocols.errors import LocalProtocolError
from protocols.messages import TAG_BYTES, Role

PAD_BITS = 8 * TAG_BYTES
BITS_PER_INDEX = 2 * PAD_BITS
"""One pad for the vote, one for the decision."""


class PadReserve:
    """Pads of one link at one of its ends.

    Parameters
    ----------
    preshared : bytes
        ``32 n`` bytes: for each index the pad of the announcer, then that of the responder.

    Attributes
    ----------
    next_pad : int
        Lowest index whose pads are not spent; all below are.
    provisioned_pads : int
        Indices that have been given pads so far: the next one to come.
    """

    def __init__(self, preshared: bytes) -> None:
        if len(preshared) % (2 * TAG_BYTES):
            raise LocalProtocolError("pre-shared pads come in pairs")
        self._pads: dict[tuple[int, Role], bytes] = {}
        self._signed: set[tuple[int, Role]] = set()
        self.next_pad = 0
        self.provisioned_pads = 0
        self._add(preshared)

    @classmethod
    def restored(
        cls,
        pads: Mapping[tuple[int, Role], bytes],
        next_pad: int,
        provisioned_pads: int,
    ) -> Self:
        """Reserve with the pads that were left before a crash; see `DurableState`."""
        reserve = cls(b"")
        reserve._pads = dict(pads)
        reserve.next_pad = next_pad
        reserve.provisioned_pads = provisioned_pads
        return reserve

    @property
    def level_bits(self) -> int:
        """Pad bits that are still secret."""
        return PAD_BITS * len(self._pads)

    @property
    def left_pads(self) -> int:
        """Indices whose pads are not spent."""
        return self.provisioned_pads - self.next_pad

    def _add(self, pads: bytes) -> None:
        announcer, responder = Role
        for start in range(0, len(pads), 2 * TAG_BYTES):
            middle, stop = start + TAG_BYTES, start + 2 * TAG_BYTES
            self._pads[self.provisioned_pads, announcer] = pads[start:middle]
            self._pads[self.provisioned_pads, responder] = pads[middle:stop]
            self.provisioned_pads += 1

    def has(self, index: int) -> bool:
        """Whether the pads of ``index`` are there."""
        return self.next_pad <= index < self.provisioned_pads

    def is_for_round(self, index: int) -> bool:
        """Whether ``index`` has pads here that are not the newest ones."""
        return self.has(index) and index + 1 < self.provisioned_pads

    def pad_to_sign(self, index: int, role: Role) -> bytes:
        """Pad of ``role`` for its one message; a second call is an error."""
        if (index, role) in self._signed:
            raise LocalProtocolError(f"pad {index} has signed already")
        self._signed.add((index, role))
        return self._pads[index, role]

    def pad_to_check(self, index: int, role: Role) -> bytes | None:
        """Pad to check a tag of ``role`` with; None if there is none."""
        return self._pads.get((index, role))

    def spend_before(self, stop: int) -> int:
        """Forget the pads of all indices before ``stop``; returns their bits."""
        spent_bits = 0
        for index in range(self.next_pad, min(stop, self.provisioned_pads)):
            for role in Role:
                spent_bits += 8 * len(self._pads.pop((index, role)))
                self._signed.discard((index, role))
        self.next_pad = max(self.next_pad, stop)
        return spent_bits

    def refill(self, key: NDArray[np.uint8], *, signed_pad: int, ahead: int) -> int:
        """Take pads from the front of a settled block until ``ahead`` are provisioned again.

        Parameters
        ----------
        key : (N,) uint8
            Bits of the block.
        signed_pad : int
            Index of the pads that have signed for it.
        ahead : int
            Indices after ``signed_pad`` that should have pads.

        Returns
        -------
        int
            Bits taken; the rest of the block is the pool's.
        """
        wanted = signed_pad + 1 + ahead - self.provisioned_pads
        pads = max(0, min(wanted, key.size // BITS_PER_INDEX))
        taken_bits = pads * BITS_PER_INDEX
        self._add(pack_bits(key[:taken_bits]))
        return taken_bits


class NoPads(PadReserve):
    """Reserve of an authentication that takes no pads: never empty, never refilled."""

    def __init__(self, preshared: bytes) -> None:
        _ = preshared
        super().__init__(b"")

    @property
    def left_pads(self) -> int:
        """More than anything needs."""
        return 2**62

    def has(self, index: int) -> bool:
        """Whether the index is not used up yet."""
        return index >= self.next_pad

    def is_for_round(self, index: int) -> bool:
        """As `has`: there are always newer ones."""
        return self.has(index)

    def pad_to_sign(self, index: int, role: Role) -> bytes:
        """Zeros."""
        _ = index, role
        return bytes(TAG_BYTES)

    def pad_to_check(self, index: int, role: Role) -> bytes | None:
        """Zeros."""
        _ = index, role
        return bytes(TAG_BYTES)

    def refill(self, key: NDArray[np.uint8], *, signed_pad: int, ahead: int) -> int:
        """Take nothing."""
        _ = key, signed_pad, ahead
        return 0
