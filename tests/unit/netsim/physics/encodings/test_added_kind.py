"""Kinds of receivers that are registered here go through topology, receiver, twin and planner."""

import numpy as np
import pytest

import netsim
from netsim.errors import ConfigError
from netsim.physics.encodings import registry
from netsim.physics.encodings.polarisation import Polarisation
from netsim.physics.encodings.registry import encoding_class, kinds, register
from netsim.plan.comb import build_comb
from netsim.plan.hardware import Hardware
from netsim.plan.rates import build_rates
from netsim.plan.sites import central_sites
from netsim.simulation.photons import PhotonCounts, count_photons
from netsim.topology.load import topology_from_mapping
from netsim.topology.network import build_network
from netsim.topology.schema import topology_schema
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import Epoch
from netsim.twin.coincidences import detector_rates_hz
from netsim.twin.detectors import clicks_hz
from netsim.twin.prediction import predict, predict_epochs
from tests.support.agreed import link_config
from tests.support.bounds import assert_binomial, assert_poisson
from tests.support.photons import run_photons
from tests.unit.netsim.physics.encodings.kinds import STEP_PS, OneBasis, Stepped, Turned

LINK = ("alice", "bob")


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    monkeypatch.setattr(registry, "_registered", {})


SHORT = "frame_s=0.05"
"""As chosen for kinds that were added."""


def two_users(kind: str, *overrides: str) -> TopologySpec:
    """The shipped network of two users, all receivers of one kind without delays."""
    delays = (f"receivers.bench.{basis}.delay_ps=0.0" for basis in ("z", "x"))
    return netsim.load_topology(
        "two_user", overrides=[f"receivers.bench.kind={kind}", *delays, *overrides]
    )


def faults_of(kind: str, *overrides: str) -> dict[str, str]:
    """Faults of that network by path."""
    with pytest.raises(ConfigError) as caught:
        two_users(kind, *overrides)
    return {fault.path: fault.message for fault in caught.value.faults}


def counted(topology: TopologySpec, duration_s: float) -> PhotonCounts:
    """What the detectors of a run count."""
    return count_photons(topology, duration_s=duration_s, seed=5)


def test_a_kind_has_to_be_registered() -> None:
    """Before: a fault that lists those there are. After: a topology, and a line in the schema."""
    fault = {
        "receivers.bench.kind": (
            "the text 'turned' is not 'franson', 'polarisation', 'delayed-basis' or 'time-bin'"
        )
    }
    assert faults_of("turned") == fault
    register("turned", Turned)
    assert isinstance(two_users("turned").receivers["bench"].encoding, Turned)
    receiver = topology_schema()["$defs"]["ReceiverSpec"]  # type: ignore[index]
    assert receiver["properties"]["kind"]["enum"] == [
        "franson",
        "polarisation",
        "delayed-basis",
        "time-bin",
        "turned",
    ]


def test_names_that_are_built_in_stay_what_they_are() -> None:
    """They are not replaced; a registered one is."""
    with pytest.raises(ValueError, match="'polarisation' of receiver is built in"):
        register("polarisation", Turned)
    assert encoding_class("polarisation") is Polarisation
    register("mine", Turned)
    register("mine", Stepped)
    assert encoding_class("mine") is Stepped
    assert kinds() == ("franson", "polarisation", "delayed-basis", "time-bin", "mine")


def test_same_law_gives_the_same_clicks() -> None:
    """Polarisation under another name: click by click what the built-in kind gives."""
    register("mine", type("Mine", (Polarisation,), {}))
    one, other = (run_photons(two_users(kind), duration_s=0.1) for kind in ("polarisation", "mine"))
    for user in LINK:
        assert one.all_clicks(user).size > 1000
        assert np.array_equal(one.all_clicks(user), other.all_clicks(user))


def test_added_kind_runs_and_distils_key() -> None:
    """A whole run: as much secret key as the built-in kind with the same law."""
    register("mine", type("Mine", (Polarisation,), {}))
    (one, other) = (
        netsim.simulate(
            two_users(kind, "protocol.round_s=1.0", SHORT), duration_s=1.0, seed=1
        ).links[0]
        for kind in ("polarisation", "mine")
    )
    assert one.counts.deposited_bits > 1000
    assert other == one


def test_simulation_and_twin_take_the_fringe_of_the_added_kind() -> None:
    """Turned by pi together, nearly all bits are wrong, as the twin says, in either basis."""
    register("turned", Turned)
    topology = two_users("turned")
    (lane,) = predict(build_network(topology)).lanes
    assert lane.z_qber > 0.98
    assert lane.x_qber > 0.98
    counts = counted(topology, 0.3).lanes[0].counts
    assert counts.sifted_z > 300
    assert_binomial(counts.errors_z, counts.sifted_z, lane.z_qber)
    assert_binomial(counts.errors_x, counts.sifted_x, lane.x_qber)
    assert_poisson(counts.sifted_bits, 0.3 * lane.sifted_hz)


def test_parties_learn_where_side_peaks_are_from_the_encoding() -> None:
    """None of polarisation, the mean delay of interferometers."""
    assert link_config(build_network(two_users("polarisation")), LINK).umi_delay_ps == 0
    topology = netsim.load_topology("two_user", overrides=["receivers.bench.x.delay_ps=10_400"])
    assert link_config(build_network(topology), LINK).umi_delay_ps == 10_200


def test_settings_may_depend_on_time() -> None:
    """Plates that turn in the middle of a run: right bits before, wrong ones after; twin too."""
    register("stepped", Stepped)
    topology = two_users("stepped")
    network = build_network(topology)
    before_hz, after_hz = (
        detector_rates_hz(network, network.lanes[0], time_ps=time_ps)[0] for time_ps in (0, STEP_PS)
    )
    assert before_hz[0, 0] > 100 * before_hz[0, 1]
    assert after_hz[0, 1] > 100 * after_hz[0, 0]
    epochs = (Epoch(0, STEP_PS, network), Epoch(STEP_PS, 3 * STEP_PS, network))
    (lane,) = predict_epochs(epochs).lanes
    assert lane.true_hz == pytest.approx(float(np.sum((before_hz + 2 * after_hz)[:2, :2])) * 2 / 3)
    assert lane.z_qber == pytest.approx(2 / 3, abs=0.01)
    counts = counted(topology, 3e-12 * STEP_PS).lanes[0].counts
    assert_binomial(counts.errors_z, counts.sifted_z, lane.z_qber)
    assert_binomial(counts.errors_x, counts.sifted_x, lane.x_qber)


def test_settings_that_stay_make_one_state_of_many_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs of one network are worked out once, and give what the network gives."""
    network = build_network(two_users("polarisation"))
    epochs = tuple(Epoch(k, k + 1, network) for k in range(8))
    asked: list[int] = []
    original = Polarisation.phase_rad

    def phase_rad(self: Polarisation, detector: int, label: int, time_ps: int) -> float:
        asked.append(time_ps)
        return original(self, detector, label, time_ps)

    monkeypatch.setattr(Polarisation, "phase_rad", phase_rad)
    assert predict_epochs(epochs).lanes == predict(network).lanes
    assert len(set(asked)) == 1


@pytest.fixture
def one_basis() -> TopologySpec:
    """Two users with two detectors each."""
    register("one-basis", OneBasis)
    return two_users("one-basis")


def test_receivers_may_have_two_detectors(one_basis: TopologySpec) -> None:
    """One entry stands for both; the other numbers of a click are never used."""
    assert len(one_basis.receivers["bench"].each_detector) == 2
    network = build_network(one_basis)
    (lane,) = predict(network).lanes
    assert lane.x_hz == 0.0
    assert lane.z_hz == lane.sifted_hz == lane.coincidences_hz > 100
    run = counted(one_basis, 0.3)
    for user in LINK:
        expected = clicks_hz(network, user)
        assert expected[2:].tolist() == run.singles[user][2:].tolist() == [0, 0]
        assert_poisson(int(run.singles[user][0]), 0.3 * float(expected[0]))
    counts = run.lanes[0].counts
    assert counts.sifted_z == counts.coincidences > 500
    assert_poisson(counts.sifted_z, 0.3 * lane.z_hz)
    assert_binomial(counts.errors_z, counts.sifted_z, lane.z_qber)


def test_number_of_detectors_is_that_of_the_kind(one_basis: TopologySpec) -> None:
    """Two entries are right for two detectors and wrong for four, and the other way round."""
    (detector,) = one_basis.receivers["bench"].model_dump()["detectors"]
    raw = one_basis.model_dump(exclude_none=True)
    raw["receivers"]["bench"]["detectors"] = [detector] * 2
    assert len(topology_from_mapping(raw).receivers["bench"].each_detector) == 2
    raw["receivers"]["bench"]["kind"] = "polarisation"
    with pytest.raises(ConfigError, match=r"for all four, or four: Z\+, Z-, X\+, X-$"):
        topology_from_mapping(raw)
    raw["receivers"]["bench"]["kind"] = "one-basis"
    raw["receivers"]["bench"]["detectors"] = [detector] * 4
    with pytest.raises(ConfigError, match=r"for all two, or two: Z\+, Z-$"):
        topology_from_mapping(raw)


def test_planner_refuses_detectors_that_it_does_not_know(one_basis: TopologySpec) -> None:
    """It plans receivers with Z+, Z-, X+, X-, and says so."""
    comb = build_comb((100,), 1, (0, 200))
    sites = central_sites(comb, 4)
    assert sites is not None
    rates = build_rates(Hardware(two_users("polarisation")), comb, sites, ("u0", "u1"))
    assert rates.shares.tolist() == [[0.25] * 4] * 2
    with pytest.raises(ConfigError, match=r"only Z\+, Z-, X\+, X- are planned"):
        build_rates(Hardware(one_basis), comb, sites, ("u0", "u1"))


KINDS_AND_DELAYS = [
    ("franson", (), "receivers.bench", "both interferometers need a delay_ps above 0"),
    (
        "polarisation",
        ("receivers.bench.x.delay_ps=10_000",),
        "receivers.bench",
        "a polarisation receiver has no delay_ps",
    ),
]


@pytest.mark.parametrize(("kind", "overrides", "path", "message"), KINDS_AND_DELAYS)
def test_optics_that_a_kind_cannot_have(
    kind: str, overrides: tuple[str, ...], path: str, message: str
) -> None:
    """The encoding says what is wrong, once, where the receiver is."""
    (found,) = faults_of(kind, *overrides).items()
    assert found[0] == path
    assert found[1].startswith(message)


def test_receivers_of_two_carriers_share_no_basis() -> None:
    """Polarisation and time bins in one network: refused at the later one."""
    raw = netsim.load_topology("two_user").model_dump(exclude_none=True)
    other = two_users("polarisation").model_dump(exclude_none=True)["receivers"]["bench"]
    raw["receivers"]["other"] = other
    raw["users"][1]["receiver"] = "other"
    with pytest.raises(ConfigError) as caught:
        topology_from_mapping(raw)
    # Once, and by the words of the file.
    (fault,) = caught.value.faults
    assert fault.path == "receivers.other.kind"
    assert fault.message.startswith(
        "receivers of kind franson and polarisation (bench, other) share no basis"
    )
