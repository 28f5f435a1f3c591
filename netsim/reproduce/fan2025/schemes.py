"""Ways to connect four users fully: one, two or three pumps, with 12, 6 or 4 channels.

For the discussion of the paper. To compare them, all channels have the mean loss of the six that
the structured set has fitted [assumed].
"""

from dataclasses import dataclass
from functools import cache

from netsim.reproduce.fan2025.bench import structured, with_source
from netsim.reproduce.item import Measured
from netsim.studies.estimates import Estimate, LaneEstimates, total
from netsim.studies.shots import Shot
from netsim.topology.network import build_network
from netsim.topology.source import PumpSpec
from netsim.topology.specs import TopologySpec
from netsim.topology.state import DeliveredChannelSpec
from netsim.twin.prediction import Prediction, predict

TOTAL_POWERS_MW = (0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.6)
"""Of all pumps together, in the fibre."""
PAPER_TOTAL_MW = 0.8
"""Two pumps of 0.4 mW [paper]."""
LIGHT_S = 20.0


@dataclass(frozen=True)
class Scheme:
    """A way to connect Alice, Bob, Charlie and Dave.

    Attributes
    ----------
    title : str
        For people.
    pumps : tuple of int
        Labels, all with equal power.
    channels : dict
        Label to the initials of those who get it; a splitter shares it among several.
    patch_ps : dict
        Label to its patch delay.
    """

    name: str
    title: str
    pumps: tuple[int, ...]
    channels: dict[int, str]
    patch_ps: dict[int, int]

    def topology(self, total_mw: float) -> TopologySpec:
        """The network with ``total_mw`` shared by the pumps."""
        base = structured()
        users = {user.name[0]: user.name for user in base.users}
        channels = tuple(
            DeliveredChannelSpec(
                channel=f"C{label}",
                users=tuple(users[initial] for initial in initials),
                loss_db=_mean_loss_db(),
                patch_delay_ps=self.patch_ps.get(label, 0),
            )
            for label, initials in self.channels.items()
        )
        power_mw = total_mw / len(self.pumps)
        pumps = tuple(PumpSpec(channel=f"C{label}", power_mw=power_mw) for label in self.pumps)
        changed = with_source(base, pumps=pumps, self_pairs="deliver")
        qnsp = changed.qnsp.model_copy(update={"channels": channels})
        return changed.model_copy(update={"name": self.name, "qnsp": qnsp, "paper": None})

    def shot_name(self, total_mw: float) -> str:
        """Of the shot at a power."""
        return f"schemes/{self.name}/{total_mw:g}mW"

    def shots(self) -> tuple[Shot, ...]:
        """One a power."""
        return tuple(
            Shot(self.shot_name(total_mw), self.topology(total_mw), LIGHT_S)
            for total_mw in TOTAL_POWERS_MW
        )

    def lanes(self, measured: Measured, total_mw: float) -> tuple[LaneEstimates, ...]:
        """All lanes at a power."""
        return measured[self.shot_name(total_mw)].lanes()

    def total_skr_bps(self, measured: Measured, total_mw: float) -> Estimate:
        """Sum of the key rates of all lanes."""
        return total([lane.skr_bps for lane in self.lanes(measured, total_mw)])

    def twin(self, total_mw: float) -> Prediction:
        """What the twin expects at any power."""
        return _predict(self.name, total_mw)

    def links_with_key(self, measured: Measured, total_mw: float) -> Estimate:
        """How many of the six pairs of users have a key."""
        shot = measured[self.shot_name(total_mw)]
        tallies = zip(shot.result.lanes, shot.lanes(), strict=True)
        simulated = {tally.users for tally, lane in tallies if lane.skr_bps.value > 0.0}
        expected = {lane.users for lane in shot.prediction.lanes if lane.skr_bps > 0.0}
        return Estimate(float(len(simulated)), None, float(len(expected)))


@cache
def _mean_loss_db() -> float:
    channels = structured().qnsp.channels
    return round(sum(spec.loss_db for spec in channels) / len(channels), 6)


@cache
def _predict(name: str, total_mw: float) -> Prediction:
    return predict(build_network(SCHEMES[name].topology(total_mw)))


ONE_PUMP_12 = Scheme(
    "1x12",
    "1 pump, 12 channels",
    (40,),
    {
        38: "a", 42: "b", 36: "a", 44: "c", 34: "a", 46: "d",
        32: "b", 48: "c", 30: "b", 50: "d", 28: "c", 52: "d",
    },
    {},
)  # fmt: skip
"""Two channels a link, as in Wengerowsky et al., Nature 564, 225 (2018) [the paper's ref. 20]."""

ONE_PUMP_6 = Scheme(
    "1x6",
    "1 pump, 6 channels, splitters",
    (40,),
    {38: "a", 42: "b", 36: "c", 44: "d", 34: "ab", 46: "cd"},
    {},
)
"""Three pairs of channels; beam splitters share one of them among four links, as in Joshi et al.,
Sci. Adv. 6, eaba0959 (2020) [the paper's ref. 21]."""

TWO_PUMPS_6 = Scheme(
    "2x6",
    "2 pumps, 6 channels (the paper)",
    (34, 46),
    {38: "a", 42: "b", 54: "c", 50: "c", 30: "d", 26: "d"},
    {50: 40_000},
)

THREE_PUMPS_4 = Scheme(
    "3x4",
    "3 pumps, 4 channels",
    (32, 40, 48),
    {28: "a", 36: "b", 44: "c", 52: "d"},
    {},
)
"""Equally spaced pumps m - d, m, m + d (m = 40, d = 8) connect m - 3d/2, m - d/2, m + d/2 and
m + 3d/2 with one another: their six sums are those of two pumps each [calc]. None of them is on a
stimulated line; the inner two also pair with themselves."""

SCHEMES = {scheme.name: scheme for scheme in (ONE_PUMP_12, ONE_PUMP_6, TWO_PUMPS_6, THREE_PUMPS_4)}
