"""How the cost of a run grows: with photons, with light, with users and links, as exponents of CPU.

What a run costs before its light, and to find all clocks, is taken off, as measured by runs of
`LEAST_S` of light, so that exponents are of what grows. Each point is the least of some runs in one
process; cases take turns, so that other load on the machine hits all of them alike. The plot is
``build/scaling.svg`` (extra ``report``).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from figures import Goal, Row, at_least, at_most, show
from fits import PowerLaw

import netsim
from netsim.report.figure import Figure, Panel, Series, save_figure
from netsim.topology.specs import TopologySpec

REPEATS = 3
LEAST_S = 2.0
LIGHT_S = 6.0
PLOT = Path("build/scaling")
EXPONENT = "exponent"
LINEAR = (at_least(EXPONENT, 0.95), at_most(EXPONENT, 1.05))
USUAL_MW = 0.4
"""Of each pump of the four users; pairs come with the product of two."""
STARS = (2, 3, 5, 8)
SHARED_MW = 2.0
"""Of the pump, were there one link."""
ROUNDS = "protocol.round_s=1"


@dataclass(frozen=True, slots=True)
class Sized:
    """A network and its light, and how large it is."""

    size: float
    topology: TopologySpec
    light_s: float = LIGHT_S
    overrides: tuple[str, ...] = ()

    def cpu_s(self, light_s: float) -> float:
        """CPU time of one run."""
        start_s = time.process_time()
        overrides = (ROUNDS, *self.overrides)
        run = netsim.simulate(self.topology, duration_s=light_s, overrides=overrides)
        dark = [link.users for link in run.links if not link.counts.sifted_bits]
        assert light_s < LEAST_S or not dark, f"clocks not found are another cost: {dark}"
        return time.process_time() - start_s


@dataclass(frozen=True, slots=True)
class Dependence:
    """What costs are held against, worked out from the size of a case, and how they should grow."""

    name: str
    goals: tuple[Goal, ...] = ()
    of: Callable[[float], float] = float


def four_users(*overrides: str) -> TopologySpec:
    """The network of Fan et al. 2025."""
    return netsim.load_topology("fan2025_four_user", overrides=overrides)


def brighter() -> list[Sized]:
    """So many times as many pairs, and so many detected photons, nearly: all else is as it was."""
    return [
        Sized(factor, four_users(f"qnsp.source.pumps.*.power_mw={USUAL_MW * factor**0.5}"))
        for factor in (0.5, 1.0, 2.0)
    ]


def longer() -> list[Sized]:
    """So many seconds."""
    return [Sized(beyond_s, four_users(), LEAST_S + beyond_s) for beyond_s in (3.0, 6.0, 12.0)]


def star(users: int) -> TopologySpec:
    """So many users behind a crystal, with detectors that find all clocks soon."""
    return netsim.new("star", users=users, efficiency=0.8)


def stars() -> list[Sized]:
    """So many users behind a crystal, each two of them a link, each link as bright.

    A user has the more clicks the more partners there are, and each link looks through all clicks
    of both its users: links to the power of 1.5 by that alone.
    """
    return [Sized(users, star(users)) for users in STARS]


def shared_light() -> list[Sized]:
    """The same with a user's clicks alike, however many links share them."""
    return [
        Sized(
            users,
            star(users),
            overrides=(f"qnsp.source.pump_power_mw={SHARED_MW / (users - 1)}",),
        )
        for users in STARS
    ]


def links(users: float) -> float:
    """Of a star."""
    return users * (users - 1.0) / 2.0


CASES = (
    (brighter, (Dependence("photons", LINEAR),)),
    (longer, (Dependence("seconds of light", LINEAR),)),
    (stars, (Dependence("links as bright", (), links), Dependence("users"))),
    (shared_light, (Dependence("links at equal clicks", (at_most(EXPONENT, 1.05),), links),)),
)


def costs(cases: Sequence[Sized]) -> list[float]:
    """CPU time of each that its light takes beyond the first `LEAST_S`."""
    whole, least = ([float("inf")] * len(cases) for _ in range(2))
    for _ in range(REPEATS):
        for k, case in enumerate(cases):
            whole[k] = min(whole[k], case.cpu_s(case.light_s))
            least[k] = min(least[k], case.cpu_s(LEAST_S))
    return [all_s - first_s for all_s, first_s in zip(whole, least, strict=True)]


def rows(panels: list[Panel]) -> Iterator[Row]:
    """Each dependence; ``panels`` gets the plot of it."""
    for cases_of, dependences in CASES:
        cases = cases_of()
        cases[0].cpu_s(0.5)  # compiles, or loads what is compiled
        spent_s = costs(cases)
        for dependence in dependences:
            sizes = [dependence.of(case.size) for case in cases]
            law = PowerLaw.of(sizes, spent_s)
            panels.append(panel(dependence.name, sizes, spent_s, law))
            figures = {"first [s]": spent_s[0], "last [s]": spent_s[-1]}
            figures |= {EXPONENT: law.exponent, "+-": law.error}
            yield Row(f"CPU by {dependence.name}", figures, dependence.goals)


def panel(name: str, sizes: Sequence[float], spent_s: Sequence[float], law: PowerLaw) -> Panel:
    """Points and the line through them."""
    line = tuple(map(law.cost, sizes))
    fit = f"size^{law.exponent:.2f} (+- {law.error:.2f})"
    return Panel(
        name,
        "CPU [s]",
        (
            Series("measured", tuple(sizes), tuple(spent_s)),
            Series(f"{name}: {fit}", tuple(sizes), line, style="line"),
        ),
        log_x=True,
        log_y=True,
    )


def main() -> None:
    """Print the table and draw the plot."""
    panels: list[Panel] = []
    show(f"cost of a run beyond {LEAST_S:g} s of light, photon level", rows(panels))
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    for path in save_figure(Figure("How the cost of a run grows", tuple(panels), 2), PLOT):
        print(f"plot in {path}")


if __name__ == "__main__":
    main()
