"""The coincidence level against the photon level, in every shipped topology."""

from dataclasses import dataclass

import pytest

import netsim
from netsim.results.fidelity import Fidelity
from netsim.topology.shipped import shipped_topologies
from tests.support.levels import deviations, runs_of

SEEDS, SIGMAS, MOST_SIGMAS = 20, 4.0, 6.0


@dataclass(frozen=True)
class Light:
    """Of each run, in rounds of which several fit into it."""

    duration_s: float
    round_s: float


LIGHT = {
    "alshowkan2021": Light(20, 5),
    "appas2021": Light(20, 5),
    "fan2025_four_user": Light(20, 5),
    "fan2025_structured": Light(20, 5),
    "honjo2008": Light(60, 20),
    "joshi2020": Light(12, 4),
    "liu2022": Light(6, 3),
    "liu2024": Light(20, 5),
    "one_pump_12_channels": Light(12, 4),
    "ten_users_34_channels": Light(8, 4),
    "ten_users_by_channels": Light(8, 4),
    "ten_users_by_key": Light(8, 4),
    "three_pumps": Light(20, 5),
    "time_sharing": Light(40, 5),
    "two_user": Light(20, 5),
    "wang2026": Light(12, 4),
    "wengerowsky2018": Light(20, 5),
}


def test_every_shipped_topology_is_compared() -> None:
    """None is left out below."""
    assert sorted(LIGHT) == sorted(shipped_topologies())


EVENTS = """[
    {time_s=3.3, kind="cut", user="bob"},
    {time_s=6.1, kind="repair", user="bob"},
    {time_s=9.7, kind="attenuate", user="alice", extra_loss_db=2.0},
    {time_s=13.2, kind="power", power_mw=0.3},
    {time_s=18.4, kind="leave", user="charlie"},
    {time_s=24.9, kind="join", user="charlie"},
    {time_s=27.7, kind="detectors-off", user="dave"},
    {time_s=31.3, kind="detectors-on", user="dave"},
]"""


def compared(light: Light, name: str, *overrides: str) -> dict[str, float]:
    """By how many standard errors the levels differ in each figure."""
    topology = netsim.load_topology(
        name, overrides=(f"protocol.round_s={light.round_s}", *overrides)
    )
    photon, coincidence = (
        runs_of(topology, level, duration_s=light.duration_s, seeds=SEEDS)
        for level in (Fidelity.PHOTON, Fidelity.COINCIDENCE)
    )
    return deviations(photon, coincidence)


def assert_close(found: dict[str, float]) -> None:
    """One figure of a thousand, and one more, may be off by four standard errors, none by six.

    By chance 0.3 of a thousand are off by four, and 0.5 of a million by six (Student's t).
    """
    off = {figure: sigmas for figure, sigmas in found.items() if abs(sigmas) > SIGMAS}
    assert len(off) <= 1 + len(found) // 1000, off
    assert all(abs(sigmas) <= MOST_SIGMAS for sigmas in off.values()), off


@pytest.mark.slow
@pytest.mark.parametrize("name", LIGHT)
def test_levels_agree(name: str) -> None:
    """Twenty seeds of each, judged by their own scatter."""
    assert_close(compared(LIGHT[name], name))


@pytest.mark.slow
def test_levels_agree_where_networks_change() -> None:
    """Fibres, power, users and detectors come and go.

    All but what rounds had sifted that a leaving user broke off: frames are longer without photons,
    and what the last one holds is not matched any more.
    """
    found = compared(Light(40, 10), "fan2025_four_user", f"events={EVENTS}")
    links = [("alice", "charlie"), ("bob", "charlie"), ("charlie", "dave")]
    broken_off = {f"{users} sifted" for users in links}
    assert broken_off < found.keys()
    assert_close({figure: found[figure] for figure in found.keys() - broken_off})
