"""The free numbers of a fit: their scale, bounds, start and prior; knows no data and no twin.

A fit moves coordinates in which equal steps mean about the same: the logarithm of what has a
natural zero (rates, factors, powers), the decibel of losses, the plain value of probabilities,
contrasts, phases. Bounds are those of the specs.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from netsim.errors import ConfigError, Fault
from netsim.fit.places import PathError, Place, Tables, find_places, value_at
from netsim.topology.schema import schema_at

RATIO_STEP = math.log(1.1)
SHARE_STEP = 0.01
DECIBEL_STEP = 10.0 * math.log10(1.1)
"""A loss changes by this where the light changes by 10 %."""
EDGE = 1e-6
"""At a bound: closer to it than this many steps."""


class Scale(Enum):
    """In which coordinate a number is fitted."""

    LOGARITHM = "logarithm"
    DECIBEL = "decibel"
    PLAIN = "plain"

    def to_coordinate(self, value: float) -> float:
        """Coordinate of ``value``; minus infinity for a zero on the logarithmic scale."""
        if self is not Scale.LOGARITHM:
            return value
        return math.log(value) if value > 0.0 else -math.inf

    def to_value(self, coordinate: float) -> float:
        """Inverse of `to_coordinate`."""
        return math.exp(coordinate) if self is Scale.LOGARITHM else coordinate


@dataclass(frozen=True, slots=True)
class Number:
    """One free number, or several of a topology that are one and the same.

    Attributes
    ----------
    places : tuple of Place
        Where it stands; more than one if they are tied together.
    start : float
        Value in the topology (mean of the coordinates of tied ones); the centre of the prior.
    low, high : float
        Bounds of the value, inclusive.
    step : float
        Natural step of the coordinate: 10 %, as much in dB, or 0.01.
    prior : float or None
        Standard deviation of the coordinate about the start, known beforehand.
    """

    places: tuple[Place, ...]
    scale: Scale
    start: float
    low: float
    high: float
    step: float
    prior: float | None = None

    @property
    def path(self) -> str:
        """Of the first place, and how many more there are."""
        more = f" (and {len(self.places) - 1} more)" if len(self.places) > 1 else ""
        return self.places[0].path + more

    @property
    def origin(self) -> float:
        """Coordinate of the start."""
        return self.scale.to_coordinate(self.start)

    @property
    def bounds(self) -> tuple[float, float]:
        """Bounds of the coordinate."""
        return self.scale.to_coordinate(self.low), self.scale.to_coordinate(self.high)

    def bound_at(self, coordinate: float) -> str | None:
        """``"lower"`` or ``"upper"`` where ``coordinate`` lies at that bound."""
        low, high = self.bounds
        if coordinate - low < EDGE * self.step:
            return "lower"
        return "upper" if high - coordinate < EDGE * self.step else None

    def sigma(self, coordinate: float, spread: float) -> float:
        """Standard deviation of the value where that of the coordinate is ``spread``."""
        if self.scale is not Scale.LOGARITHM:
            return spread
        return self.scale.to_value(coordinate) * spread


def free_numbers(
    tables: Tables,
    *,
    free: Sequence[str],
    common: Sequence[str] = (),
    priors: Sequence[str] = (),
) -> tuple[Number, ...]:
    """Numbers to fit.

    Parameters
    ----------
    tables : dict
        As `netsim.fit.places.tables_of` gives them.
    free : sequence of str
        Paths with wildcards; each number that one of them means is free on its own.
    common : sequence of str
        Comma lists of such paths; all numbers of one list are one and the same.
    priors : sequence of str
        ``path=width`` each, for the free numbers that the path means; the last one counts.

    Raises
    ------
    ConfigError
        With every path that means no free number and every width that is none.
    """
    faults: list[Fault] = []
    groups = [_places(tables, "--common", text.split(","), faults) for text in common]
    tied = [place for group in groups for place in group]
    faults += [
        Fault("--common", f"{place.path} is tied twice")
        for place in dict.fromkeys(tied)
        if tied.count(place) > 1
    ]
    single = [place for place in _places(tables, "--free", free, faults) if place not in tied]
    numbers = [
        _number(tables, places, faults)
        for places in (*groups, *((place,) for place in single))
        if places
    ]
    found = _with_priors(tables, [n for n in numbers if n is not None], priors, faults)
    if not faults and not found:
        faults.append(Fault("--free", "no number is free"))
    if faults:
        raise ConfigError(tuple(faults))
    return tuple(found)


def _places(
    tables: Tables, option: str, patterns: Sequence[str], faults: list[Fault]
) -> tuple[Place, ...]:
    found: dict[Place, None] = {}
    for pattern in patterns:
        try:
            found |= dict.fromkeys(find_places(tables, pattern))
        except PathError as error:
            faults.append(Fault(f"{option} {ascii(pattern[:120])[1:-1]}", str(error)))
    return tuple(found)


def _number(tables: Tables, places: tuple[Place, ...], faults: list[Fault]) -> Number | None:
    limits = [_limits(place) for place in places]
    values = [value_at(tables, place.keys) for place in places]
    low, high = max(low for low, _ in limits), min(high for _, high in limits)
    scales = [_scale(place, *limit) for place, limit in zip(places, limits, strict=True)]
    if len(set(scales)) > 1:
        faults.append(Fault("--common", f"{places[0].path} is tied to a number of another kind"))
        return None
    scale = scales[0]
    if scale is Scale.LOGARITHM and min(values) <= 0.0:
        where = places[values.index(min(values))].path
        faults.append(Fault(where, "is 0: give the file a value above 0 to start from"))
        return None
    start = scale.to_value(math.fsum(map(scale.to_coordinate, values)) / len(values))
    start = min(max(values[0] if len(set(values)) == 1 else start, low), high)
    return Number(places, scale, start, low, high, _step(scale, start, high))


def _limits(place: Place) -> tuple[float, float]:
    """Bounds by the spec; an exclusive one is moved inwards by the smallest step of a float."""
    schema: Mapping[str, object] = schema_at(place.keys) or {}
    low, high = -math.inf, math.inf
    for key, bound in schema.items():
        if not isinstance(bound, int | float):
            continue
        if key == "minimum":
            low = max(low, bound)
        elif key == "exclusiveMinimum":
            low = max(low, math.nextafter(bound, math.inf))
        elif key == "maximum":
            high = min(high, bound)
        elif key == "exclusiveMaximum":
            high = min(high, math.nextafter(bound, -math.inf))
    return low, high


def _scale(place: Place, low: float, high: float) -> Scale:
    if str(place.keys[-1]).endswith("_db"):
        return Scale.DECIBEL
    return Scale.LOGARITHM if low >= 0.0 and high > 1.0 else Scale.PLAIN


def _step(scale: Scale, start: float, high: float) -> float:
    if scale is Scale.LOGARITHM:
        return RATIO_STEP
    if scale is Scale.DECIBEL:
        return DECIBEL_STEP
    return SHARE_STEP if high <= 1.0 else max(0.1 * abs(start), SHARE_STEP)


def _with_priors(
    tables: Tables, numbers: list[Number], priors: Sequence[str], faults: list[Fault]
) -> list[Number]:
    for text in priors:
        pattern, equals, width = text.rpartition("=")
        places = _places(tables, "--prior", [pattern], faults) if equals else ()
        if not equals or not _is_width(width):
            faults.append(Fault("--prior", f"{text[:120]!a} is not PATH=WIDTH, WIDTH above 0"))
            continue
        hit = [bool(set(places) & set(number.places)) for number in numbers]
        if places and not any(hit):
            faults.append(Fault(f"--prior {pattern}", "means no free number"))
        numbers = [
            replace(number, prior=float(width)) if is_hit else number
            for number, is_hit in zip(numbers, hit, strict=True)
        ]
    return numbers


def _is_width(text: str) -> bool:
    try:
        return 0.0 < float(text) < math.inf
    except ValueError:
        return False
