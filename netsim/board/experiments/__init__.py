"""The experiments of the board, in its order; a new one is a module and a line here."""

from netsim.board.experiment import Experiment
from netsim.board.experiments.adhikari2026 import EXPERIMENT as ADHIKARI2026
from netsim.board.experiments.alshowkan2021 import EXPERIMENT as ALSHOWKAN2021
from netsim.board.experiments.appas2021 import EXPERIMENT as APPAS2021
from netsim.board.experiments.fan2025 import EXPERIMENT as FAN2025
from netsim.board.experiments.honjo2008 import EXPERIMENT as HONJO2008
from netsim.board.experiments.joshi2020 import EXPERIMENT as JOSHI2020
from netsim.board.experiments.ling2008 import EXPERIMENT as LING2008
from netsim.board.experiments.naik2000 import EXPERIMENT as NAIK2000
from netsim.board.experiments.neumann2022 import EXPERIMENT as NEUMANN2022
from netsim.board.experiments.theory import EXPERIMENT as THEORY
from netsim.board.experiments.wang2026 import EXPERIMENT as WANG2026

EXPERIMENTS: tuple[Experiment, ...] = (
    THEORY,
    FAN2025,
    ALSHOWKAN2021,
    APPAS2021,
    JOSHI2020,
    NEUMANN2022,
    WANG2026,
    HONJO2008,
    ADHIKARI2026,
    NAIK2000,
    LING2008,
)
