"""What both ends compute alike once a round's errors are corrected: books, key length, key."""

import numpy as np
from numpy.typing import NDArray

from protocols.amplification import toeplitz_amplify
from protocols.bbm92.config import LinkConfig
from protocols.bbm92.rounds import RoundCore, received_bits
from protocols.keyrate import LaneCounts, asymptotic_key_bits, error_correction_charge_bits
from protocols.messages import AbortReason


def plan_key(
    config: LinkConfig, core: RoundCore, lanes: tuple[LaneCounts, ...]
) -> AbortReason | None:
    """Book charge and key length of a verified round; the reason if there is no key in it."""
    charge_bits = error_correction_charge_bits(
        core.books.parity_bits, lanes, config.error_correction_charge
    )
    bits = sum(lane.z_bits + lane.x_bits for lane in lanes)
    errors = sum(lane.z_errors + lane.x_errors for lane in lanes)
    core.book(lanes=lanes, charge_bits=charge_bits)
    if bits == 0 or errors > config.abort_qber * bits:
        return AbortReason.QBER_TOO_HIGH
    key_bits = asymptotic_key_bits(
        lanes, charge_bits=charge_bits, verification_bits=config.verification_bits
    )
    core.book(key_bits=key_bits)
    return AbortReason.NO_KEY if key_bits == 0 else None


def final_key(bits: NDArray[np.uint8], *, seed: bytes, key_bits: int) -> NDArray[np.uint8]:
    """(key_bits,) uint8: privacy amplification of ``bits`` with ``seed`` (n - 1 bits, packed)."""
    return toeplitz_amplify(
        bits, seed_bits=received_bits(seed, bits.size - 1), output_bits=key_bits
    )


def joined_bits(blocks: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """All lanes of a round behind each other."""
    return np.concatenate(blocks) if blocks else np.empty(0, dtype=np.uint8)
