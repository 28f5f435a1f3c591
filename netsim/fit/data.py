"""The data of a fit and how far the analytic twin is from them; knows no file and no free number.

Without a standard deviation of their own, figures are compared as ratios, with one relative error
for all; with one, as differences. Relative singles are compared as ratios among each other: their
common factor is the one that fits best, and one of them is spent on it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from netsim.fit.measured import N_SIFT, QBER, SINGLES, SKR, VISIBILITY
from netsim.topology.network import Network
from netsim.twin.prediction import Prediction, predict

TINY = 1e-300
"""Stands for a rate of zero in a ratio."""


class Forecast:
    """What the twin says of a network, lane by lane, user by user, channel by channel."""

    def __init__(self, network: Network) -> None:
        self._network = network

    @cached_property
    def prediction(self) -> Prediction:
        """Of the whole network."""
        return predict(self._network)

    @cached_property
    def _figures(self) -> dict[tuple[str, tuple[str, ...], tuple[str, ...], str], float]:
        found: dict[tuple[str, tuple[str, ...], tuple[str, ...], str], float] = {}
        for lane in self.prediction.lanes:
            values = (lane.sifted_hz, lane.qber, lane.visibility, lane.skr_bps)
            for quantity, value in zip((N_SIFT, QBER, VISIBILITY, SKR), values, strict=True):
                found["channels", lane.channels, lane.users, quantity] = value
        for user in self.prediction.users:
            found["user", (user.name,), (user.name,), SINGLES] = user.singles_hz
        return found

    def figure(
        self, kind: str, names: tuple[str, ...], users: tuple[str, ...], quantity: str
    ) -> float:
        """One figure; NaN for the error rate of a lane without light."""
        if kind == "channel":
            return self._alone_hz(names[0], users[0])
        return self._figures[kind, names, users, quantity]

    def _alone_hz(self, channel: str, user: str) -> float:
        """Clicks of ``user``, no other channel delivered."""
        way = self._network.channel(channel, user)
        if way is None:
            raise KeyError(channel, user)
        alone = predict(replace(self._network, channels=(way,), lanes=()))
        return alone.singles_hz(user)


@dataclass(frozen=True, slots=True)
class Datum:
    """One figure that a fit meets, or one that is shown beside it.

    Attributes
    ----------
    kind : str
        ``"channels"`` (a lane), ``"user"`` or ``"channel"``.
    names, users : tuple of str
        As the network has them: the two channels of a lane and their users, a channel and its user,
        or a user twice.
    item : str
        What it is called: ``C38&C42``, ``C38`` or ``alice``.
    quantity : str
        Its column in the table.
    value : float
        Measured, in the unit of ``quantity``; above zero if `is_ratio`.
    sigma : float
        Standard deviation of the value, or of its logarithm if `is_ratio`.
    is_ratio : bool
        Compared by the logarithm of fitted over measured.
    is_assumed : bool
        Whether ``sigma`` is the relative error of all figures without one.
    is_used : bool
        Whether the fit meets it; if not it is only compared.
    group : str
        Table of a relative figure; empty for others.
    note : str
        Where the value is not the printed one: what is printed, and why.
    """

    kind: str
    names: tuple[str, ...]
    users: tuple[str, ...]
    item: str
    quantity: str
    value: float
    sigma: float
    is_ratio: bool
    is_assumed: bool
    is_used: bool = True
    group: str = ""
    note: str = ""

    def predicted(self, forecast: Forecast) -> float:
        """What the twin says of it; that of a guess for the errors of a lane without light."""
        value = forecast.figure(self.kind, self.names, self.users, self.quantity)
        if not math.isnan(value):
            return value
        return 0.5 if self.quantity == QBER else 0.0

    def deviation(self, predicted: float) -> float:
        """Fitted less measured in standard deviations, a common factor left out of account."""
        if not self.is_ratio:
            return (predicted - self.value) / self.sigma
        return math.log(max(predicted, TINY) / self.value) / self.sigma


@dataclass(frozen=True, slots=True)
class Data:
    """All data of a fit, and what is odd about the tables they come from."""

    data: tuple[Datum, ...]
    remarks: tuple[str, ...]

    @property
    def used(self) -> tuple[Datum, ...]:
        """Those that the fit meets."""
        return tuple(datum for datum in self.data if datum.is_used)

    @property
    def count(self) -> int:
        """How many independent figures those are."""
        groups = {datum.group for datum in self.used if datum.group}
        return len(self.used) - len(groups)

    @property
    def have_sigmas(self) -> bool:
        """Whether all of those came with a standard deviation."""
        return not any(datum.is_assumed for datum in self.used)


def values_and_deviations(
    data: Sequence[Datum], forecast: Forecast
) -> tuple[list[float], list[float]]:
    """What the twin says of each of ``data``, and how many standard deviations it is off.

    Relative figures are answered in the unit of their table.
    """
    values = [datum.predicted(forecast) for datum in data]
    for group in {datum.group for datum in data if datum.group}:
        members = [index for index, datum in enumerate(data) if datum.group == group]
        factor = _common_factor([data[i] for i in members], [values[i] for i in members])
        for index in members:
            values[index] /= factor
    return values, [datum.deviation(v) for datum, v in zip(data, values, strict=True)]


def _common_factor(data: Sequence[Datum], values: Sequence[float]) -> float:
    """Mean ratio of predicted over measured: the one with the smallest squared deviations."""
    weights = [datum.sigma**-2 for datum in data]
    logs = [
        weight * math.log(max(value, TINY) / datum.value)
        for datum, value, weight in zip(data, values, weights, strict=True)
    ]
    return math.exp(math.fsum(logs) / math.fsum(weights))
