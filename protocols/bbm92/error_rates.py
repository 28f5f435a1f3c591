"""The error rates that a link's error correction begins with, lane by lane, from round to round.

What a verified round has counted is believed. What nobody has verified may be forged on the wire:
it moves the rates within bounds, from which honest rounds bring them back.
"""

from collections.abc import Sequence

from protocols.link import LinkConfig
from protocols.reconciliation.interface import bounded_estimate
from protocols.variants import RECONCILIATIONS

MIN_SAMPLE_BITS = 100
"""A lane with fewer bits says nothing of the error rate: that of an earlier round stands."""
MAX_SUSPECTED_RATE = 0.15
"""With blocks for this rate a round of any lower one still leaves key, or is given up for what it
disclosed, and the rate falls again."""
Counts = Sequence[tuple[int, int]]
"""Errors and bits of each lane."""


class ErrorRates:
    """Begins with the rate that the link is set up for.

    Parameters
    ----------
    config : LinkConfig
        Lanes, first rate, and the error correction, which makes rates of counts in its own way.
    """

    def __init__(self, config: LinkConfig) -> None:
        self._rates = [config.profile.initial_qber] * config.lanes
        self._reconciliation = RECONCILIATIONS.get(config.profile.reconciliation)

    @property
    def bounded_ppm(self) -> tuple[int, ...]:
        """What the next round begins with, as it is sent."""
        return tuple(round(bounded_estimate(rate) * 1e6) for rate in self._rates)

    def learn(self, counts: Counts) -> None:
        """Both ends have compared these bits, or verified that these are all errors."""
        for lane, (errors, bits) in enumerate(counts):
            if bits >= MIN_SAMPLE_BITS:
                self._rates[lane] = self._reconciliation.estimate(errors=errors, bits=bits)

    def suspect(self, counts: Counts) -> None:
        """A round was given up for its leak, with these errors found so far.

        It began with fewer: its blocks were too small, and asking too much ended it. Not all errors
        need have been found then, so the next one begins half-way.
        """
        for lane, (errors, bits) in enumerate(counts):
            found = self._reconciliation.estimate(errors=errors, bits=bits)
            suspected = min(found, MAX_SUSPECTED_RATE)
            known = bounded_estimate(self._rates[lane])
            self._rates[lane] = max(suspected, (known + suspected) / 2)

    def raise_after_failure(self) -> None:
        """Verification has failed: begin with more, unless that came from damaged hashes alone."""
        for lane, rate in enumerate(self._rates):
            sent = bounded_estimate(rate)
            raised = self._reconciliation.estimate_after_failure(sent)
            self._rates[lane] = max(sent, min(raised, MAX_SUSPECTED_RATE))
