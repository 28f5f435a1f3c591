"""Cascade as reconciliation variants, one class a schedule."""

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.reconciliation.cascade import CascadeAnnouncer, CascadeResponder
from protocols.reconciliation.interface import MIN_ESTIMATE, Reconciliation
from protocols.reconciliation.schedules import SCHEDULES, Schedule


class Cascade(Reconciliation):
    """Interactive: the responder searches for its errors by parities, many round trips."""

    schedule: ClassVar[Schedule]

    def budget_bits(self, block_bits: float, error_rate: float, *, seen_bits: float) -> float:
        """That of f, and below the smallest estimate the parities that are asked without errors."""
        usual_bits = super().budget_bits(block_bits, error_rate, seen_bits=seen_bits)
        size_bits = math.ceil(block_bits)
        if error_rate >= MIN_ESTIMATE or not size_bits:
            return usual_bits
        sizes = self.schedule.block_bits(error_rate=MIN_ESTIMATE, size_bits=size_bits)
        return usual_bits + sum(math.ceil(size_bits / size) for size in sizes)

    def announcer(
        self, bits: NDArray[np.uint8], *, error_rate: float, seed: int
    ) -> CascadeAnnouncer:
        """Answers parities."""
        return CascadeAnnouncer(bits, schedule=self.schedule, error_rate=error_rate, seed=seed)

    def responder(
        self, bits: NDArray[np.uint8], *, error_rate: float, seed: int
    ) -> CascadeResponder:
        """Asks for parities."""
        return CascadeResponder(bits, schedule=self.schedule, error_rate=error_rate, seed=seed)


class Original(Cascade):
    """The schedule of 1993."""

    description = "Cascade as published in 1993: four passes, sub-blocks forgotten"
    schedule = SCHEDULES["cascade-original"]
    budget_efficiency: ClassVar[float] = 1.25  # 1.22 at 7.6 % and 1e4 bits


class Yanetal(Cascade):
    """The schedule of Yan et al."""

    description = "Cascade of Yan et al.: ten passes, sub-blocks kept; fast, f about 1.06"
    schedule = SCHEDULES["cascade-yanetal"]


class Option4(Cascade):
    """Optimisation (4) of Martinez-Mateo et al."""

    description = "Cascade, optimisation (4): sixteen passes, fails least"
    schedule = SCHEDULES["cascade-option4"]


class Option7(Cascade):
    """Optimisation (7) of Martinez-Mateo et al."""

    description = "Cascade, optimisation (7): blocks of powers of two"
    schedule = SCHEDULES["cascade-option7"]


class Option8(Cascade):
    """Optimisation (8) of Martinez-Mateo et al."""

    description = "Cascade, optimisation (8): powers of two, discloses least"
    schedule = SCHEDULES["cascade-option8"]
