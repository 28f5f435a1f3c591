"""Announcements that are too long for clocks that wander."""

import math

import numpy as np
import pytest

import netsim
from netsim.cli.app import run_command
from netsim.topology.network import build_network
from netsim.twin.following import clock_warnings, followed_s

LIGHT_S = 4.0
WANDERING = ("receivers.bench.clock.allan_deviation_1s=1e-8", f"protocol.announcement_s={LIGHT_S}")


@pytest.mark.parametrize("wander", [1e-10, 7e-9])
def test_longest_announcement_moves_the_clocks_by_ten_nanoseconds(wander: float) -> None:
    """Sums of 400 steps of white frequency noise, 4000 of them, at five sigma of their scatter."""
    light_s, walks, steps = followed_s(wander), 4000, 400
    rng = np.random.default_rng(5)
    moves_s = rng.normal(0.0, wander * math.sqrt(light_s / steps), (walks, steps)).sum(axis=1)
    scatter = math.sqrt(float(np.mean(moves_s**2)))
    assert scatter == pytest.approx(10e-9, rel=5 / math.sqrt(2 * walks))


@pytest.mark.parametrize(
    ("overrides", "warned"),
    [
        ((), False),
        (WANDERING[:1], False),
        (WANDERING[1:], False),
        (WANDERING, True),
        ((*WANDERING, "protocol.round_s=0.4"), False),
    ],
)
def test_long_announcements_of_wandering_clocks_are_warned_of(
    overrides: tuple[str, ...], warned: bool
) -> None:
    """Neither alone is; an announcement is no longer than a round."""
    network = build_network(netsim.load_topology("two_user", overrides=overrides))
    faults = clock_warnings([network])
    assert [fault.path for fault in faults] == ["protocol.announcement_s"] * warned
    assert all("wander by 28.3 ns" in fault.message for fault in faults)


def test_validate_tells(capsys: pytest.CaptureFixture[str]) -> None:
    """With the path of the number."""
    changes = [f"--set={override}" for override in WANDERING]
    assert run_command(["validate", "two_user", *changes]) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert "warning: protocol.announcement_s: the clocks of alice & bob wander by 28.3 ns" in told


def test_such_announcements_do_lose_bits() -> None:
    """The same light in shorter ones loses none: 5 sigma of the bits that are there."""
    overrides = (*WANDERING, "protocol.reconciliation=modelled")
    long, short = (
        netsim.simulate(
            "two_user",
            duration_s=30,
            seed=3,
            overrides=(*overrides, f"protocol.announcement_s={light_s}"),
        )
        for light_s in (LIGHT_S, 0.5)
    )
    there = short.lanes[0].sifted_bits
    assert long.lanes[0].sifted_bits == there
    assert abs(short.links[0].counts.sifted_bits - there) < 5 * math.sqrt(there)
    assert long.links[0].counts.sifted_bits < 0.9 * there
