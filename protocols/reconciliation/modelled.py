"""A study variant, not a protocol: no error correction is computed, its cost is assumed.

The announcer hands its bits over as they are, in one message that a real channel must never carry,
and both ends count nothing as disclosed. What error correction would have disclosed is booked by
the charge policy alone, which must be ``paper``: 1.2 n h(Q), Q the exact error rate. It serves to
save time where the correction itself is not what is studied.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.bits import as_bit_array, pack_bits, unpack_bits
from protocols.errors import LocalProtocolError, MalformedMessageError
from protocols.keylength.keyrate import ChargePolicy
from protocols.reconciliation.interface import Reconciliation

QUERY = b"\0"


class ModelledAnnouncer:
    """Hands its bits over."""

    def __init__(self, bits: NDArray[np.uint8]) -> None:
        self.parities_disclosed = 0
        self._bits = as_bit_array(bits)

    def answer(self, query: bytes) -> bytes:
        """All bits."""
        if query != QUERY:
            raise MalformedMessageError("modelled query", len(query))
        return pack_bits(self._bits)


class ModelledResponder:
    """Takes the announcer's bits."""

    def __init__(self, bits: NDArray[np.uint8]) -> None:
        self.bits = as_bit_array(bits)
        self.parities_learned = 0
        self._is_asked = self._is_done = False

    def next_query(self) -> bytes | None:
        """One query, if there are bits at all."""
        if self._is_asked and not self._is_done:
            raise LocalProtocolError("the last query is not answered yet")
        if self._is_done or not self.bits.size:
            return None
        self._is_asked = True
        return QUERY

    def handle_answer(self, answer: bytes) -> None:
        """Replace the bits."""
        if not self._is_asked or self._is_done:
            raise MalformedMessageError("modelled answer", len(answer))
        try:
            self.bits = unpack_bits(answer, self.bits.size)
        except ValueError as error:
            raise MalformedMessageError("modelled answer", len(answer)) from error
        self._is_done = True


class Modelled(Reconciliation):
    """No correction, only its assumed cost."""

    description = "no correction is computed; 1.2 n h(Q) is charged (study only)"
    is_two_way: ClassVar[bool] = False
    is_measurable: ClassVar[bool] = False
    needs_charge: ClassVar[ChargePolicy | None] = "paper"
    note: ClassVar[str] = (
        "error correction is modelled: the bits are handed over as they are, and 1.2 n h(Q) is"
        " charged; no protocol, for study only"
    )

    def announcer(
        self, bits: NDArray[np.uint8], *, error_rate: float, seed: int
    ) -> ModelledAnnouncer:
        """Hands its bits over."""
        _ = error_rate, seed
        return ModelledAnnouncer(bits)

    def responder(
        self, bits: NDArray[np.uint8], *, error_rate: float, seed: int
    ) -> ModelledResponder:
        """Takes them."""
        _ = error_rate, seed
        return ModelledResponder(bits)
