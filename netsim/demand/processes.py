"""The kinds of arrival processes that come with netsim; imported when a topology names one."""

import math
from collections.abc import Iterator
from itertools import count, pairwise
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from netsim.demand.arrivals import ArrivalKind, ArrivalOptions
from netsim.units import PS_PER_S, ps_from_s

HOURS = 24
SECONDS_PER_HOUR = 3600.0

_Rate = Annotated[float, Field(gt=0, le=1e6)]
_Seconds = Annotated[float, Field(gt=0, le=1e7)]
_Start = Annotated[float, Field(ge=0, le=1e7)]
_Weight = Annotated[float, Field(ge=0, le=1e6)]


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
