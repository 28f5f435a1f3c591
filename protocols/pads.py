"""One-time pads for authentication tags, addressed by round: never "the next bits".

Law of this module: a pad signs one message; a round that is skipped burns its pads, though they
have signed nothing, so the announcer begins ever fewer rounds while they are spoilt. Both ends
refill from the same settled blocks in the same order, so pad ``n`` is the same at both without a
word about it. The newest pads are for no round: they are left to close the link with.
"""

from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray

from protocols.bits import pack_bits
from protocols.errors import LocalProtocolError
from protocols.messages import TAG_BYTES, Role

PAD_BITS = 8 * TAG_BYTES
BITS_PER_ROUND = 2 * PAD_BITS
"""One pad for the vote, one for the decision."""


class PadReserve:
    """Pads of one link at one of its ends.

    Parameters
    ----------
    preshared : bytes
        ``32 n`` bytes: for each round the pad of the announcer, then that of the responder.
    """

    def __init__(self, preshared: bytes) -> None:
        if len(preshared) % (2 * TAG_BYTES):
            raise LocalProtocolError("pre-shared pads come in pairs")
        self._pads: dict[tuple[int, Role], bytes] = {}
        self._signed: set[tuple[int, Role]] = set()
        self._first_round = 0
        self.provisioned_rounds = 0
        self._add(preshared)
        self._common_rounds = self.provisioned_rounds

    @classmethod
    def restored(
        cls,
        pads: Mapping[tuple[int, Role], bytes],
        provisioned_rounds: int,
        common_rounds: int,
    ) -> Self:
        """Reserve with the pads that were left before a crash; see `DurableState`."""
        reserve = cls(b"")
        reserve._pads = dict(pads)
        reserve._first_round = min((number for number, _ in pads), default=provisioned_rounds)
        reserve.provisioned_rounds = provisioned_rounds
        reserve._common_rounds = common_rounds
        return reserve

    @property
    def level_bits(self) -> int:
        """Pad bits that are still secret."""
        return PAD_BITS * len(self._pads)

    def _add(self, pads: bytes) -> None:
        announcer, responder = Role
        for start in range(0, len(pads), 2 * TAG_BYTES):
            middle, stop = start + TAG_BYTES, start + 2 * TAG_BYTES
            self._pads[self.provisioned_rounds, announcer] = pads[start:middle]
            self._pads[self.provisioned_rounds, responder] = pads[middle:stop]
            self.provisioned_rounds += 1

    def has(self, number: int) -> bool:
        """Whether both pads of round ``number`` are there."""
        return (number, Role.ANNOUNCER) in self._pads and (number, Role.RESPONDER) in self._pads

    def is_for_round(self, number: int) -> bool:
        """Whether round ``number`` has pads here that are not the newest ones."""
        return self.has(number) and number + 1 < self.provisioned_rounds

    def is_common(self, number: int) -> bool:
        """The same at the peer, as far as is certain: it may not have settled the newest block."""
        return self.has(number) and number + 1 < self._common_rounds

    def is_gone(self, number: int) -> bool:
        """Whether round ``number`` had pads and has none any more: settled, or burned."""
        return number < self.provisioned_rounds and not self.has(number)

    def pad_to_sign(self, number: int, role: Role) -> bytes:
        """Pad of ``role`` for its one message of round ``number``; a second call is an error."""
        if (number, role) in self._signed:
            raise LocalProtocolError(f"the pad of round {number} has signed already")
        self._signed.add((number, role))
        return self._pads[number, role]

    def pad_to_check(self, number: int, role: Role) -> bytes | None:
        """Pad to check a tag of ``role`` with; None if there is none."""
        return self._pads.get((number, role))

    def spend_before(self, number: int) -> int:
        """Forget the pads of all rounds before ``number``, used or not; returns their bits."""
        rounds = range(self._first_round, min(number, self.provisioned_rounds))
        self._first_round = max(self._first_round, number)
        return sum(self.spend(gone) for gone in rounds)

    def spend(self, number: int) -> int:
        """Forget the pads of round ``number`` alone, used or not; returns their bits."""
        spent_bits = 0
        for role in Role:
            spent_bits += PAD_BITS * (self._pads.pop((number, role), None) is not None)
            self._signed.discard((number, role))
        return spent_bits

    def refill(self, key: NDArray[np.uint8], *, settled_round: int, ahead: int) -> int:
        """Take pads from the front of a settled block until ``ahead`` rounds are provisioned again.

        Parameters
        ----------
        key : (N,) uint8
            Bits of the block of round ``settled_round``.
        ahead : int
            Rounds after ``settled_round`` that should have pads.

        Returns
        -------
        int
            Bits taken; the rest of the block is the pool's.
        """
        wanted = settled_round + 1 + ahead - self.provisioned_rounds
        rounds = max(0, min(wanted, key.size // BITS_PER_ROUND))
        taken_bits = rounds * BITS_PER_ROUND
        self._common_rounds = self.provisioned_rounds
        self._add(pack_bits(key[:taken_bits]))
        return taken_bits


class NoPads(PadReserve):
    """Reserve of an authentication that takes no pads: never empty, never refilled."""

    def __init__(self, preshared: bytes) -> None:
        _ = preshared
        super().__init__(b"")
        self._gone: set[int] = set()

    def has(self, number: int) -> bool:
        """Whether the round is not settled yet."""
        return not self.is_gone(number)

    def is_for_round(self, number: int) -> bool:
        """As `has`: there are always newer ones."""
        return self.has(number)

    is_common = is_for_round

    def is_gone(self, number: int) -> bool:
        """Whether the round is settled."""
        return number < self._first_round or number in self._gone

    def spend(self, number: int) -> int:
        """Remember that the round is settled; no bits."""
        self._gone.add(number)
        return 0

    def pad_to_sign(self, number: int, role: Role) -> bytes:
        """Zeros."""
        _ = number, role
        return bytes(TAG_BYTES)

    def pad_to_check(self, number: int, role: Role) -> bytes | None:
        """Zeros."""
        _ = number, role
        return bytes(TAG_BYTES)

    def refill(self, key: NDArray[np.uint8], *, settled_round: int, ahead: int) -> int:
        """Take nothing."""
        _ = key, settled_round, ahead
        return 0
