"""Conformance of variants: those shipped keep their promises, and each broken one is noticed."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.cli import run_command
from netsim.errors import ConfigError
from netsim.observers.kinds import OBSERVERS
from netsim.observers.observer import Observer, ObserverContext, ObserverOptions, Pass
from netsim.observers.passive import Splitter, SplitterOptions
from netsim.studies.conformance import REGISTRIES, broken_promises
from protocols.bbm92.matchings import Earliest
from protocols.interfaces import KeyDecision, RoundFacts
from protocols.matching import Matching, NearPairs
from protocols.profile import Terms
from protocols.security import Asymptotic

CALLS = itertools.count(1)


class Greedy(Asymptotic):
    """Key of all sifted bits, whatever was said of them."""

    def key(self, facts: RoundFacts, terms: Terms) -> KeyDecision:
        """As many bits as were sifted."""
        bits = sum(lane.z_bits + lane.x_bits for lane in facts.lanes)
        return replace(super().key(facts, terms), key_bits=bits, reason=None)


class Fickle(Asymptotic):
    """Other key lengths each time."""

    def key(self, facts: RoundFacts, terms: Terms) -> KeyDecision:
        """Fewer bytes with each call."""
        honest = super().key(facts, terms)
        return replace(honest, key_bits=honest.key_bits - 64 * next(CALLS))


class Silent(Asymptotic):
    """Says nothing of what it assumes."""

    assumptions = ""


class Moody(Pass):
    """Lets fewer photons pass with each run."""

    def make(self, options: ObserverOptions, context: ObserverContext) -> Observer:
        """A splitter whose share is nobody's choice but its own."""
        _ = options
        return Splitter().make(SplitterOptions(share=0.9 / (1 + next(CALLS))), context)


class Twice(Matching):
    """Uses clicks more than once."""

    def choose(self, pairs: NearPairs) -> NDArray[np.int64]:
        """All there are."""
        return np.arange(pairs.own.size)


class Undecided(Matching):
    """Other pairs each time."""

    def choose(self, pairs: NearPairs) -> NDArray[np.int64]:
        """One more than the last time."""
        return Earliest().choose(pairs)[: next(CALLS)]


class Failing(Asymptotic):
    """Cannot be made."""

    def __init__(self) -> None:
        raise RuntimeError("no licence")


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What a test registers is gone after it."""
    registries = REGISTRIES["security"], REGISTRIES["matching"], OBSERVERS
    before = [(dict(one._registered), dict(one._made)) for one in registries]
    yield
    for registry, (registered, made) in zip(registries, before, strict=True):
        registry._registered, registry._made = registered, made


def test_all_kinds_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Each name of each registry, with a line, and whose it is."""
    REGISTRIES["security"].register("failing", Failing)
    assert run_command(["variants", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    names = {(kind, name) for kind, one in REGISTRIES.items() for name in one.names()}
    assert {(entry["kind"], entry["name"]) for entry in told} == names
    assert {"protocol", "basis", "observer", "tag_format", "arrivals"} <= REGISTRIES.keys()
    by_name = {entry["name"]: entry for entry in told}
    assert by_name["finite"]["origin"] == "built in"
    assert by_name["failing"]["origin"] == "this program"
    assert by_name["failing"]["text"] == "cannot be loaded: RuntimeError: no licence"
    assert all(entry["text"] for entry in told)
    assert run_command(["variants"]) == 0
    assert "intercept-resend" in capsys.readouterr().out


def test_more_key_than_there_can_be_is_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    """Of all sifted bits, though many were disclosed."""
    REGISTRIES["security"].register("greedy", Greedy)
    assert run_command(["variants", "--check", "security=greedy"]) == 1
    assert "of the round are undisclosed" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "name", "overrides"),
    [
        ("security", "asymptotic", ()),
        ("reconciliation", "ldpc", ()),
        ("amplification", "toeplitz-clmul", ()),
        ("matching", "nearest", ()),
        ("matching", "unrivalled", ()),
        ("observer", "intercept-resend", ()),
        ("tag_format", "csv", ()),
        ("arrivals", "poisson", ()),
    ],
)
def test_shipped_ones_keep_their_promises(kind: str, name: str, overrides: tuple[str, ...]) -> None:
    """Nothing is broken."""
    assert broken_promises(kind, name, overrides) == []


@pytest.mark.slow
def test_ends_that_do_not_agree_are_noticed() -> None:
    """Whoever answers differently to one question breaks every round."""
    REGISTRIES["security"].register("fickle", Fickle)
    (broken,) = broken_promises("security", "fickle")
    assert broken == "2 alarms, of what no honest end does"


@pytest.mark.slow
def test_runs_that_are_not_alike_are_noticed() -> None:
    """A seed says everything: here an observer who keeps photons by a draw of its own."""
    OBSERVERS.register("moody", Moody)
    broken = broken_promises("observer", "moody")
    assert "two runs of one seed differ in ledger.csv" in broken


@pytest.mark.slow
def test_silence_is_noticed() -> None:
    """Of what a security assumes."""
    REGISTRIES["security"].register("silent", Silent)
    assert "says nothing of what it assumes" in broken_promises("security", "silent")


def test_a_click_in_two_pairs_is_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    """By what it chooses among crowded clicks, of which a network has few."""
    REGISTRIES["matching"].register("twice", Twice)
    assert run_command(["variants", "--check", "matching=twice"]) == 1
    assert capsys.readouterr().out == "matching twice: uses a click twice\n"


@pytest.mark.slow
def test_a_choice_that_is_no_function_is_noticed() -> None:
    """The same pairs, other matches."""
    REGISTRIES["matching"].register("undecided", Undecided)
    assert "chooses otherwise the second time" in broken_promises("matching", "undecided")


def test_what_cannot_be_made_or_is_none_is_said() -> None:
    """A reason, not a traceback; and bad words on the command line."""
    REGISTRIES["security"].register("failing", Failing)
    assert broken_promises("security", "failing") == [
        "security 'failing': cannot be loaded: RuntimeError: no licence"
    ]
    assert "is not one of" in broken_promises("security", "nothing")[0]
    with pytest.raises(ConfigError, match="is none of protocol, "):
        broken_promises("nothing", "x")
    for words in ("security", "=x", "nothing=x"):
        assert run_command(["variants", "--check", words]) == 2
