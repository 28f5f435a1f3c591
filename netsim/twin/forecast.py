"""What a topology should give, link by link, by the analytic twin: behind `netsim.predict`."""

import math
from dataclasses import dataclass
from pathlib import Path

from netsim.arguments import explained
from netsim.durations import light_ps
from netsim.topology.load import topology_of
from netsim.topology.overrides import Overrides
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import Timeline
from netsim.twin.outlook import Outlook
from netsim.twin.prediction import LanePrediction, UserPrediction
from netsim.twin.promise import authentication_bits

AT_FIRST_PS = 1
"""So much light shows a network as it stands before any event."""


@dataclass(frozen=True, slots=True)
class LinkForecast:
    """What one pair of users should get.

    Attributes
    ----------
    users : tuple of str
        Announcer first.
    lanes : tuple of LanePrediction
    round_s : float
        Light per round.
    key_bits : int or None
        Of a round, authentication not taken off; None where the security variant does not say, 0
        where no key is to be expected.
    authentication_bits : int
        That a round uses up.
    notes : tuple of str
        What must be said of its key, and why there should be none.
    """

    users: tuple[str, str]
    lanes: tuple[LanePrediction, ...]
    round_s: float
    key_bits: int | None
    authentication_bits: int
    notes: tuple[str, ...]

    @property
    def sifted_hz(self) -> float:
        """Sifted bits per second of light, all lanes together."""
        return math.fsum(lane.sifted_hz for lane in self.lanes)

    @property
    def qber(self) -> float:
        """Share of errors among all sifted bits; NaN if there are none."""
        errors_hz = math.fsum(lane.sifted_hz * lane.qber for lane in self.lanes if lane.sifted_hz)
        return errors_hz / self.sifted_hz if self.sifted_hz else math.nan

    @property
    def skr_bps(self) -> float:
        """Asymptotic key rate of all lanes, bit/s."""
        return math.fsum(lane.skr_bps for lane in self.lanes)

    @property
    def net_key_bps(self) -> float | None:
        """Key of whole rounds less authentication, bit/s; None where nothing is said of it."""
        if self.key_bits is None:
            return None
        return (self.key_bits - self.authentication_bits) / self.round_s if self.key_bits else 0.0


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a network should give.

    Attributes
    ----------
    topology : str
        Its name.
    links : tuple of LinkForecast
        In the order of the topology.
    users : tuple of UserPrediction
    """

    topology: str
    links: tuple[LinkForecast, ...]
    users: tuple[UserPrediction, ...]

    @property
    def lanes(self) -> tuple[LanePrediction, ...]:
        """Of all links."""
        return tuple(lane for link in self.links for lane in link.lanes)

    @property
    def skr_bps(self) -> float:
        """Asymptotic key rate of all lanes, bit/s."""
        return math.fsum(link.skr_bps for link in self.links)

    def link(self, one: str, other: str) -> LinkForecast:
        """The link between two users, in any order; KeyError if they share no light."""
        for link in self.links:
            if set(link.users) == {one, other}:
                return link
        raise KeyError((one, other))


@explained
def predict(
    topology: TopologySpec | str | Path,
    *,
    overrides: Overrides = (),
    duration_s: float | str | None = None,
) -> Forecast:
    """What the analytic twin expects of a topology: rates, error rates and key in milliseconds.

    Parameters
    ----------
    topology : TopologySpec, str or Path
        From `netsim.load_topology`, or what that takes.
    overrides : sequence of str, str or mapping
        As of `netsim.load_topology`.
    duration_s : float or str, optional
        Light over which a network that changes is averaged, in seconds or with a unit; without it,
        the network as it stands at first.

    Raises
    ------
    ConfigError
        The topology is none.
    ValueError
        ``duration_s`` is no duration.
    """
    spec = topology_of(topology, overrides=overrides)
    timeline = Timeline(spec, stop_ps=AT_FIRST_PS if duration_s is None else light_ps(duration_s))
    return _forecast(Outlook(tuple(timeline.epochs())))


def _forecast(outlook: Outlook) -> Forecast:
    links = tuple(_link(outlook, users) for users in outlook.network.links)
    return Forecast(outlook.network.topology.name, links, outlook.mean.users)


def _link(outlook: Outlook, users: tuple[str, str]) -> LinkForecast:
    agreement = outlook.agreement(users)
    return LinkForecast(
        users=users,
        lanes=tuple(outlook.lanes_of(users)),
        round_s=outlook.network.topology.round_s_of(users),
        key_bits=agreement.expected_key_bits,
        authentication_bits=authentication_bits(agreement.profile),
        notes=agreement.notes,
    )
