"""What links agree on before the first round: it follows from the topology and the twin alone."""

import json
import math

import pytest

from netsim.topology.load import load_topology, parse_topology
from netsim.topology.network import Network, build_network
from netsim.twin.agreement import RATIOS, agree, best_basis_ratio, enough_s, expect, leak_budget
from netsim.twin.prediction import predict
from protocols.security import ONE_WAY_COUNT, Finite
from tests.oracles.tails import entropy_bits
from tests.support.agreed import link_config
from tests.support.links import link_of
from tests.unit.netsim.topology.texts import FOUR_USERS

LDPC = ("protocol.reconciliation=ldpc", "protocol.error_correction_charge=measured")
FINITE = ("protocol.security=finite", "protocol.estimation=sample")
USERS = ("alice", "bob")


def network(name: str, *overrides: str) -> Network:
    """A shipped topology, worked out."""
    return build_network(load_topology(name, overrides=overrides))


def test_expectation_is_the_twin_times_the_round() -> None:
    """Bits per lane and basis for the given seconds, error rates as they are."""
    net = network("fan2025_four_user")
    lanes = [lane for lane in predict(net).lanes if lane.users == ("charlie", "dave")]
    expectation = expect(lanes, 100.0, net.topology.protocol)
    assert len(expectation.lanes) == 2
    for lane, expected in zip(lanes, expectation.lanes, strict=True):
        assert expected.bits == pytest.approx(100.0 * lane.sifted_hz, rel=1e-12)
        assert expected.qber == pytest.approx(lane.qber, rel=1e-12)
        assert expected.z_bits == pytest.approx(expected.x_bits, rel=1e-3)


@pytest.mark.parametrize(
    ("overrides", "efficiency"),
    [
        ((), 1.2),
        (("protocol.error_correction_charge=measured",), 1.1),
        (("protocol.error_correction_charge=both-directions",), 2.2),
        (("protocol.leak_efficiency=1.3",), 1.3),
        (
            ("protocol.leak_efficiency=1.3", "protocol.error_correction_charge=both-directions"),
            2.6,
        ),
    ],
)
def test_leak_budget(overrides: tuple[str, ...], efficiency: float) -> None:
    """The variant's, in the paper's profile 1.2 at least; twice where questions are booked."""
    budget = leak_budget(network("two_user", *overrides).topology.protocol)
    shannon_bits = 1e5 * entropy_bits(0.034)
    assert budget.bits(1e5, 0.034, seen_bits=1e4) == pytest.approx(efficiency * shannon_bits)


@pytest.mark.parametrize(
    ("bits", "error_rate", "least", "most"),
    [(1e4, 0.01, 1.4, 1.8), (6e4, 0.034, 1.1, 1.2), (1e6, 0.076, 1.06, 1.09)],
)
def test_budget_of_codes(bits: float, error_rate: float, least: float, most: float) -> None:
    """Of LDPC codes by length and error rate; much of the same light leaves the estimate alone."""
    budget = leak_budget(network("two_user", *LDPC).topology.protocol)
    shannon_bits = bits * entropy_bits(error_rate)
    assert least < budget.bits(bits, error_rate, seen_bits=1e9) / shannon_bits < most
    assert budget.bits(bits, error_rate, seen_bits=1e4) > budget.bits(
        bits, error_rate, seen_bits=1e5
    )


def test_both_ends_get_the_same_public_terms() -> None:
    """The terms are in the link's description, which is JSON and is bound by every tag."""
    net = network("two_user", *FINITE, "protocol.round_s=60")
    config, agreement = link_config(net, USERS), agree(net, USERS)
    assert config.profile == agreement.profile
    assert (config.profile.security, config.profile.estimation) == ("finite", "sample")
    assert 0 < config.terms.sample_share < 0.5
    assert 0.015 < config.terms.qber_threshold < 0.03
    values = json.loads(json.dumps(config.flat()))
    values["lane_delays_ps"] = tuple(values["lane_delays_ps"])
    assert link_of(values).digest() == config.digest()
    other = link_of(values | {"sample_share": config.terms.sample_share + 1e-6})
    assert other.digest() != config.digest()


def test_first_estimate_fits_the_leak_budget() -> None:
    """With a leak budget the first block starts from the twin's error rate, else from the guess."""
    (lane,) = predict(network("two_user")).lanes
    assert link_config(network("two_user"), USERS).profile.initial_qber == 0.05
    for overrides in (FINITE, ("protocol.security=two-basis",)):
        config = link_config(network("two_user", *overrides), USERS)
        assert config.profile.initial_qber == pytest.approx(lane.qber, rel=1e-12)
    net = network("fan2025_four_user", "protocol.security=two-basis")
    rates = [lane.qber for lane in predict(net).lanes if lane.users == ("charlie", "dave")]
    pooled = link_config(net, ("charlie", "dave")).profile.initial_qber
    assert min(rates) < pooled < max(rates)


def test_ldpc_begins_above_the_error_rate_of_the_worst_lane() -> None:
    """One message cannot be mended: below the true rate the first round would be lost.

    Above the twin's rate by one to four standard deviations of a round, on each of six links, most
    of which have more than the 0.05 that the file guesses. Cascade, which asks, begins with that.
    """
    net, cascade = network("fan2025_four_user", *LDPC), network("fan2025_four_user")
    lanes = predict(net).lanes
    links = {lane.users for lane in lanes}
    assert len(links) == 6
    poor = 0
    for users in links:
        worst = max((lane for lane in lanes if lane.users == users), key=lambda lane: lane.qber)
        bits = worst.sifted_hz * net.topology.round_s_of(users)
        deviations = (link_config(net, users).profile.initial_qber - worst.qber) / math.sqrt(
            worst.qber * (1.0 - worst.qber) / bits
        )
        assert 1.0 < deviations < 4.0
        poor += worst.qber > 0.05
        assert link_config(cascade, users).profile.initial_qber == 0.05
    assert poor >= 3


def test_plan_of_a_link_is_that_of_its_security() -> None:
    """What a link agrees on is what the security variant plans for the twin's rates."""
    net = network("two_user", *FINITE, "protocol.round_s=60")
    lanes = predict(net).lanes
    agreement = agree(net, USERS)
    plan = Finite().plan(expect(lanes, 60.0, net.topology.protocol), agreement.profile.terms)
    assert plan.key_bits == agreement.expected_key_bits
    assert (plan.key_bits or 0) > 30_000
    assert agreement.notes == (ONE_WAY_COUNT,)


def test_rounds_too_short_for_key_say_how_long_they_should_be() -> None:
    """At 30 s the weak links hold no finite key; the note names counts and a length that would."""
    net = network("fan2025_four_user", *FINITE)
    agreement = agree(net, ("bob", "dave"))
    assert agreement.expected_key_bits == 0
    note = agreement.notes[-1]
    assert note.startswith("no key expected from a round of 30 s (")
    seconds = float(note.split("rounds of about ")[1].split(" s")[0])
    long = network("fan2025_four_user", *FINITE, f"protocol.round_s={seconds}")
    assert (agree(long, ("bob", "dave")).expected_key_bits or 0) > 0


def _hour_bits(users: tuple[str, str], round_s: float) -> float:
    """Key expected in an hour of such rounds."""
    net = network("fan2025_four_user", *FINITE, f"protocol.round_s={round_s}")
    return (agree(net, users).expected_key_bits or 0) * 3600 / round_s


@pytest.mark.parametrize(
    ("users", "enough"), [(("alice", "bob"), 720), (("charlie", "dave"), 1200)]
)
def test_enough_is_the_shortest_round(users: tuple[str, str], enough: int) -> None:
    """It holds 90 % of the key of an hour in one round; with one round more it would not."""
    net = network("fan2025_four_user", *FINITE)
    assert enough_s(net, users, 3600) == pytest.approx(enough)
    one_round_less = 3600 / (3600 / enough + 1)
    wanted = 0.9 * _hour_bits(users, 3600)
    assert _hour_bits(users, enough) >= wanted > _hour_bits(users, one_round_less) > 0


def test_enough_may_be_all_or_nothing() -> None:
    """The weakest link needs the whole hour, and gets nothing from ten minutes."""
    net = network("fan2025_four_user", *FINITE)
    assert enough_s(net, ("bob", "dave"), 3600) == 3600
    assert enough_s(net, ("bob", "dave"), 600) is None


def test_hopeless_links_say_so() -> None:
    """With pumps five times as strong no length of a round gives key."""
    strong = tuple(f"qnsp.source.pumps.{k}.power_mw=2.0" for k in range(2))
    net = network("fan2025_four_user", *FINITE, *strong)
    agreement = agree(net, ("bob", "dave"))
    assert agreement.notes[-1].endswith("nor from a longer one")


def test_lanes_that_lower_the_key_of_their_link_are_named() -> None:
    """C54&C26 with a poor contrast: without it the link has what a link of one lane has."""
    rounds = ("protocol.round_s=1200", *FINITE, *LDPC)
    poor = (*rounds, "qnsp.source.pairs.C26&C54.contrast=0.6")
    users = ("charlie", "dave")
    net = network("fan2025_four_user", *poor)
    both = agree(net, users)
    alone = agree(net, users, [lane for lane in predict(net).lanes if lane.users == users][1:])
    assert alone.expected_key_bits
    (note,) = (note for note in both.notes if "without it" in note)
    assert note == (
        f"lane C54 & C26: {alone.expected_key_bits} bits of key a round without it, "
        f"{both.expected_key_bits} with"
    )
    good = agree(network("fan2025_four_user", *rounds), users)
    assert not any("without it" in note for note in good.notes)
    asymptotic = network("fan2025_four_user", poor[-1])
    assert not any("without it" in note for note in agree(asymptotic, users).notes)


def test_unauthenticated_links_are_marked_and_hold_no_pads() -> None:
    """Authentication none is said wherever results are, and no pre-shared pads are booked."""
    net = network("two_user", "protocol.authentication=none")
    assert any("for study only" in note for note in agree(net, USERS).notes)
    assert link_config(net, USERS).initial_pads == 0
    assert link_config(network("two_user"), USERS).initial_pads == 64


def test_rounds_of_single_links_reach_their_ends() -> None:
    """A link's own round length sets its frames per round and its expectation."""
    spec = parse_topology(FOUR_USERS, overrides=['links=[{users=["alice","bob"],round_s=600.0}]'])
    net = build_network(spec)
    assert link_config(net, ("alice", "bob")).frames_per_round == 12_000
    assert link_config(net, ("alice", "dave")).frames_per_round == 600


def _entropy(x: float) -> float:
    return -x * math.log2(x) - (1 - x) * math.log2(1 - x)


def _upper(bits: float, rate: float) -> float:
    return 1.02 * rate + 3 * math.sqrt(rate * (1 - rate) / bits)


def _two_basis_bits(bits: tuple[float, float], rates: tuple[float, float]) -> int:
    """Key of a round by arXiv:1103.4130, written down anew, with f = 1.1, eps 1e-10 and t = 64."""
    eps, t = (1e-10 - 2.0**-64) / 2, 64
    tolerated = max(map(_upper, bits, rates))
    whole = [math.floor(n) for n in bits]
    lengths = []
    for n, k in (whole, whole[::-1]):
        mu = math.sqrt((n + k) * (k + 1) / (n * k * k) * math.log(4 / eps))
        phase = min(0.5, tolerated + mu)
        secret = n * (1 - (_entropy(phase) if phase < 0.5 else 1.0))
        lengths.append(max(0, math.floor(secret - math.log2(2 / eps**2) - t)))
    all_bits = math.fsum(bits)
    qber = math.fsum(b * r for b, r in zip(bits, rates, strict=True)) / all_bits
    counts = sum(math.ceil(b).bit_length() for b in bits)
    share = (1.1 * all_bits * _entropy(_upper(all_bits, qber)) + counts) / all_bits
    return max(0, sum(lengths) - math.ceil(share * sum(whole)))


@pytest.mark.parametrize(
    ("round_s", "lowest", "highest"), [(10, 0.5, 0.5), (20, 0.6, 0.7), (60, 0.7, 0.8)]
)
def test_best_ratio_is_that_of_the_formulas(round_s: int, lowest: float, highest: float) -> None:
    """Tried one by one with the formulas written down anew, no ratio gives more key."""
    overrides = ["protocol.security=two-basis", "protocol.basis=biased"]
    overrides += [f"protocol.round_s={round_s}", "protocol.error_correction_charge=measured"]
    tried = {}
    for step in range(50):
        ratio = 0.5 + step / 100
        net = network("two_user", *overrides, f"receivers.bench.z_probability={ratio}")
        (lane,) = predict(net).lanes
        bits = (lane.z_hz * round_s, lane.x_hz * round_s)
        tried[ratio] = _two_basis_bits(bits, (lane.z_qber, lane.x_qber)) / round_s
    best = best_basis_ratio(load_topology("two_user", overrides=overrides))
    assert best.z_probability == pytest.approx(max(tried, key=tried.__getitem__))
    assert best.key_bps == pytest.approx(max(tried.values()), abs=1.5 / round_s)
    assert best.symmetric_key_bps == pytest.approx(tried[0.5], abs=1.5 / round_s)
    assert lowest <= best.z_probability <= highest


def test_bits_per_basis_follow_the_beam_splitters() -> None:
    """Two splitters that send p to Z sift p^2 to (1 - p)^2, but for dead time and dark counts."""
    for ratio in (0.5, 0.7, 0.9):
        overrides = ("protocol.basis=biased", f"receivers.bench.z_probability={ratio}")
        (lane,) = predict(network("two_user", *overrides)).lanes
        assert lane.z_hz / lane.x_hz == pytest.approx((ratio / (1 - ratio)) ** 2, rel=0.02)


def test_best_basis_ratio() -> None:
    """It beats its neighbours and the balanced choice; longer rounds make it more extreme."""
    overrides = ("protocol.security=two-basis", "protocol.basis=biased")
    found = []
    for round_s in (60, 3600):
        spec = load_topology("two_user", overrides=[*overrides, f"protocol.round_s={round_s}"])
        found.append(best_basis_ratio(spec))
    short, long = found
    assert 0.5 < short.z_probability < long.z_probability < 0.99
    for ratio in found:
        assert ratio.z_probability in RATIOS
        assert ratio.key_bps > ratio.symmetric_key_bps > 0
    net = network(
        "two_user",
        *overrides,
        "protocol.round_s=60",
        f"receivers.bench.z_probability={short.z_probability}",
    )
    expected_bps = (agree(net, USERS).expected_key_bits or 0) / 60
    assert math.isclose(expected_bps, short.key_bps, rel_tol=1e-12)
