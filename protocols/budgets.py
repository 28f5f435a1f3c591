"""What is allowed for before a round: error rates that honest light keeps below, leaks it needs.

Chosen from what the analytic model expects; nothing of the round itself goes in.
"""

import math

from protocols.expectation import Expectation
from protocols.keylength.finite import error_count_bits
from protocols.keylength.keyrate import LaneCounts

MODEL_MARGIN = 0.02
"""Of an expected error rate, for what the model leaves out."""
SIGMAS = 3.0
"""Above what is expected."""


def upper_rate(qber: float, bits: float) -> float:
    """Threshold above ``qber`` (0 to 1/2) that ``bits`` honest bits hardly exceed; at most 1/2."""
    expected = qber * (1.0 + MODEL_MARGIN)
    spread = math.sqrt(qber * (1.0 - qber) / bits) if bits >= 1.0 else 0.5
    return min(0.5, expected + SIGMAS * spread)


def error_count_charge_bits(lanes: tuple[LaneCounts, ...]) -> int:
    """What announcing the error counts of all lanes and bases discloses."""
    return sum(error_count_bits(lane.z_bits) + error_count_bits(lane.x_bits) for lane in lanes)


def leak_share(expectation: Expectation, sample_share: float) -> float:
    """Budget of the leak per key bit: that of each lane, margins and error counts included."""
    raw_bits = (1.0 - sample_share) * expectation.bits
    if raw_bits < 1.0:
        return 1.0
    leak_bits = 0.0
    for lane in expectation.lanes:
        lane_bits = (1.0 - sample_share) * lane.bits
        rate = upper_rate(lane.qber, lane_bits)
        seen_bits = (sample_share or 1.0) * lane.bits
        leak_bits += expectation.budget.bits(lane_bits, rate, seen_bits=seen_bits)
        leak_bits += sum(error_count_bits(math.ceil(bits)) for bits in (lane.z_bits, lane.x_bits))
    return min(1.0, leak_bits / raw_bits)
