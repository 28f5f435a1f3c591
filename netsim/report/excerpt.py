"""Which lanes and links of a large network the closing tables show: the poorest and the richest.

It chooses rows and counts the others; it knows no table.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Generic, TypeVar

from netsim.results.deviation import qber_sigma, sifted_sigma
from netsim.results.parts import LaneResult, LinkResult
from netsim.results.run import Run

Part = TypeVar("Part")

MAX_NAMES = 6
"""Links that a note names one by one."""
MAX_ROWS = 40
"""All are shown up to here."""
END_ROWS = 10
"""Beyond, so many of either end."""


@dataclass(frozen=True, slots=True)
class Excerpt(Generic[Part]):
    """Rows of a table, and how many there would be."""

    poorest: tuple[Part, ...]
    richest: tuple[Part, ...]
    total: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return self.total == len(self.poorest) + len(self.richest)

    def title(self, name: str) -> str:
        """``name``, with what is shown of how many."""
        if self.is_whole:
            return name
        return (
            f"{name}: of {self.total}, the {len(self.poorest)} with the least key "
            f"and the {len(self.richest)} with the most"
        )


def excerpt(parts: Sequence[Part], key: Callable[[Part], object]) -> Excerpt[Part]:
    """All ``parts`` in their order if they are few, else those with the lowest and highest key."""
    if len(parts) <= MAX_ROWS:
        return Excerpt(tuple(parts), (), len(parts))
    ranked = sorted(parts, key=key)  # type: ignore[arg-type]
    return Excerpt(tuple(ranked[:END_ROWS]), tuple(ranked[-END_ROWS:]), len(parts))


def lanes_note(run: Run) -> str:
    """How far the lanes of a large network are from the twin, all of them together."""
    sifted = [abs(z) for z in map(sifted_sigma, run.lanes) if z is not None]
    qbers = [abs(z) for z in map(qber_sigma, run.lanes) if z is not None]
    return (
        f"{len(run.lanes)} lanes: N_sift is {max(sifted, default=0.0):.1f} sigma from the twin at "
        f"most, QBER {max(qbers, default=0.0):.1f}; the largest of so many normal deviations has "
        f"the median {usual_largest_sigma(len(run.lanes)):.1f}. All lanes are in lanes.csv."
    )


def links_note(run: Run) -> str:
    """What the links of a large network booked, all of them together."""
    with_key = sum(link.counts.deposited_bits > 0 for link in run.links)
    rounds = sum(link.counts.blocks for link in run.links)
    failed = sum(link.counts.blocks_failed for link in run.links)
    key_bits = sum(link.counts.deposited_bits for link in run.links)
    return (
        f"{len(run.links)} links: {with_key} deposited key, {key_bits} bit in all; {failed} of "
        f"{rounds} rounds failed. All links are in links.csv."
    )


def usual_largest_sigma(count: int) -> float:
    """Median of the largest of ``count`` (>= 1) independent normal deviations, either sign."""
    return NormalDist().inv_cdf((1.0 + 0.5 ** (1.0 / count)) / 2.0)


def alarm_notes(links: Sequence[LinkResult]) -> Iterator[str]:
    """One line if there were alarms: how many, on which links."""
    alarmed = [link for link in links if link.counts.alarms]
    if not alarmed:
        return
    named = [f"{' & '.join(link.users)} {link.counts.alarms}" for link in alarmed[:MAX_NAMES]]
    others = len(alarmed) - len(named)
    more = f" and {others} other links" if others else ""
    yield f"ALARMS: {', '.join(named)}{more}; events.jsonl (--out) says what was wrong on the wire."


def link_notes(links: Sequence[LinkResult]) -> Iterator[str]:
    """What must be said of links, a line a note: the links by name, of many the first one."""
    by_note: dict[str, list[str]] = {}
    for link in links:
        if link.notes:
            by_note.setdefault(link.notes, []).append(" & ".join(link.users))
    for note, names in by_note.items():
        if len(names) <= MAX_NAMES:
            yield f"{', '.join(names)}: {note}."
        else:
            yield f"{names[0]} and {len(names) - 1} other links: {note}."


def knowledge_notes(links: Sequence[LinkResult]) -> Iterator[str]:
    """What those on the fibres know of each link's key; nothing where there is nobody."""
    for link in links:
        if link.eve is not None:
            epsilon = "" if link.epsilon is None else f"; promised: {link.epsilon:.2g}"
            yield f"{' & '.join(link.users)}: {link.eve}{epsilon}."


def bell_notes(lanes: Sequence[LaneResult]) -> Iterator[str]:
    """What the Bell tests have measured; nothing where there are none."""
    tested = [lane for lane in lanes if lane.chsh is not None and lane.chsh.is_measured]
    for lane in tested[:MAX_NAMES]:
        yield f"{' & '.join(lane.users)}, {'&'.join(lane.channels)}: {lane.chsh}."
    if len(tested) > MAX_NAMES:
        yield f"S of {len(tested) - MAX_NAMES} other lanes is in lanes.csv."
