"""What links of a network that changes agree on, and that they then do what was said."""

import pytest

from netsim.simulation.run import simulate
from netsim.topology.load import load_topology
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import Timeline
from netsim.twin.agreement import agree
from netsim.twin.outlook import Outlook
from netsim.units import ps_from_s

USERS = ("alice", "bob")
FINITE = ("protocol.security=finite", "protocol.estimation=sample")


def dimmed(*overrides: str, after_s: float = 40.0) -> TopologySpec:
    """Five times the power at first, which leaves no key; as it should be ``after_s``."""
    bright = (f"qnsp.source.pumps.{pump}.power_mw=2.0" for pump in (0, 1))
    event = f'events=[{{time_s={after_s}, kind="power", power_mw=0.4}}]'
    return load_topology("two_user", overrides=("protocol.round_s=10", *bright, event, *overrides))


def plain(*overrides: str) -> TopologySpec:
    """As it should be throughout."""
    return load_topology("two_user", overrides=("protocol.round_s=10", *overrides))


def outlook_of(topology: TopologySpec, duration_s: float) -> Outlook:
    """All states within so much light."""
    return Outlook(tuple(Timeline(topology, stop_ps=ps_from_s(duration_s)).epochs()))


@pytest.mark.parametrize("overrides", [(), FINITE])
def test_key_of_one_state_is_expected(overrides: tuple[str, ...]) -> None:
    """With its terms and its share of the light, though the mean of all light has no key."""
    found = outlook_of(dimmed(*overrides), 100.0)
    mean = agree(found.network, USERS, found.lanes_of(USERS))
    assert mean.expected_key_bits == 0
    assert mean.notes[-1].startswith("no key expected")
    steady = agree(outlook_of(plain(*overrides), 1.0).network, USERS)
    agreed = found.agreement(USERS)
    assert agreed.profile == steady.profile
    assert agreed.notes == (*steady.notes, "key is expected in 60 % of the light only")
    assert steady.expected_key_bits is not None
    assert agreed.expected_key_bits == pytest.approx(0.6 * steady.expected_key_bits, abs=1)
    assert agreed.match_rate_hz == mean.match_rate_hz


def test_the_state_with_most_key_in_all_its_light_decides() -> None:
    """10 s of more key a round count less than 10 and 20 s of less; the rest has none."""
    powers_mw = ((60, 0.6), (70, 0.4), (80, 2.0), (90, 0.4))
    events = (f'{{time_s={at}, kind="power", power_mw={power}}}' for at, power in powers_mw)
    found = outlook_of(dimmed(f"events=[{', '.join(events)}]"), 110.0)
    most, least = (
        agree(outlook_of(plain(f"qnsp.source.pumps.*.power_mw={power}"), 1.0).network, USERS)
        for power in (0.6, 0.4)
    )
    assert most.expected_key_bits is not None
    assert least.expected_key_bits is not None
    assert least.expected_key_bits < most.expected_key_bits < 3 * least.expected_key_bits
    agreed = found.agreement(USERS)
    assert agreed.expected_key_bits == pytest.approx(30 / 110 * least.expected_key_bits, abs=1)
    assert agreed.profile == least.profile
    assert agreed.notes[-1] == "key is expected in 27.3 % of the light only"
    assert [lane.sifted_hz for lane in found.deciding_lanes(USERS)] == pytest.approx(
        [lane.sifted_hz for lane in outlook_of(plain(), 1.0).lanes_of(USERS)]
    )


def test_lanes_are_means_over_the_light() -> None:
    """Rates by the lengths of the states, the most by the brighter one; no lanes of strangers."""
    found = outlook_of(dimmed(), 100.0)
    bright, steady = (
        outlook_of(topology, 30.0).lanes_of(USERS) for topology in (dimmed(), plain())
    )
    lanes = found.lanes_of(USERS)
    assert len(lanes) == len(bright) == len(steady) > 0
    for lane, one, other in zip(lanes, bright, steady, strict=True):
        for name in ("coincidences_hz", "sifted_hz", "accidental_hz"):
            rate_hz = 0.4 * getattr(one, name) + 0.6 * getattr(other, name)
            assert getattr(lane, name) == pytest.approx(rate_hz, rel=1e-9)
        assert lane.light.coincidences_hz == pytest.approx(one.coincidences_hz, rel=1e-9)
        assert one.coincidences_hz > 5 * other.coincidences_hz
    assert found.lanes_of(("alice", "nobody")) == []


def test_no_state_with_key_and_one_state_alone() -> None:
    """What the mean says stands."""
    early = outlook_of(dimmed(), 30.0)
    assert early.agreement(USERS).notes[-1].startswith("no key expected from a round of 10 s")
    dark = dimmed("receivers.bench.z.contrast=0.1", "receivers.bench.x.contrast=0.1")
    found = outlook_of(dark, 100.0).agreement(USERS)
    assert found.expected_key_bits == 0
    assert found.notes[-1].startswith("no key expected from a round of 10 s")


def test_the_run_makes_what_was_expected() -> None:
    """Rounds of the bright half have none; the others have theirs, by terms that suit them."""
    topology = dimmed(*FINITE, after_s=30.0)
    # A block in a hundred fails verification: with seed 1 one of these does.
    (link,) = simulate(topology, duration_s=60.0, seed=2, fidelity="rate").links
    assert "key is expected in 50 % of the light only" in link.notes
    assert "no key expected" not in " ".join(link.notes)
    assert (link.counts.blocks, link.counts.blocks_failed) == (6, 3)
    expected = outlook_of(topology, 60.0).agreement(USERS).expected_key_bits
    assert link.counts.deposited_bits == pytest.approx(6 * (expected or 0), rel=0.1)
