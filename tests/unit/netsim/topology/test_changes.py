"""Changes of the network: whatever can change takes effect, nothing is ignored, kinds are open."""

from collections.abc import Iterator
from typing import Any, Literal

import pytest

from netsim.devices.qnsp import emission_plan
from netsim.errors import ConfigError
from netsim.topology.base import Spec
from netsim.topology.changes import CHANGES, Change, Leave, StateT, register_change
from netsim.topology.followed import FOLLOWED, fixed_differences
from netsim.topology.load import load_topology, parse_topology
from netsim.topology.observers import ObserverSpec
from netsim.topology.receiver import BellSpec, DriftSpec
from netsim.topology.schema import known_keys
from netsim.topology.source import DetuningSpec, PairFactorSpec, RingDataSpec, RingSourceSpec
from netsim.topology.specs import TopologySpec
from netsim.topology.state import DeliveredChannelSpec, LinkSpec, StateSpec
from netsim.topology.stray import LeakageSpec, LitLineSpec, RamanSpec
from netsim.topology.timeline import Timeline, is_same_network
from netsim.topology.wire import BandwidthChangeSpec, OutageSpec
from netsim.units import PS_PER_S
from tests.unit.netsim.topology.texts import FOUR_USERS

Path = tuple[str | int, ...]
SAMPLES = {
    "self_pairs": "deliver",
    "statistics": "thermal",
    "channel": "C30",
    "channels": ("C30", "C38"),
    "user": "dave",
}
"""Other values for fields where not every one means something else."""


class Become(Change):
    """The network becomes another one, whatever that takes."""

    kind: Literal["become"] = "become"
    """What changes."""
    state: StateSpec
    """As it is from then on."""

    def applied_to(self, topology: StateT) -> StateT:
        """As this change says."""
        values = {name: getattr(self.state, name) for name in StateSpec.model_fields}
        return topology.model_copy(update=values)


def updated(topology: TopologySpec, **changes: object) -> TopologySpec:
    """With other sections."""
    return topology.model_copy(update=changes)


def rich_topologies() -> list[TopologySpec]:
    """Networks in which every field of a state is given somewhere, and none stands for another."""
    ring = parse_topology(FOUR_USERS)
    observer = ObserverSpec(kind="pass", user="alice", position=0.5, stop_s=9.0)
    source = ring.qnsp.source
    assert isinstance(source, RingSourceSpec)
    pair = PairFactorSpec(channels=("C38", "C42"), factor=0.9, contrast=0.8, phase_rad=0.1)
    locked = DetuningSpec(temperature_k=0.01, residual_hz=2e6)
    source = source.model_copy(update={"pairs": (pair,), "dispersion_hz": 1e6, "detuning": locked})
    itself = DeliveredChannelSpec(channel="C40", users=("alice", "bob"), loss_db=2.0)
    first = ring.qnsp.channels[0].model_copy(update={"noise_hz_per_mw": 10.0})
    channels = (first, *ring.qnsp.channels[1:], itself)
    leakage = LeakageSpec(isolation_db=90.0, lines=(LitLineSpec(channel="C22", power_mw=0.01),))
    qnsp = ring.qnsp.model_copy(update={"source": source, "channels": channels, "leakage": leakage})
    clock = ring.clock_of(ring.users[0]).model_copy(update={"offset_ps": 5, "rate_ppm": 0.1})
    raman = RamanSpec(power_mw=1.0, coefficient_per_km_nm=3e-9, bandwidth_nm=0.8)
    fibre = ring.users[0].fibre.model_copy(update={"raman": raman})
    user = ring.users[0].model_copy(update={"clock": clock, "fibre": fibre})
    receivers = {
        name: receiver.model_copy(
            update={
                "detectors": (receiver.detectors[0].model_copy(update={"calibration_ps": 1.0}),),
                "z": receiver.z.model_copy(update={"drift": DriftSpec(walk_rad_per_sqrt_s=0.1)}),
                "bell": BellSpec(share=0.1),
            }
        )
        for name, receiver in ring.receivers.items()
    }
    protocol = ring.protocol.model_copy(
        update={
            "abort_qber": 0.1,
            "sample_share": 0.1,
            "leak_efficiency": 1.2,
            "announcement_s": 0.5,
        }
    )
    classical = ring.classical.model_copy(
        update={
            "bandwidth_changes": (
                BandwidthChangeSpec(time_s=1.0, bandwidth_bps=1e6, link="alice-bob"),
            ),
            "outages": (OutageSpec(start_s=1.0, stop_s=2.0, link="alice-bob"),),
        }
    )
    full = updated(
        ring,
        frame_s=0.02,
        qnsp=qnsp,
        users=(user, *ring.users[1:]),
        receivers=receivers,
        links=(LinkSpec(users=("alice", "bob"), round_s=3.0),),
        classical=classical,
        protocol=protocol,
        observers=(observer.model_copy(update={"options": {"share": 0.5}}),),
    )
    chip = source.model_copy(
        update={
            "ring": RingDataSpec(gamma_per_w_m=1.0, group_index=2.0, radius_um=100.0),
            "brightness_hz_per_mw2": None,
            "linewidth_hz": None,
            "quality_factor": 1e6,
            "detuning": DetuningSpec(temperature_k=0.01, wander_k=0.001, is_locked=False),
        }
    )
    of_chip = updated(full, qnsp=qnsp.model_copy(update={"source": chip}))
    return [full, of_chip, rich_crystal(), *pulsed()]


def pulsed() -> Iterator[TopologySpec]:
    """A crystal and a ring with pulses, of so many modes, and gates."""
    crystal = load_topology("honjo2008", overrides=["qnsp.source.pulses.modes=3.0"])
    kind = ("receivers.bench.kind=time-bin", "receivers.bench.z.delay_ps=0.0")
    delay = ("receivers.bench.x.delay_ps=1000.0", "protocol.window_ps=1000")
    light = ("qnsp.source.statistics=poisson", "qnsp.source.linewidth_hz=50e9")
    pulses = "qnsp.source.pulses={slot_ps=1000, period_ps=3000}"
    fibre = "users.*.fibre.dispersion_ps_per_nm_km=0.0"
    ring = load_topology("two_user", overrides=[*kind, *delay, *light, pulses, fibre])
    for topology in (crystal, ring):
        dave = topology.users[0].model_copy(update={"name": "dave"})
        yield updated(topology, users=(*topology.users, dave))


def rich_crystal() -> TopologySpec:
    """A crystal with a channel that pairs with itself, and a pair unlike the others."""
    topology = load_topology("wengerowsky2018")
    pair = PairFactorSpec(channels=("C33", "C35"), factor=0.9, contrast=0.8, phase_rad=0.1)
    itself = DeliveredChannelSpec(channel="C34", users=("alice", "bob"), loss_db=2.0)
    qnsp = topology.qnsp.model_copy(
        update={
            "source": topology.qnsp.source.model_copy(update={"pairs": (pair,)}),
            "channels": (*topology.qnsp.channels, itself),
        }
    )
    return updated(topology, qnsp=qnsp)


def fields(value: object, path: Path = ()) -> Iterator[tuple[Path, type[Spec], str]]:
    """Path, spec and name of every field of ``value`` and of all specs in it."""
    parts: dict[Any, object] = {}
    match value:
        case Spec():
            parts = {name: getattr(value, name) for name in type(value).model_fields}
            yield from (((*path, name), type(value), name) for name in parts)
        case dict():
            parts = value
        case tuple():
            parts = dict(enumerate(value))
    for key, part in parts.items():
        yield from fields(part, (*path, key))


def holds_specs(value: object) -> bool:
    """Whether a field is looked at part by part."""
    return next(fields(value), None) is not None


def other(name: str, value: object) -> object:
    """Another value, never one that means the same."""
    if name in SAMPLES:
        return SAMPLES[name]
    match value:
        case bool():
            found: object = not value
        case int():
            found = value + 2
        case float():
            found = 0.75 * value + 0.01
        case str():
            found = value + "x"
        case dict():
            found = {}
        case tuple():
            found = value[::-1] if len(value) > 1 else ("dave",)
        case _:
            raise AssertionError((name, value))
    return found


def changed(value: Any, path: Path, name: str) -> Any:
    """A copy with another value at ``path``."""
    if not path:
        return other(name, value)
    key, rest = path[0], path[1:]
    if isinstance(value, Spec):
        assert isinstance(key, str)
        return value.model_copy(update={key: changed(getattr(value, key), rest, name)})
    if isinstance(value, dict):
        return value | {key: changed(value[key], rest, name)}
    return tuple(changed(v, rest, name) if k == key else v for k, v in enumerate(value))


def seen_by_devices(timeline: Timeline, time_s: int) -> str:
    """All that source and receivers are told of the light at a time."""
    network = timeline.network_at(time_s * PS_PER_S)
    topology = network.topology
    plan = emission_plan(network, timeline.process_indices)
    pairs = [process.dark for process in network.processes]
    locks = [(user.is_locked, user.alignments) for user in topology.users]
    return repr((plan, pairs, topology.qnsp.source.bandwidth_hz, locks))


def outcome(topology: TopologySpec, path: Path, name: str) -> str:
    """What becomes of a network in which that field changes after one second."""
    state = changed(topology, path, name)
    event = Become(time_s=1.0, state=state)
    if next(fixed_differences(topology, state), None) is not None:
        with pytest.raises(ValueError, match="cannot change during a run"):
            Timeline(updated(topology, events=(event,)), stop_ps=2 * PS_PER_S)
        return "refused"
    timeline = Timeline(updated(topology, events=(event,)), stop_ps=2 * PS_PER_S)
    before, after = (seen_by_devices(timeline, time_s) for time_s in (0, 1))
    return "followed" if before != after else "ignored"


def at(value: Any, path: Path) -> Any:
    """What stands at ``path``."""
    for key in path:
        value = getattr(value, str(key)) if isinstance(value, Spec) else value[key]
    return value


@pytest.mark.slow
def test_every_field_takes_effect_or_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each field of a state changes within a run: the light follows, or the change is refused.

    Fields are found by looking, so that a new one without effect fails here, and one that no
    network of this test gives, too.
    """
    networks = rich_topologies()
    monkeypatch.setitem(CHANGES, "become", Become)
    found: dict[tuple[str, str], set[str]] = {}
    for topology in networks:
        state = StateSpec.model_construct(
            **{name: getattr(topology, name) for name in StateSpec.model_fields}
        )
        for path, owner, name in fields(state):
            outcomes = found.setdefault((owner.__name__, name), set())
            if holds_specs(value := at(state, path)):
                outcomes.add("below")
            elif value not in (None, (), {}):
                outcomes.add(outcome(topology, path, name))
    assert {field for field, seen in found.items() if not seen - {"ignored"}} == set()
    followed = {field for field, seen in found.items() if seen & {"followed", "below"}}
    promised = {(owner.__name__, name) for owner, names in FOLLOWED.items() for name in names}
    assert promised <= followed


def test_networks_are_compared_by_value() -> None:
    """Another contrast is another network; another list of events, or way to write a user, not."""
    topology = parse_topology(FOUR_USERS)
    source = topology.qnsp.source.model_copy(update={"contrast": 0.5})
    qnsp = topology.qnsp.model_copy(update={"source": source})
    assert not is_same_network(topology, updated(topology, qnsp=qnsp))
    assert is_same_network(topology, updated(topology, events=(Leave(time_s=1.0, user="bob"),)))
    first = topology.qnsp.channels[0]
    split = first.model_copy(update={"user": None, "users": (first.user,)})
    channels = (split, *topology.qnsp.channels[1:])
    qnsp = topology.qnsp.model_copy(update={"channels": channels})
    assert is_same_network(topology, updated(topology, qnsp=qnsp))


def test_other_contrast_is_never_mistaken_for_the_old_network() -> None:
    """Planned for, its pairs interfere that much; unplanned for, it is refused."""
    topology = parse_topology(FOUR_USERS)
    source = topology.qnsp.source.model_copy(update={"contrast": 0.5, "pairs": ()})
    weak = updated(topology, qnsp=topology.qnsp.model_copy(update={"source": source}))
    event = Become(time_s=1.0, state=weak)
    timeline = Timeline(updated(topology, events=(event,)), stop_ps=2 * PS_PER_S)
    contrasts = {process.contrast for process in timeline.network_at(PS_PER_S).processes}
    assert contrasts == {0.5}
    with pytest.raises(ValueError, match="not planned for"):
        Timeline(topology, stop_ps=PS_PER_S).network_of(weak)


class Darken(Change):
    """Every channel loses more, each time anew."""

    kind: Literal["darken"] = "darken"
    """What changes."""
    loss_db: float
    """Beyond what is lost already."""

    def applied_to(self, topology: StateT) -> StateT:
        """With that much more loss."""
        loss_db = topology.qnsp.pump_rejection_loss_db + self.loss_db
        qnsp = topology.qnsp.model_copy(update={"pump_rejection_loss_db": loss_db})
        return topology.model_copy(update={"qnsp": qnsp})


DARKER = '\n[[events]]\ntime_s = 0\nkind = "darken"\nevery_s = 1.0\nloss_db = 3.0\n'


def test_new_kind_registers_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A class of a program: topologies read, write and show it, and the light follows."""
    with pytest.raises(ConfigError, match="'darken' is not one of 'cut'"):
        parse_topology(FOUR_USERS + DARKER)
    monkeypatch.setitem(CHANGES, "darken", Darken)
    assert register_change(Darken) is Darken
    assert "loss_db" in known_keys(("events", 0))
    topology = parse_topology(FOUR_USERS + DARKER)
    assert TopologySpec.model_validate_json(topology.model_dump_json()) == topology
    timeline = Timeline(topology, stop_ps=3 * PS_PER_S)
    losses_db = [epoch.network.topology.qnsp.pump_rejection_loss_db for epoch in timeline.epochs()]
    first_db = parse_topology(FOUR_USERS).qnsp.pump_rejection_loss_db
    assert losses_db == pytest.approx([first_db + 3.0 * k for k in (1, 2, 3)])
    with pytest.raises(ConfigError, match=r"events\.0\.loss_bd.*did you mean loss_db"):
        parse_topology(FOUR_USERS + DARKER.replace("loss_db", "loss_bd"))


def test_all_faults_of_an_event_at_once() -> None:
    """What is missing, what is of another kind, and what is out of range: each is told."""
    event = '\n[[events]]\ntime_s = -1\nkind = "attenuate"\npower_mw = 1.0\ncolour = "red"\n'
    with pytest.raises(ConfigError) as caught:
        parse_topology(FOUR_USERS + event)
    found = {(fault.path, fault.message) for fault in caught.value.faults}
    assert found == {
        ("events.0.time_s", "-1 is below 0"),
        ("events.0.colour", "unknown key"),
        ("events.0", "an event of kind attenuate needs extra_loss_db, user"),
        ("events.0", "an event of kind attenuate has no power_mw"),
    }


def test_what_is_fixed_cannot_change_by_an_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind that makes a fibre longer: its event is at fault."""

    class Lengthen(Change):
        """Alice's fibre gets longer."""

        kind: Literal["lengthen"] = "lengthen"
        """What changes."""

        def applied_to(self, topology: StateT) -> StateT:
            """With a longer fibre."""
            fibre = topology.users[0].fibre.model_copy(update={"length_m": 9.0})
            user = topology.users[0].model_copy(update={"fibre": fibre})
            return topology.model_copy(update={"users": (user, *topology.users[1:])})

    monkeypatch.setitem(CHANGES, "lengthen", Lengthen)
    with pytest.raises(ConfigError) as caught:
        parse_topology(FOUR_USERS + '\n[[events]]\ntime_s = 1\nkind = "lengthen"\n')
    (fault,) = caught.value.faults
    assert (fault.path, fault.message) == (
        "events.0",
        "users.0.fibre.length_m cannot change during a run",
    )
