"""Eve, drifts, detunings and tired detectors that are switched off: every count as without them."""

from functools import cache

import pytest

import netsim
from netsim.simulation.photons import count_photons

OFF = {
    "two_user": (
        "qnsp.source.detuning={}",
        "qnsp.source.hidden_bits=false",
        "receivers.*.detectors.*.recovery_ps=0",
        "receivers.*.x.drift={walk_rad_per_sqrt_s=0.0}",
        "users.*.is_locked=true",
        "observers=[]",
        "events=[]",
    ),
    "wengerowsky2018": (
        "users.*.fibre.rotation_walk_rad_per_sqrt_s=0.0",
        "receivers.*.z.drift={walk_rad_per_sqrt_s=0.0}",
    ),
}
CASES = [(name, override) for name, overrides in OFF.items() for override in overrides]


def counts(name: str, *overrides: str) -> tuple[list[list[int]], ...]:
    """Coincidences by detector of each lane, and clicks of each user."""
    found = count_photons(netsim.load_topology(name, overrides=overrides), duration_s=0.2, seed=3)
    lanes = [lane.matches.tolist() for lane in found.lanes]
    return *lanes, [clicks.tolist() for clicks in found.singles.values()]


@cache
def plain_counts(name: str) -> tuple[list[list[int]], ...]:
    """Without any of it."""
    return counts(name)


@pytest.mark.parametrize(("name", "override"), CASES)
def test_every_count_is_as_without(name: str, override: str) -> None:
    """Photon by photon, bit for bit."""
    assert counts(name, override) == plain_counts(name)


def test_what_is_on_shows() -> None:
    """A walk of half a radian is noticed."""
    walk = "users.*.fibre.rotation_walk_rad_per_sqrt_s=0.5"
    assert counts("wengerowsky2018", walk) != plain_counts("wengerowsky2018")


@pytest.mark.parametrize(("name", "override"), CASES)
def test_rounds_are_as_without(name: str, override: str) -> None:
    """At the coincidence level: sifted bits, errors and key."""
    rounds = ("protocol.round_s=1", "protocol.reconciliation=modelled")
    plain, off = (
        netsim.simulate(name, duration_s=1.0, seed=3, overrides=each, fidelity="coincidence")
        for each in (rounds, (*rounds, override))
    )
    assert [lane.sifted_bits for lane in off.lanes] == [lane.sifted_bits for lane in plain.lanes]
    assert [lane.errors for lane in off.lanes] == [lane.errors for lane in plain.lanes]
    assert [link.counts.deposited_bits for link in off.links] == [
        link.counts.deposited_bits for link in plain.links
    ]
