"""What a network takes to build: wavelength channels, filters, splitters, and what they connect."""

from dataclasses import asdict, dataclass

from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import network_of_all_states


@dataclass(frozen=True, slots=True)
class Architecture:
    """Counts of a topology: links and lanes of all its states, the rest as it is at the start.

    Attributes
    ----------
    users, links, lanes : int
        A link joins two users; each pair process between them is a lane, or part of one.
    channels : int
        Wavelength channels that the provider delivers.
    filters : int
        Wavelength filters of the provider: one to take each channel out, and one fewer than a
        user's channels to put them into one fibre.
    splitters : int
        Channels that a passive splitter divides between users.
    """

    users: int
    links: int
    lanes: int
    channels: int
    filters: int
    splitters: int

    @property
    def lanes_per_channel(self) -> float:
        """How many lanes each channel serves; 0 without channels."""
        return self.lanes / self.channels if self.channels else 0.0

    def summary(self) -> dict[str, float]:
        """All counts and the ratio, by name."""
        return asdict(self) | {"lanes_per_channel": self.lanes_per_channel}


def architecture_of(topology: TopologySpec) -> Architecture:
    """Count what ``topology`` takes."""
    network = network_of_all_states(topology)
    delivered = [spec for spec in topology.qnsp.channels if spec.receivers]
    per_user = [len(topology.channels_of(user)) for user in topology.users]
    return Architecture(
        users=len(topology.users),
        links=len(network.links),
        lanes=sum(len(lane.parts) for lane in network.lanes),
        channels=len(delivered),
        filters=len(delivered) + sum(max(0, channels - 1) for channels in per_user),
        splitters=sum(len(spec.receivers) > 1 for spec in delivered),
    )


def fairness(rates: list[float]) -> float | None:
    """Jain's index (sum x)^2 / (n sum x^2): 1 if all links get the same, 1 / n if one gets all.

    R. Jain, D. M. Chiu, W. Hawe, DEC Research Report TR-301 (1984). None where nobody gets any.
    """
    squares = sum(rate * rate for rate in rates)
    return sum(rates) ** 2 / (len(rates) * squares) if squares > 0.0 else None
