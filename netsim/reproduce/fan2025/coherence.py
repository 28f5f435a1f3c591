"""From the discussion: key rate against coincidence window and against coherence time."""

from functools import cache

from netsim.physics.rates import kappa_per_ps
from netsim.report.figure import Figure, Panel
from netsim.report.scan import Scan
from netsim.reproduce.fan2025.bench import calibrated, with_source, with_window
from netsim.reproduce.item import Findings, Item, Measured
from netsim.studies.estimates import Estimate, total
from netsim.studies.shots import Shot
from netsim.topology.network import build_network
from netsim.topology.specs import TopologySpec
from netsim.twin.prediction import Prediction, predict

WINDOWS_PS = (300, 500, 800, 1200, 1600, 2000, 2800, 4000)
LINEWIDTHS_MHZ = (150, 200, 300, 500, 800, 1400)
PAPER_WINDOW_PS, PAPER_LINEWIDTH_MHZ = 2000, 200
"""Window [assumed], linewidth [paper]."""
LIGHT_S = 20.0

ALL, WEAKEST, WEAKEST_LANE = "all lanes", "B&D", ("C42", "C26")
WINDOW_NS = "coincidence window, full width [ns]"
FIXED, PROPORTIONAL = "window 2 ns", "window in proportion"
NO_NUMBERS = "the text: a smaller window or coherence time improves the SKR; no numbers"


def coherence_ns(linewidth_mhz: float) -> float:
    """1 / kappa, the lifetime of a photon in the ring."""
    return 1e-3 / kappa_per_ps(linewidth_mhz * 1e6)


def _with(linewidth_mhz: float, window_ps: int) -> TopologySpec:
    """The calibrated network with another ring, all pair rates kept, and another window."""
    return with_window(with_source(calibrated(), linewidth_hz=linewidth_mhz * 1e6), window_ps)


@cache
def _prediction(linewidth_mhz: float, window_ps: int) -> Prediction:
    return predict(build_network(_with(linewidth_mhz, window_ps)))


def _total(measured: Measured, name: str) -> Estimate:
    return total([lane.skr_bps for lane in measured[name].lanes()])


# Window -----------------------------------------------------------------------------------------


def window_shots() -> tuple[Shot, ...]:
    """One a window."""
    return tuple(
        Shot(f"window/{ps}ps", _with(PAPER_LINEWIDTH_MHZ, ps), LIGHT_S) for ps in WINDOWS_PS
    )


def analyse_window(measured: Measured) -> Findings:
    """Key rate against the window: all lanes, and the weakest one."""
    shots = [measured[f"window/{ps}ps"] for ps in WINDOWS_PS]
    totals = _window_scan(ALL, [total([lane.skr_bps for lane in s.lanes()]) for s in shots])
    weakest = _window_scan(WEAKEST, [shot.lane(WEAKEST_LANE).skr_bps for shot in shots])
    return Findings(
        rows=totals.rows() + weakest.rows(),
        figure=Figure(
            "Key rate against the coincidence window",
            (
                Panel(WINDOW_NS, "SKR, all lanes [bit/s]", totals.series(_twin_at_window)),
                Panel(WINDOW_NS, "SKR, B&D [bit/s]", weakest.series(_twin_at_window)),
            ),
            columns=2,
        ),
        compared=[
            one
            for scan in (totals, weakest)
            for one in scan.compared(
                lambda of, ns: f"SKR of {of}, window {ns:g} ns [bit/s]", NO_NUMBERS
            )
        ],
        notes=(
            f"Largest at {_best_ns(totals):g} ns in all, at {_best_ns(weakest):g} ns for B&D.",
            (
                "A narrow window loses pairs, a wide one gathers accidentals. At 200 MHz the weak "
                "lanes gain by a smaller window, as the text says, but the strong ones, of which "
                "the total is made, lose: all gain only with a shorter coherence time (next item). "
                "The paper's window is not in its text."
            ),
        ),
    )


def _window_scan(name: str, found: list[Estimate]) -> Scan:
    windows_ns = [1e-3 * ps for ps in WINDOWS_PS]
    return Scan("window_ns", windows_ns, "lanes", "skr_bps", {name: found})


def _twin_at_window(name: str, window_ns: float) -> float:
    lanes = _prediction(PAPER_LINEWIDTH_MHZ, _even_ps(1e3 * window_ns))
    return lanes.total_skr_bps if name == ALL else lanes.lane(WEAKEST_LANE).skr_bps


def _best_ns(scan: Scan) -> float:
    (found,) = scan.found.values()
    return scan.settings[max(range(len(found)), key=lambda k: found[k].value)]


def _even_ps(window_ps: float) -> int:
    """A window has two equal halves of whole picoseconds."""
    return 2 * round(window_ps / 2.0)


# Coherence time ---------------------------------------------------------------------------------


def window_ps(curve: str, linewidth_mhz: float) -> int:
    """Window of a curve: fixed, or holding the same share of the pairs as 2 ns at 200 MHz."""
    if curve == FIXED:
        return PAPER_WINDOW_PS
    return _even_ps(PAPER_WINDOW_PS * PAPER_LINEWIDTH_MHZ / linewidth_mhz)


def _name(linewidth_mhz: float, window: int) -> str:
    return f"coherence/{linewidth_mhz:g}MHz/{window}ps"


def coherence_shots() -> list[Shot]:
    """One a linewidth and window; where the curves meet, the same."""
    cases = dict.fromkeys(
        (mhz, window_ps(curve, mhz)) for curve in (FIXED, PROPORTIONAL) for mhz in LINEWIDTHS_MHZ
    )
    return [Shot(_name(mhz, ps), _with(mhz, ps), LIGHT_S) for mhz, ps in cases]


def analyse_coherence(measured: Measured) -> Findings:
    """Total key rate against the coherence time, with a fixed and a proportional window."""
    found = {
        curve: [_total(measured, _name(mhz, window_ps(curve, mhz))) for mhz in LINEWIDTHS_MHZ]
        for curve in (FIXED, PROPORTIONAL)
    }
    times_ns = [coherence_ns(mhz) for mhz in LINEWIDTHS_MHZ]
    scan = Scan("coherence_time_ns", times_ns, "curve", "total_skr_bps", found)
    panel = Panel("coherence time 1 / kappa [ns]", "total SKR [bit/s]", scan.series(_twin_at))
    return Findings(
        rows=scan.rows(),
        figure=Figure("Key rate against the coherence time", (panel,)),
        compared=scan.compared(
            lambda curve, ns: f"total SKR, coherence time {ns:.3f} ns, {curve} [bit/s]", NO_NUMBERS
        ),
        notes=(
            (
                "Coherence time is 1 / kappa, the lifetime of a photon in the ring (0.796 ns at "
                "200 MHz). Pair rates are kept [assumed]: a ring of lower Q would need more pump "
                "power for them."
            ),
            (
                "With a window in proportion the same share of pairs is kept, and accidentals fall "
                "with the window; jitter of 70 ps a detector takes some of it back at the left end."
            ),
        ),
    )


def _twin_at(curve: str, time_ns: float) -> float:
    linewidth_mhz = round(PAPER_LINEWIDTH_MHZ * coherence_ns(PAPER_LINEWIDTH_MHZ) / time_ns, 6)
    return _prediction(linewidth_mhz, window_ps(curve, linewidth_mhz)).total_skr_bps


WINDOW = Item(
    "window",
    "Key rate against the coincidence window",
    "Calibrated set at 0.4 mW, a shot a window.",
    window_shots,
    analyse_window,
)
COHERENCE_TIME = Item(
    "coherence_time",
    "Key rate against the coherence time",
    "Calibrated set at 0.4 mW with other linewidths of the ring.",
    coherence_shots,
    analyse_coherence,
)
