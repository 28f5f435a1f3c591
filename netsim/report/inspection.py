"""What is in recordings, as tables, a plot, and sentences on why there may be no key."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from netsim.recordings.correlation import FINE_PS, Correlation
from netsim.recordings.inspection import RecordingFacts, in_ms
from netsim.recordings.maps import MapGuess, plausible_maps
from netsim.recordings.packing import DetectorMap
from netsim.report.figure import Figure, Panel, Series
from netsim.report.text import NOTHING, add_names, add_numbers, fixed, plain_table
from netsim.units import s_from_ps

NAMES = ("Z0", "Z1", "X0", "X1")
MOST_ERRORS = 0.11
"""No asymptotic key beyond: 1 - 2 h(0.11) = 0 (P. W. Shor, J. Preskill, 2000)."""
MUCH_BETTER = 0.7
"""Another map is named where it leaves less than so much of the errors."""
MAX_CHANNELS = 8
"""Of which all maps are tried."""
MAX_MAPS = 3


@dataclass(frozen=True, slots=True)
class LinkView:
    """Two recordings side by side.

    Attributes
    ----------
    correlation : Correlation or None
        None where they have no time in common.
    maps : tuple of DetectorMap
        Of either recording.
    channels : tuple of tuple of int
        That each recording has.
    window_ps : int
    flip_x : bool
    """

    correlation: Correlation | None
    maps: tuple[DetectorMap, DetectorMap]
    channels: tuple[tuple[int, ...], tuple[int, ...]]
    window_ps: int
    flip_x: bool

    def of_map(self, side: int) -> tuple[int | None, ...]:
        """Channels of a recording in the places of Z0, Z1, X0, X1; None where there is none."""
        found = {
            meanings[0]: channel
            for channel, meanings in self.maps[side].items()
            if len(meanings) == 1 and channel in self.channels[side]
        }
        return tuple(found.get(place) for place in range(len(NAMES)))

    def guesses(self) -> list[MapGuess]:
        """Maps of the second recording, best first; none where the first's map is not whole."""
        ones, others = self.of_map(0), self.channels[1]
        if self.correlation is None or None in ones or not 4 <= len(others) <= MAX_CHANNELS:
            return []
        known = [channel for channel in ones if channel is not None]
        matrix = self.correlation.matrix(known, others, self.window_ps)
        places = {channel: k for k, channel in enumerate(others)}
        return plausible_maps(matrix, others, places, flip_x=self.flip_x)


def print_facts(name: str, facts: RecordingFacts, console: Console) -> None:
    """One recording: its channels, and what is odd about its times."""
    table = plain_table(f"{name}: {facts.clicks} clicks in {s_from_ps(round(facts.span_ps)):.6g} s")
    add_names(table, "Channel")
    add_numbers(table, "Clicks", "Rate\n[1/s]", "Shortest interval\n[ns]")
    for one in facts.channels:
        shortest = NOTHING if one.shortest_ps is None else f"{one.shortest_ps / 1000:.3f}"
        table.add_row(str(one.channel), str(one.clicks), fixed(one.rate_hz, 1), shortest)
    console.print(table)
    for line in _odd(facts):
        console.print(Text(line))
    console.print()


def _odd(facts: RecordingFacts) -> Iterator[str]:
    if facts.lost:
        yield f"The recorder says that it lost {facts.lost} clicks."
    if facts.back_steps:
        back_ms = in_ms(facts.largest_back_ps)
        yield f"Time goes back at {facts.back_steps} places, by {back_ms:.6g} ms at most: --sort."
    if facts.gaps:
        yield f"{facts.gaps} silences, the longest of {in_ms(facts.longest_gap_ps):.6g} ms."
    if facts.shortest_ps is not None:
        yield f"Shortest interval between any two clicks: {facts.shortest_ps / 1000:.3f} ns."


def print_link(view: LinkView, console: Console) -> None:
    """Two recordings: where they correlate, the matrix of their channels, and what follows."""
    found = view.correlation
    if found is not None and found.is_sure:
        console.print(
            Text(
                f"Correlation: {found.height} pairs in a bin that has {found.by_chance:.3g} by "
                "chance; second less first "
                f"{found.offset_ps / 1e6:.6f} us at the beginning, rate {found.rate_ppm:+.4f} ppm."
            )
        )
        console.print()
        console.print(_matrix(view, found))
        console.print()
    for line in verdict(view):
        console.print(Text(line))


def _matrix(view: LinkView, found: Correlation) -> Table:
    ones, others = view.channels
    table = plain_table(f"Coincidences within {view.window_ps} ps, first recording downwards")
    add_names(table, "Channel")
    add_numbers(table, *(_named(channel, view.maps[1]) for channel in others))
    for one, row in zip(ones, found.matrix(ones, others, view.window_ps), strict=True):
        table.add_row(_named(one, view.maps[0]), *map(str, row))
    return table


def _named(channel: int, known: DetectorMap) -> str:
    meaning = "+".join(NAMES[place] for place in known.get(channel, ()))
    return f"{channel} ({meaning})" if meaning else str(channel)


def verdict(view: LinkView) -> Iterator[str]:
    """Why there may be no key, a sentence each."""
    found = view.correlation
    if found is None:
        yield "The recordings have no time in common: give --offset, or a wider --offset-bound."
        return
    if not found.is_sure:
        yield (
            f"No correlation: the highest bin has {found.height} pairs where {found.by_chance:.3g} "
            f"are by chance; {min(found.chance, 1e6):.3g} bins should be so high. "
            "A wider --offset-bound or --rate-bound, the right --tick-a and --tick-b, "
            "more light, or recordings of one light?"
        )
        return
    yield from _delays(view, found)
    yield from _maps(view)


def _delays(view: LinkView, found: Correlation) -> Iterator[str]:
    late_ps = found.late_ps(view.window_ps)
    for option, late in zip(("--detector-delays", "--detector-delays-b"), late_ps, strict=True):
        if late:
            listed = ",".join(f"{channel}={delay}" for channel, delay in late.items())
            yield f"Detectors answer at different times: {option} {listed} (ps)."


def _maps(view: LinkView) -> Iterator[str]:
    guesses = view.guesses()
    if not guesses:
        yield "No map of four detectors each: error rates are not worked out; see --map, --map-b."
        return
    given = next((one for one in guesses if one.channels == view.of_map(1)), None)
    best = guesses[0]
    if given is not None:
        yield f"Errors by the maps as given: {_rates(given)}."
    if given is None or best.worst < MUCH_BETTER * given.worst:
        yield "Maps of the second recording that leave fewer errors:"
        for guess in guesses[:MAX_MAPS]:
            yield f"  --map-b {_map_text(guess.channels)}: {_rates(guess)}"
    if best.worst > MOST_ERRORS:
        yield (
            f"No map leaves less than {100 * MOST_ERRORS:.0f} % of errors: no key. Phases or "
            "analysers that do not match, accidentals, or a wrong --map of the first recording?"
        )


def _rates(guess: MapGuess) -> str:
    z, x = (
        NOTHING if math.isnan(rate) else f"{100 * rate:.2f} %"
        for rate in (guess.z_errors, guess.x_errors)
    )
    return f"Z {z}, X {x} of {guess.sifted} sifted"


def _map_text(channels: Sequence[int]) -> str:
    return ",".join(f"{channel}={name}" for channel, name in zip(channels, NAMES, strict=True))


def correlation_figure(view: LinkView) -> Figure:
    """Histogram of time differences about the peak."""
    series: tuple[Series, ...] = ()
    if view.correlation is not None:
        middles, counts = view.correlation.histogram()
        series = (Series("pairs", tuple(middles / 1000), tuple(map(float, counts)), style="steps"),)
    label = f"pairs in {FINE_PS} ps"
    panel = Panel("time difference from the peak [ns]", label, series, from_zero=True)
    return Figure("Correlation of the recordings", (panel,))


def facts_json(facts: Mapping[str, RecordingFacts], view: LinkView | None) -> dict[str, object]:
    """For ``--json``."""
    entry: dict[str, object] = {name: _plain(one) for name, one in facts.items()}
    if view is None:
        return entry
    found = view.correlation
    if found is not None:
        entry["correlation"] = {
            "offset_ps": found.offset_ps,
            "rate_ppm": found.rate_ppm,
            "pairs_in_bin": found.height,
            "pairs_by_chance": found.by_chance,
            "bins_by_chance": found.chance,
            "is_sure": found.is_sure,
            "channels": [list(channels) for channels in view.channels],
            "matrix": found.matrix(*view.channels, view.window_ps).tolist(),
        }
    return entry | {"verdict": list(verdict(view))}


def _plain(facts: RecordingFacts) -> dict[str, object]:
    channels = [
        {"channel": one.channel, "clicks": one.clicks, "rate_hz": one.rate_hz}
        for one in facts.channels
    ]
    return {
        "clicks": facts.clicks,
        "lost": facts.lost,
        "span_s": s_from_ps(round(facts.span_ps)),
        "back_steps": facts.back_steps,
        "gaps": facts.gaps,
        "longest_gap_ps": facts.longest_gap_ps,
        "shortest_ps": facts.shortest_ps,
        "channels": channels,
    }
