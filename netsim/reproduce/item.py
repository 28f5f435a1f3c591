"""The interface of an item: a figure or table of a publication, made out of shots.

A new figure is a module like this, and its `Item` in the list of its paper::

    POWERS_MW = (0.2, 0.4)

    def shots() -> tuple[Shot, ...]:
        return tuple(
            Shot(f"mine/{power_mw:g}mW", with_power(calibrated(), power_mw), light_s=20.0)
            for power_mw in POWERS_MW
        )

    def analyse(measured: Measured) -> Findings:
        singles = [measured[shot.name].singles_hz("alice") for shot in shots()]
        panel = Panel("power [mW]", "singles [1/s]", (points("alice", POWERS_MW, singles),))
        return Findings(
            rows=[{"power_mw": mw, **s.columns("singles_hz")} for mw, s in zip(POWERS_MW, singles)],
            figure=Figure("Singles of Alice", (panel,)),
            compared=[Comparison("singles at 0.4 mW [1/s]", singles[1], paper=None, note="...")],
        )

    ITEM = Item("mine", "Singles of Alice against power", "What is simulated.", shots, analyse)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from netsim.report.figure import Figure
from netsim.studies.comparison import Comparison
from netsim.studies.estimates import Row
from netsim.studies.measurement import Measurement
from netsim.studies.shots import Shot

Measured = Mapping[str, Measurement]
"""Name of a shot to what it measured."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What an item found.

    Attributes
    ----------
    rows : sequence of mapping
        The CSV; all rows have the same columns.
    figure : Figure
    compared : sequence of Comparison
    notes : tuple of str
        Sentences below the figure.
    """

    rows: Sequence[Row]
    figure: Figure
    compared: Sequence[Comparison]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """A figure or table.

    Attributes
    ----------
    name : str
        As given to ``--only``; the stem of its files.
    title : str
    about : str
        What is simulated, with what assumptions; what the paper's text does not say.
    shots : callable
        What to simulate, and how long. Items may share shots.
    analyse : callable
        Makes findings of exactly these shots' measurements; draws, if at all, from generators of
        its own, so that it finds the same each time.
    """

    name: str
    title: str
    about: str
    shots: Callable[[], Sequence[Shot]]
    analyse: Callable[[Measured], Findings]


@dataclass(frozen=True, slots=True)
class Paper:
    """A publication and its items."""

    name: str
    title: str
    source: str
    """Where it is printed."""
    limits: tuple[str, ...]
    """What its text does not say, and what is assumed instead."""
    items: tuple[Item, ...]
