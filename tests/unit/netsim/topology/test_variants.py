"""Variants in a topology file: names, combinations that go together, and refusals with reasons."""

from collections.abc import Iterator

import pytest

from netsim.errors import ConfigError
from netsim.topology.load import parse_topology
from netsim.topology.schema import schema_at
from netsim.topology.specs import TopologySpec
from protocols.hashing.amplification import ToeplitzFft
from protocols.interfaces import Choice
from protocols.security import Asymptotic
from protocols.variants import KINDS
from tests.support.third_party import registered
from tests.unit.netsim.topology.texts import FOUR_USERS, TWO_USERS

FINITE = ("protocol.security=finite", "protocol.estimation=sample")
BIASED = ("protocol.basis=biased", "receivers.bench.z_probability=0.8")


def loaded(*overrides: str, text: str = TWO_USERS) -> TopologySpec:
    """A shipped topology with overrides."""
    return parse_topology(text, overrides=overrides)


def faults(*overrides: str, text: str = TWO_USERS) -> dict[str, str]:
    """What is wrong, by key path."""
    with pytest.raises(ConfigError) as caught:
        loaded(*overrides, text=text)
    return {fault.path: fault.message for fault in caught.value.faults}


def test_defaults_are_the_built_in_ones() -> None:
    """Without a word, each kind is its first built-in variant."""
    protocol = loaded().protocol
    for kind, registry in KINDS.items():
        if kind != "reconciliation":
            assert getattr(protocol, kind) == registry.builtin[0]
    assert protocol.epsilon == 1e-10


@pytest.mark.parametrize(
    "overrides",
    [
        FINITE,
        ("protocol.security=finite-exact", "protocol.estimation=sample"),
        ("protocol.security=two-basis",),
        ("protocol.security=two-basis", *BIASED),
        BIASED,
        ("protocol.estimation=sample",),
        ("protocol.amplification=toeplitz-clmul",),
        ("protocol.authentication=none",),
        ("protocol.reconciliation=modelled", "protocol.error_correction_charge=paper"),
        ("protocol.error_correction_charge=both-directions", *FINITE),
    ],
)
def test_combinations_that_go_together(overrides: tuple[str, ...]) -> None:
    """One line changes a variant, or two that belong together."""
    loaded(*overrides)


@pytest.mark.parametrize(
    ("overrides", "path", "reason"),
    [
        (("protocol.security=finite",), "protocol.estimation", "published random sample"),
        (("protocol.security=finite-exact",), "protocol.estimation", "say sample"),
        ((*FINITE, *BIASED), "protocol.basis", "both bases with probability 1/2"),
        (
            ("protocol.security=two-basis", "protocol.estimation=sample"),
            "protocol.estimation",
            "corrected errors of the other basis",
        ),
        (
            ("protocol.reconciliation=modelled", "protocol.error_correction_charge=measured"),
            "protocol.error_correction_charge",
            "measured does not go with reconciliation modelled",
        ),
        (
            ("protocol.reconciliation=modelled", *FINITE),
            "protocol.reconciliation",
            "needs a leak that is counted on the wire",
        ),
        ((*FINITE, "protocol.verification_bits=16"), "protocol.epsilon", "2^-16"),
        ((*FINITE, "protocol.epsilon=1e-20"), "protocol.epsilon", "2^-64"),
        (("receivers.bench.z_probability=0.7",), "receivers.bench.z_probability", "say biased"),
        (
            ("protocol.basis=biased", "receivers.bench.z_probability=1.0"),
            "receivers.bench.z_probability",
            "no phase error is known",
        ),
    ],
)
def test_what_no_proof_covers_is_refused(
    overrides: tuple[str, ...], path: str, reason: str
) -> None:
    """The key at fault and the reason, in one line."""
    found = faults(*overrides)
    assert reason in found[path]


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_names_list_the_known_ones(kind: str) -> None:
    """A name that is none gets one line with all that there are."""
    message = faults(f"protocol.{kind}=turbo")[f"protocol.{kind}"]
    assert message.startswith("the text 'turbo' is not one of ")
    assert all(repr(name) in message for name in KINDS[kind].builtin)


def test_a_fault_elsewhere_hides_no_refusal() -> None:
    """Combination, unknown key and bad value are reported together."""
    found = faults("protocol.security=finite", "protocol.window_ps=-1", "frame_s=99.0")
    assert {"protocol.estimation", "protocol.window_ps", "frame_s"} <= found.keys()


def test_schema_names_the_variants() -> None:
    """The schema lists the built-in names as examples: others may be installed."""
    node = schema_at(["protocol", "security"])
    assert node is not None
    assert node["examples"] == [
        "asymptotic",
        "asymptotic-mixed",
        "finite",
        "finite-exact",
        "two-basis",
    ]


def test_families_that_are_not_universal_are_refused() -> None:
    """A hash family that its author does not call universal gives no key."""

    class Almost(ToeplitzFft):
        is_universal = False

    with registered("amplification", "almost", Almost):
        found = faults("protocol.amplification=almost")
    assert "no universal family" in found["protocol.amplification"]


def test_a_variant_that_cannot_be_loaded_is_a_fault() -> None:
    """A third party's broken module is one line at the key that names it."""

    def broken() -> ToeplitzFft:
        raise ImportError("no module named 'gone'")

    with registered("amplification", "broken", broken):
        found = faults("protocol.amplification=broken")
    assert "cannot be loaded: ImportError" in found["protocol.amplification"]


@pytest.mark.parametrize("refusals", [None, 7, [("protocol",)]])
def test_refusals_that_are_none_are_a_fault(refusals: object) -> None:
    """A security variant that fails, or lists no keys and reasons, is one line at its own key."""

    class Odd(Asymptotic):
        def refusals(self, choice: Choice) -> Iterator[tuple[str, str]]:
            if refusals is None:
                raise KeyError(choice)
            return refusals  # type: ignore[return-value]

    with registered("security", "odd", Odd):
        found = faults("protocol.security=odd")
    assert list(found) == ["protocol.security"]
    assert "has failed: " in found["protocol.security"]


# Links --------------------------------------------------------------------------------------------


def test_rounds_of_single_links() -> None:
    """A link may have rounds of its own length; its users come in any order."""
    spec = loaded('links=[{users=["bob","alice"],round_s=600.0}]', text=FOUR_USERS)
    assert spec.round_s_of(("alice", "bob")) == 600.0
    assert spec.round_s_of(("alice", "dave")) == spec.protocol.round_s == 30.0


@pytest.mark.parametrize(
    ("links", "path", "reason"),
    [
        ('[{users=["alice","eve"],round_s=60.0}]', "links.0.users.1", "unknown user eve"),
        ('[{users=["alice","alice"],round_s=60.0}]', "links.0.users", "one user"),
        (
            '[{users=["alice","bob"],round_s=60.0},{users=["bob","alice"],round_s=9.0}]',
            "links.1.users",
            "twice",
        ),
        ('[{users=["alice","bob"],round_s=0.01}]', "links.0.round_s", "too short for the clocks"),
        ('[{users=["alice","bob"]}]', "links.0.round_s", "missing"),
    ],
)
def test_bad_links_are_refused(links: str, path: str, reason: str) -> None:
    """Users that are not there, pairs that are none or given twice, rounds below one frame."""
    assert reason in faults(f"links={links}", text=FOUR_USERS)[path]
