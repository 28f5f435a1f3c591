"""What goes wrong on one direction of a classical channel: loss, repeats, overtaking, outages.

It decides the fate of a datagram and knows nothing of what it carries. Law of this module: a fault
that is off draws no random number, so a channel without faults is the same channel as ever.
"""

from bisect import bisect_right
from dataclasses import dataclass

from netsim.kernel.rng import Uniforms
from netsim.topology.state import ClassicalSpec
from netsim.units import ps_from_s


@dataclass(frozen=True, slots=True)
class WireFaults:
    """Faults of one direction; the default has none.

    Attributes
    ----------
    loss_probability : float
        Of each datagram on its own.
    duplication_probability : float
        A datagram that is not lost arrives twice; the copy has jitter of its own.
    reordering_probability, reordering_delay_ps : float, int
        A copy is held up by the delay and so overtaken by those behind it.
    outages : tuple of (int, int)
        [start, stop) in ps: a datagram that leaves its sender within one is lost. What is on its
        way already arrives.
    bandwidth_changes : tuple of (int, float)
        Ascending times in ps and the bandwidth in bit/s from then on.
    """

    loss_probability: float = 0.0
    duplication_probability: float = 0.0
    reordering_probability: float = 0.0
    reordering_delay_ps: int = 0
    outages: tuple[tuple[int, int], ...] = ()
    bandwidth_changes: tuple[tuple[int, float], ...] = ()

    def is_out(self, time_ps: int) -> bool:
        """Whether a datagram that leaves at ``time_ps`` is lost in an outage."""
        return bool(self.outages) and any(start <= time_ps < stop for start, stop in self.outages)

    def bandwidth_bps(self, time_ps: int, *, initial_bps: float) -> float:
        """Bandwidth for a datagram that begins to leave at ``time_ps``."""
        if not self.bandwidth_changes:
            return initial_bps
        changes = bisect_right(self.bandwidth_changes, time_ps, key=lambda change: change[0])
        return self.bandwidth_changes[changes - 1][1] if changes else initial_bps

    def sample_copies(self, rng: Uniforms) -> int:
        """Draw how many copies of a datagram arrive: 0, 1 or 2."""
        if self.loss_probability and rng.random() < self.loss_probability:
            return 0
        if self.duplication_probability and rng.random() < self.duplication_probability:
            return 2
        return 1

    def sample_delay_ps(self, rng: Uniforms) -> int:
        """Draw what reordering adds to the way of one copy."""
        if self.reordering_probability and rng.random() < self.reordering_probability:
            return self.reordering_delay_ps
        return 0


NO_FAULTS = WireFaults()


def faults_of(classical: ClassicalSpec, link: str) -> WireFaults:
    """Faults of ``link`` (as in ``alice-bob``), the same in both directions."""
    changes = [
        (ps_from_s(change.time_s), change.bandwidth_bps)
        for change in classical.bandwidth_changes
        if change.link in (None, link)
    ]
    return WireFaults(
        loss_probability=classical.loss_probability,
        duplication_probability=classical.duplication_probability,
        reordering_probability=classical.reordering_probability,
        reordering_delay_ps=classical.reordering_delay_ps,
        outages=tuple(
            (ps_from_s(outage.start_s), ps_from_s(outage.stop_s))
            for outage in classical.outages
            if outage.link in (None, link)
        ),
        bandwidth_changes=tuple(sorted(changes, key=lambda change: change[0])),
    )
