"""From the discussion: a single pump with 12 and with 6 channels against two pumps; three pumps."""

from collections.abc import Callable, Sequence

from netsim.report.figure import Figure, Panel, Series
from netsim.report.scan import Scan
from netsim.reproduce.fan2025.bench import NETWORK_POWER_MW, ring_of
from netsim.reproduce.fan2025.paper import STATES_PER_CHANNEL
from netsim.reproduce.fan2025.schemes import (
    ONE_PUMP_6,
    ONE_PUMP_12,
    PAPER_TOTAL_MW,
    THREE_PUMPS_4,
    TOTAL_POWERS_MW,
    TWO_PUMPS_6,
    Scheme,
)
from netsim.reproduce.item import Findings, Item, Measured
from netsim.studies.comparison import Comparison
from netsim.studies.estimates import Estimate
from netsim.studies.shots import Shot
from netsim.topology.processes import pair_rule

Schemes = Sequence[Scheme]

SINGLE = (ONE_PUMP_12, ONE_PUMP_6, TWO_PUMPS_6)
THREE = (TWO_PUMPS_6, THREE_PUMPS_4)

POWER = "power of all pumps [mW]"
FAIR = (
    "Structured set, all channels with the mean loss of its six [assumed], so that schemes differ "
    "by pumps and channels only; seven powers each. "
)
NO_TABLE = 'the text: "higher than that by using a single pump scheme"; Table S5 is not available'


def analyse_single(measured: Measured) -> Findings:
    """One pump against two."""
    return _analyse(
        "One pump against two",
        SINGLE,
        measured,
        NO_TABLE,
        notes=(
            _key_rates(measured),
            (
                "The twelve channels of a single pump carry one state each and so less noise; what "
                "two pumps save is channels. The text does not say at which power and with which "
                "losses its schemes are compared."
            ),
            (
                "With six channels a single pump has three pairs; beam splitters share one of "
                "them among four links, which get a quarter of it each. Most of the total comes "
                "from the other two."
            ),
        ),
    )


def _key_rates(measured: Measured) -> str:
    """Simulated totals at equal power of each laser, and at equal power of all."""

    def total(scheme: Scheme, total_mw: float) -> str:
        return f"{scheme.total_skr_bps(measured, total_mw).value:.0f}"

    two = total(TWO_PUMPS_6, PAPER_TOTAL_MW)
    return (
        f"Each laser at {NETWORK_POWER_MW:g} mW: {total(ONE_PUMP_12, NETWORK_POWER_MW)} bit/s of "
        f"one pump with 12 channels, {total(ONE_PUMP_6, NETWORK_POWER_MW)} with 6, {two} of two "
        f"pumps. All lasers together at {PAPER_TOTAL_MW:g} mW: "
        f"{total(ONE_PUMP_12, PAPER_TOTAL_MW)}, {total(ONE_PUMP_6, PAPER_TOTAL_MW)} and {two}."
    )


def analyse_three(measured: Measured) -> Findings:
    """Three pumps against two."""
    return _analyse(
        "Three pumps against two",
        THREE,
        measured,
        "the text discusses more pumps without numbers",
        first=[
            Comparison(
                f"channels that one channel pairs with, {scheme.title}",
                Estimate(float(partners(scheme)), None, float(partners(scheme))),
                STATES_PER_CHANNEL if scheme is TWO_PUMPS_6 else None,
                "by energy conservation, no simulation",
            )
            for scheme in THREE
        ],
        notes=(
            (
                "Pumps at C32, C40, C48 connect four users with one channel each (C28, C36, C44, "
                "C52), two channels less than two pumps need. Every channel then pairs with five, "
                "of which three are wanted, and C36 and C44 pair with themselves: noise grows "
                "with the pumps, as the text warns. Stimulated lines (C16, C24, C56, C64) are not "
                "used."
            ),
        ),
    )


def partners(scheme: Scheme) -> int:
    """With how many channels the first channel of a scheme pairs."""
    rule = pair_rule(ring_of(scheme.topology(PAPER_TOTAL_MW)))
    return len(rule.pairs([next(iter(scheme.channels))]))


def _analyse(
    title: str,
    schemes: Schemes,
    measured: Measured,
    note: str,
    *,
    first: Sequence[Comparison] = (),
    notes: tuple[str, ...],
) -> Findings:
    keys = _scan(schemes, "total_skr_bps", lambda s, mw: s.total_skr_bps(measured, mw))
    links = _scan(schemes, "links_with_key", lambda s, mw: s.links_with_key(measured, mw))
    rows = zip(keys.rows(), links.rows(), strict=True)
    return Findings(
        rows=[one | other for one, other in rows],
        figure=_figure(title, schemes, keys, links),
        compared=[
            *first,
            *keys.compared(lambda name, mw: f"{name}: total SKR at {mw:g} mW [bit/s]", note),
            *links.compared(lambda name, mw: f"{name}: links with key at {mw:g} mW", note),
        ],
        notes=("Power: of all pumps together, in the fibre.", *notes),
    )


def _scan(schemes: Schemes, quantity: str, find: Callable[[Scheme, float], Estimate]) -> Scan:
    found = {
        scheme.title: [find(scheme, total_mw) for total_mw in TOTAL_POWERS_MW] for scheme in schemes
    }
    return Scan("total_power_mw", TOTAL_POWERS_MW, "scheme", quantity, found)


def _figure(title: str, schemes: Schemes, keys: Scan, links: Scan) -> Figure:
    by_title = {scheme.title: scheme for scheme in schemes}
    totals = keys.series(lambda name, mw: by_title[name].twin(mw).total_skr_bps)
    counts = tuple(
        Series(name, TOTAL_POWERS_MW, tuple(one.value for one in found))
        for name, found in links.found.items()
    )
    return Figure(
        title,
        (
            Panel(POWER, "total SKR [bit/s]", totals, from_zero=True),
            Panel(POWER, "links with key", counts, joined=True, from_zero=True),
        ),
        columns=2,
    )


def _shots(schemes: Schemes) -> list[Shot]:
    return [shot for scheme in schemes for shot in scheme.shots()]


SINGLE_PUMP = Item(
    "single_pump",
    "One pump with 12 and with 6 channels against two pumps with 6",
    FAIR + "A single pump at C40 connects four users with two channels a link, or with three pairs "
    "of channels and beam splitters.",
    lambda: _shots(SINGLE),
    analyse_single,
)
THREE_PUMPS = Item(
    "three_pumps",
    "Three pumps with 4 channels against two pumps with 6",
    FAIR + "Three pumps connect four users with one channel each.",
    lambda: _shots(THREE),
    analyse_three,
)
