"""When an application asks for key: kinds of arrival processes, and what each has to be told.

A third party's kind is a class with `ArrivalKind` as its base, registered under a name in
`netsim.demand.kinds.ARRIVALS` or by an entry point of the group ``qnsp_netsim.arrivals``.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from itertools import count, pairwise, takewhile
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from netsim.units import PS_PER_S, ps_from_s

HOURS = 24
SECONDS_PER_HOUR = 3600.0
COUNTED_S = HOURS * SECONDS_PER_HOUR
"""Light over which requests are counted, where their mean rate is not known."""

_Rate = Annotated[float, Field(gt=0, le=1e6)]
_Seconds = Annotated[float, Field(gt=0, le=1e7)]
_Start = Annotated[float, Field(ge=0, le=1e7)]
_Weight = Annotated[float, Field(ge=0, le=1e6)]


class ArrivalOptions(BaseModel):
    """Base of the options of a kind: frozen, unknown keys refused, no silent conversion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ArrivalKind(ABC):
    """A kind of arrival processes."""

    options: ClassVar[type[ArrivalOptions]] = ArrivalOptions
    """What a topology may say of one."""

    @abstractmethod
    def make(self, options: Any, rng: np.random.Generator) -> Iterator[int]:
        """Times of requests in ps, ascending, perhaps without end.

        Parameters
        ----------
        options : ArrivalOptions
            An instance of the kind's `options`.
        rng : Generator
            Of this application alone.

        Raises
        ------
        ValueError
            What the options name cannot be used.
        """

    def mean_hz(self, options: Any) -> float:
        """Requests per second in the long run; counted over the first day where nobody says."""
        stop_ps = ps_from_s(COUNTED_S)
        times_ps = self.make(options, np.random.default_rng(0))
        return sum(1 for _ in takewhile(lambda time_ps: time_ps < stop_ps, times_ps)) / COUNTED_S

    def rate_hz(self, values: Mapping[str, object]) -> float:
        """The same with the options that a topology gives; pydantic.ValidationError, ValueError."""
        return self.mean_hz(self.options.model_validate(dict(values)))

    def times_ps(self, values: Mapping[str, object], rng: np.random.Generator) -> Iterator[int]:
        """The same with the options that a topology gives; pydantic.ValidationError, ValueError."""
        return self.make(self.options.model_validate(dict(values)), rng)


class PeriodicOptions(ArrivalOptions):
    """Of `Periodic`."""

    every_s: _Seconds
    """From one request to the next."""
    start_s: _Start = 0.0
    """Of the first one."""


class Periodic(ArrivalKind):
    """One request every so often."""

    options = PeriodicOptions

    def make(self, options: PeriodicOptions, rng: np.random.Generator) -> Iterator[int]:
        """The k-th time is rounded, not the step."""
        _ = rng
        return (ps_from_s(options.start_s) + round(k * options.every_s * PS_PER_S) for k in count())

    def mean_hz(self, options: PeriodicOptions) -> float:
        """One each time."""
        return 1.0 / options.every_s


class PoissonOptions(ArrivalOptions):
    """Of `Poisson`."""

    rate_hz: _Rate
    """Mean number of requests per second."""


class Poisson(ArrivalKind):
    """Requests that know nothing of each other."""

    options = PoissonOptions

    def make(self, options: PoissonOptions, rng: np.random.Generator) -> Iterator[int]:
        """Exponential gaps."""
        return map(_ps, _poisson(options.rate_hz, 0.0, math.inf, rng))

    def mean_hz(self, options: PoissonOptions) -> float:
        """As it is told."""
        return options.rate_hz


class OnOffOptions(ArrivalOptions):
    """Of `OnOff`."""

    rate_hz: _Rate
    """Mean number of requests per second while it is on."""
    on_s: _Seconds
    """Mean length of a time in which it is on."""
    off_s: _Seconds
    """Mean length of a time in which it is off."""


class OnOff(ArrivalKind):
    """Poisson in times of exponential length, nothing in between; begins in its steady state."""

    options = OnOffOptions

    def make(self, options: OnOffOptions, rng: np.random.Generator) -> Iterator[int]:
        """Each time that it is on has requests of its own."""
        start_s = 0.0
        is_on = rng.random() < options.on_s / (options.on_s + options.off_s)
        while True:
            stop_s = start_s + rng.exponential(options.on_s if is_on else options.off_s)
            if is_on:
                yield from map(_ps, _poisson(options.rate_hz, start_s, stop_s, rng))
            start_s, is_on = stop_s, not is_on

    def mean_hz(self, options: OnOffOptions) -> float:
        """In the share of time in which it is on."""
        return options.rate_hz * options.on_s / (options.on_s + options.off_s)


class DailyOptions(ArrivalOptions):
    """Of `Daily`."""

    rate_hz: _Rate
    """Mean number of requests per second over a day."""
    profile: Annotated[tuple[_Weight, ...], Field(strict=False, min_length=HOURS, max_length=HOURS)]
    """Weight of each hour of the day, the first from midnight on."""
    start_h: Annotated[float, Field(ge=0, lt=HOURS)] = 0.0
    """Hour of the day at which the run begins."""

    @model_validator(mode="after")
    def _has_weight(self) -> Self:
        if not sum(self.profile):
            raise ValueError("the profile is zero all day")
        return self


class Daily(ArrivalKind):
    """Poisson with a rate that follows the hour of the day."""

    options = DailyOptions

    def make(self, options: DailyOptions, rng: np.random.Generator) -> Iterator[int]:
        """Hour by hour: within one the rate does not change."""
        mean_weight = sum(options.profile) / HOURS
        edges = count(math.floor(options.start_h))
        for first_h, last_h in pairwise(edges):
            rate_hz = options.rate_hz * options.profile[first_h % HOURS] / mean_weight
            start_s = SECONDS_PER_HOUR * max(0.0, first_h - options.start_h)
            stop_s = SECONDS_PER_HOUR * (last_h - options.start_h)
            yield from map(_ps, _poisson(rate_hz, start_s, stop_s, rng))

    def mean_hz(self, options: DailyOptions) -> float:
        """Over a day."""
        return options.rate_hz


class TraceOptions(ArrivalOptions):
    """Of `TraceFile`."""

    path: Annotated[str, Field(min_length=1)]
    """Of a text file: times in seconds, one a line, ascending; from where the command runs."""


class TraceFile(ArrivalKind):
    """Requests at times that somebody has recorded."""

    options = TraceOptions

    def make(self, options: TraceOptions, rng: np.random.Generator) -> Iterator[int]:
        """All of the file is read and checked at once."""
        _ = rng
        try:
            lines = Path(options.path).read_text(encoding="utf-8").split()
            times_ps = [ps_from_s(line) for line in lines]
        except (OSError, ValueError, ZeroDivisionError) as error:
            raise ValueError(f"{options.path}: is no list of times in seconds") from error
        if any(after < before for before, after in pairwise([0, *times_ps])):
            raise ValueError(f"{options.path}: times are not ascending from 0 on")
        return iter(times_ps)


def _poisson(
    rate_hz: float, start_s: float, stop_s: float, rng: np.random.Generator
) -> Iterator[float]:
    time_s = start_s
    while rate_hz and (time_s := time_s + rng.exponential(1.0 / rate_hz)) < stop_s:
        yield time_s


def _ps(time_s: float) -> int:
    return round(time_s * PS_PER_S)
