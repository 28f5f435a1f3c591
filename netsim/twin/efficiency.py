"""How efficient an error correction is: both ends over random blocks, no light, no channel.

A block is fair bits at the announcer and the same with independent errors at the responder; the
estimate that both start from is the true error probability. Knows no variant by name.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsim.errors import ConfigError
from netsim.kernel.rng import RngTree
from protocols.codec import encode
from protocols.hashing.verification import toeplitz_hash
from protocols.keylength.keyrate import binary_entropy
from protocols.messages import (
    Envelope,
    Message,
    ParityQuery,
    ParityReply,
    Reconciled,
    ReconciliationSetup,
    Role,
)
from protocols.reconciliation.interface import bounded_estimate
from protocols.variants import RECONCILIATIONS

HASH_BITS = 64
SEED_BYTES = 8
LINK = "a-b"
"""Name of a link in the messages whose bytes are counted."""


@dataclass(frozen=True, slots=True)
class Efficiency:
    """Sums over blocks of one variant, error probability and size; rates are derived.

    Attributes
    ----------
    failed : int
        Blocks that verification, a 64-bit hash with a fresh seed, found unequal.
    undetected : int
        Blocks that are unequal though their hashes agree.
    leak_bits : int
        Parity or syndrome bits; the bits of verification are not among them.
    round_trips : int
        Questions and answers.
    wire_bytes : int
        All messages of error correction as the protocol encodes them; no transport headers.
    residual_errors : int
        Wrong bits after correction.
    f_blocks, f_sum, f_square_sum : int, float, float
        Blocks with errors, of those that disclose anything; leak / n h(error rate of the block).
    cpu_s : float
        Of this thread, in both ends together; drawing, encoding and verification left out.
    """

    variant: str
    qber: float
    block_bits: int
    blocks: int = 0
    failed: int = 0
    undetected: int = 0
    leak_bits: int = 0
    round_trips: int = 0
    wire_bytes: int = 0
    residual_errors: int = 0
    f_blocks: int = 0
    f_sum: float = 0.0
    f_square_sum: float = 0.0
    cpu_s: float = 0.0

    def __add__(self, other: "Efficiency") -> "Efficiency":
        """Both parts together; ValueError if they are of different blocks."""
        if any(getattr(self, name) != getattr(other, name) for name in _KIND):
            raise ValueError("blocks of different kinds do not add up")
        sums = {name: getattr(self, name) + getattr(other, name) for name in _SUMS}
        return replace(self, **sums)

    @property
    def f_mean(self) -> float | None:
        """Mean of f over blocks, failed ones included; None without any error or disclosure."""
        return self.f_sum / self.f_blocks if self.f_blocks else None

    @property
    def f_std(self) -> float | None:
        """Standard deviation of f from block to block; None for less than two."""
        if self.f_blocks < 2:
            return None
        squares = self.f_square_sum - self.f_sum**2 / self.f_blocks
        return math.sqrt(max(0.0, squares) / (self.f_blocks - 1))

    @property
    def mbit_per_s(self) -> float:
        """Block bits per second of one core, both parties together."""
        return self.block_bits * self.blocks / self.cpu_s / 1e6 if self.cpu_s else 0.0

    def summary(self) -> dict[str, Any]:
        """The entry of ``--json``."""
        return {
            "variant": self.variant,
            "qber": self.qber,
            "block_bits": self.block_bits,
            "blocks": self.blocks,
            "failed": self.failed,
            "f_mean": self.f_mean,
            "f_std": self.f_std,
            "leak_bits_mean": self._mean(self.leak_bits),
            "rounds_mean": self._mean(self.round_trips),
            "wire_bytes_mean": self._mean(self.wire_bytes),
            "residual_errors": self.residual_errors,
            "mbit_per_s": self.mbit_per_s,
        }

    def _mean(self, total: int) -> float | None:
        return total / self.blocks if self.blocks else None


_KIND = ("variant", "qber", "block_bits")
_SUMS = tuple(entry.name for entry in fields(Efficiency) if entry.name not in _KIND)


class Bench:
    """Draws blocks and plays them; the first one, of another stream, compiles what is compiled.

    Parameters
    ----------
    variant : str
        Name of a reconciliation variant, see `protocols.variants`.
    qber : float
        Probability that a bit is wrong, 0 to below 1/2; both ends start from it.
    block_bits : int
        Size of the blocks, >= 1.
    seed : int
        >= 0.
    estimate : float, optional
        What they start from instead.
    learns : bool
        They start from the errors of the block before, as rounds of a link do.

    Raises
    ------
    ConfigError
        The variant takes no such blocks.
    """

    def __init__(
        self,
        variant: str,
        qber: float,
        block_bits: int,
        seed: int,
        *,
        estimate: float | None = None,
        learns: bool = False,
    ) -> None:
        self._name, self._qber, self._size = variant, qber, block_bits
        self._estimate = qber if estimate is None else estimate
        self._learns = learns
        self._variant = RECONCILIATIONS.get(variant)
        tree, path = RngTree(seed), f"reconcile/{qber!r}/{block_bits}"
        self._blocks_rng = tree.stream(f"{path}/blocks")
        self._seeds_rng = tree.stream(f"{path}/seeds")
        warm_up = tree.stream(f"{path}/warm-up")
        try:
            self._correct(*self._drawn(warm_up), warm_up.bytes(SEED_BYTES))
        except ValueError as error:
            raise ConfigError.of(variant, str(error)) from error

    def _drawn(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Bits and errors."""
        bits = rng.integers(0, 2, self._size, dtype=np.uint8)
        return bits, (rng.random(self._size) < self._qber).astype(np.uint8)

    def block(self) -> Efficiency:
        """Play one block."""
        bits, errors = self._drawn(self._blocks_rng)
        found, corrected = self._correct(bits, errors, self._seeds_rng.bytes(SEED_BYTES))
        residual_errors = int(np.count_nonzero(corrected != bits))
        is_equal = self._hashes_agree(bits, corrected)
        if self._learns:
            self._estimate = self._variant.estimate(errors=int(errors.sum()), bits=self._size)
        shannon_bits = self._size * binary_entropy(float(errors.mean()))
        f = found.leak_bits / shannon_bits if shannon_bits and found.leak_bits else None
        return replace(
            found,
            failed=int(not is_equal),
            undetected=int(is_equal and residual_errors > 0),
            residual_errors=residual_errors,
            f_blocks=int(f is not None),
            f_sum=f or 0.0,
            f_square_sum=(f or 0.0) ** 2,
        )

    def _correct(
        self, bits: NDArray[np.uint8], errors: NDArray[np.uint8], seed: bytes
    ) -> tuple[Efficiency, NDArray[np.uint8]]:
        """Let both ends talk to the end; what it cost, and the responder's bits."""
        estimate = bounded_estimate(self._estimate) if self._learns else self._estimate
        received, number, exchanged = bits ^ errors, int.from_bytes(seed, "big"), []
        started_s = time.thread_time()
        announcer = self._variant.announcer(bits, error_rate=estimate, seed=number)
        responder = self._variant.responder(received, error_rate=estimate, seed=number)
        while (query := responder.next_query()) is not None:
            answer = announcer.answer(query)
            responder.handle_answer(answer)
            exchanged.append((query, answer))
        cpu_s = time.thread_time() - started_s
        found = Efficiency(
            self._name,
            self._qber,
            self._size,
            blocks=1,
            leak_bits=announcer.parities_disclosed,
            round_trips=len(exchanged),
            wire_bytes=_wire_bytes(seed, exchanged),
            cpu_s=cpu_s,
        )
        return found, responder.bits

    def _hashes_agree(self, bits: NDArray[np.uint8], corrected: NDArray[np.uint8]) -> bool:
        size = bits.size + HASH_BITS - 1
        packed = np.frombuffer(self._seeds_rng.bytes(-(-size // 8)), dtype=np.uint8)
        hashes = (
            toeplitz_hash(end, seed_bits=np.unpackbits(packed)[:size], hash_bits=HASH_BITS)
            for end in (bits, corrected)
        )
        return len(set(hashes)) == 1


def _wire_bytes(seed: bytes, exchanged: Sequence[tuple[bytes, bytes]]) -> int:
    """Size of the messages in which a link of one lane says this."""
    sent = _size(Role.RESPONDER, 0, ReconciliationSetup(seed, (10_000,)))
    for number, (query, answer) in enumerate(exchanged, start=1):
        sent += _size(Role.RESPONDER, number, ParityQuery((query,)))
        sent += _size(Role.ANNOUNCER, number, ParityReply((answer,)))
    return sent + _size(Role.RESPONDER, len(exchanged) + 1, Reconciled())


def _size(sender: Role, sequence: int, body: Message) -> int:
    return len(encode(Envelope(LINK, sender, 0, sequence, body)))
