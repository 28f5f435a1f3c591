"""Fan et al., Light: Science & Applications 14 (2025): a network fed by a multiplexing source."""

from netsim.reproduce.fan2025 import (
    coherence,
    fig3_fringes,
    fig3_power,
    fig3g,
    fig4_power,
    fig4c,
    pumps,
    table1,
    table2,
)
from netsim.reproduce.fan2025.paper import LIMITS, SOURCE
from netsim.reproduce.item import Paper

PAPER = Paper(
    name="fan2025",
    title="Fan et al. 2025, figures and tables out of the simulator",
    source=SOURCE,
    limits=LIMITS,
    items=(
        fig3_power.FIG3A,
        fig3_power.FIG3B,
        fig3_power.FIG3C,
        fig3_fringes.FIG3D,
        fig3_fringes.FIG3E,
        fig3_fringes.FIG3F,
        fig3g.ITEM,
        table1.ITEM,
        fig4_power.FIG4A,
        fig4_power.FIG4B,
        fig4c.ITEM,
        table2.ITEM,
        pumps.SINGLE_PUMP,
        coherence.WINDOW,
        coherence.COHERENCE_TIME,
        pumps.THREE_PUMPS,
    ),
)
"""All of it; a new figure is one more line here."""
