"""What a shot measured, in terms of estimates beside the twin; knows no figure and no paper."""

from functools import cached_property

from netsim.studies.estimates import Estimate, LaneEstimates, lane_estimates, rate_hz
from netsim.studies.shots import LaneTally, Shot, ShotResult
from netsim.topology.network import Network, build_network
from netsim.twin.coincidences import detector_rates_hz
from netsim.twin.detectors import Rates, clicks_hz
from netsim.twin.prediction import Prediction, predict


class Measurement:
    """A shot and its result, asked in terms of estimates beside the twin.

    Parameters
    ----------
    shot : Shot
    result : ShotResult
    """

    def __init__(self, shot: Shot, result: ShotResult) -> None:
        self.shot = shot
        self.result = result

    @cached_property
    def network(self) -> Network:
        """The topology worked out."""
        return build_network(self.shot.topology)

    @cached_property
    def prediction(self) -> Prediction:
        """What the twin expects."""
        return predict(self.network)

    @property
    def light_s(self) -> float:
        """Seconds of light."""
        return self.result.light_s

    def singles_hz(self, user: str, detector: int | None = None) -> Estimate:
        """Clicks per second of a user, or of one of its detectors."""
        clicks = self.result.singles[user]
        expected = clicks_hz(self.network, user)
        if detector is None:
            return rate_hz(sum(clicks), float(expected.sum()), self.light_s)
        return rate_hz(clicks[detector], float(expected[detector]), self.light_s)

    def lane(self, channels: tuple[str, str]) -> LaneEstimates:
        """Sifted rate, visibility, QBER and key rate of a lane; KeyError if there is none."""
        return self._estimates(self._tally(channels))

    def lanes(self) -> tuple[LaneEstimates, ...]:
        """The same of all lanes."""
        return tuple(map(self._estimates, self.result.lanes))

    def matches(self, channels: tuple[str, str], one: int, other: int) -> tuple[int, float]:
        """Coincidences of two detectors of a lane, and how many the twin expects."""
        tally = self._tally(channels)
        if tally.matches is None:
            raise ValueError(f"{self.shot.name} does not tell detectors apart")
        true_hz, accidental_hz = self._rates_hz(tally.channels)
        expected = float(true_hz[one, other] + accidental_hz[one, other]) * self.light_s
        return tally.matches[one][other], expected

    def expected_hz(self, channels: tuple[str, str]) -> tuple[float, float]:
        """All coincidences of a lane that the twin expects, and the accidentals among them."""
        return _sums_hz(self._rates_hz(channels))

    def tagger_hz(self, channels: tuple[str, str]) -> tuple[float, float]:
        """The same as a histogram counts: of clicks that come too soon after others as well."""
        return _sums_hz(self._rates_hz(channels, is_tagger=True))

    def _estimates(self, tally: LaneTally) -> LaneEstimates:
        prediction = self.prediction.lane(tally.channels, tally.users)
        return lane_estimates(tally.sifted_bits, tally.errors, prediction, self.light_s)

    def _rates_hz(
        self, channels: tuple[str, str], *, is_tagger: bool = False
    ) -> tuple[Rates, Rates]:
        for lane in self.network.lanes:
            if set(lane.channels) == set(channels):
                return detector_rates_hz(self.network, lane, is_tagger=is_tagger)
        raise KeyError(channels)

    def _tally(self, channels: tuple[str, str]) -> LaneTally:
        for tally in self.result.lanes:
            if set(tally.channels) == set(channels):
                return tally
        raise KeyError(channels)


def _sums_hz(rates: tuple[Rates, Rates]) -> tuple[float, float]:
    true_hz, accidental_hz = rates
    return float((true_hz + accidental_hz).sum()), float(accidental_hz.sum())
