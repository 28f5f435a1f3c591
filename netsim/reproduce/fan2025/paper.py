"""What the text of Fan et al. 2025 prints, for comparison only; nothing here enters a simulation.

Table 2 is in the section ``paper`` of the shipped topologies. Figures that the text gives as plots
only are not here: no point of a plot was read off.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

SOURCE = "Fan et al., Light: Science & Applications 14 (2025), doi 10.1038/s41377-025-01805-1"

SINGLES_HZ = {"C30": 108e3, "C42": 141e3, "C54": 57e3}
"""During the Franson interference, "~108 kHz, ~141 kHz, and ~57 kHz"; Results, on Fig. 3d-f."""

FRINGES = {("C30", "C38"): 0.871, ("C38", "C42"): 0.982, ("C38", "C54"): 0.904}
"""Raw visibilities at beta = pi/4; the same place. The text prints +- 0.5, 0.2 and 0.6 %."""

CLASS_MEANS = {"degenerate": 0.885, "non-degenerate": 0.961}
"""Means of the rows of Table 1 [calc]."""

LIMIT_VISIBILITY, LIMIT_QBER = 0.809, 0.095
""""80.9% and 9.5% with f = 1.2"; Results, section on key distribution."""

PRINTED_CD_HZ = 585.0
"""N_sift of C50&C30 in Table 2 as printed; 858.0 is compared as well (digits swapped, inferred)."""

STATES_PER_CHANNEL = 3
""""three quantum states are multiplexed on a common wavelength"; Results, network scheme."""

LIMITS = (
    (
        "The supplement was not available: losses of every set-up (Notes 1 and 2, Tables S1 to "
        "S4), the comparison with a single pump (Table S5) and the theory of the key rate (Note "
        "7) are in it."
    ),
    (
        "Points of Fig. 3a to 3c, 3g, 4a, 4b and the histograms of Fig. 4c are plots; the text "
        "prints hardly any of their numbers, and none was read off. Such quantities have no value "
        "under Paper."
    ),
    (
        "Not in the text and assumed: coincidence window 2 ns (full width), detector jitter 70 "
        "ps, dark counts 100 Hz a detector, dead time 25 ns, interferometer delay 10 ns, a pump "
        "power of 0.4 mW (in the fibre) for the Franson interference, which interferometer has "
        "beta, fibres of 0.5 to 2 km."
    ),
    (
        "Transmittances, pair rates and contrasts are fitted to Table 2 (calibrated set, one "
        "number a lane or channel) or to its structure (eight numbers for all of it). Table 2 out "
        "of the calibrated set shows that the simulator reproduces it from device inputs; it is "
        "no test of the physics. Table 1, the dependence on power and the discussion were never "
        "fitted."
    ),
    (
        "Losses of the characterisation (Fig. 3, Table 1) are taken to be those of the network: "
        "rates there are not to be compared with the paper's, ratios and visibilities are."
    ),
    (
        "Table 2 prints N_sift = 585.0 Hz for C50&C30. With the QBER of 3.4 % beside it that "
        "gives 309.5 bit/s, not the printed 454.6; 858.0 Hz and 3.393 % give 454.6 exactly, and "
        "the printed total is the sum of the printed rates. So 585.0 is taken for 858.0 with its "
        "digits swapped: an inference, and it may be a flaw of the copy of the text that was used."
    ),
)


@dataclass(frozen=True, slots=True)
class Table1Row:
    """A row of Table 1.

    Attributes
    ----------
    process : str
        ``2p1``, ``2p2`` or ``p1+p2``.
    """

    process: str
    channels: tuple[str, str]
    visibility: float
    sigma: float

    @property
    def pair(self) -> str:
        """Name of the two channels."""
        return "&".join(self.channels)

    @property
    def kind(self) -> str:
        """Class of the process."""
        return "non-degenerate" if "+" in self.process else "degenerate"


@cache
def table_1() -> Sequence[Table1Row]:
    """All 24 rows, in the order of the print."""
    text = files(__package__).joinpath("table1.csv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    rows = []
    for row in csv.DictReader(lines):
        one, other = row["channels"].split("&")
        visibility, sigma = float(row["visibility"]), float(row["sigma"])
        rows.append(Table1Row(row["process"], (one, other), visibility, sigma))
    return tuple(rows)
