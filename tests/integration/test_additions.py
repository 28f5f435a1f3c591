"""What a third party may add, each in one place and without touching the product.

Six classes and six registrations; then a whole run and a recording use all of them.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

import netsim
from netsim.errors import ConfigError
from netsim.frames import PhotonBundle, PhotonFrame
from netsim.observers.observer import Observer, ObserverContext, ObserverKind, ObserverOptions
from netsim.physics.encodings.franson import Franson
from netsim.physics.encodings.registry import _registered as receiver_kinds
from netsim.physics.encodings.registry import register as register_encoding
from netsim.recordings.formats.interface import FileTags, TagFormat
from netsim.recordings.formats.registry import FORMATS
from netsim.recordings.reading import read_recording
from netsim.topology.changes import CHANGES, StateT, UserChange, register_change
from protocols.bbm92.matchings import Unrivalled
from protocols.matching import Matching, NearPairs
from protocols.reconciliation.cascade_variants import Option8
from tests.support import observers, third_party

DURATION_S = 4.0
ADDED = (
    "receivers.bench.kind=added-receiver",
    "protocol.reconciliation=added-correction",
    "protocol.matching=added-matching",
    'observers=[{kind="added-observer",user="bob"}]',
    'events=[{kind="added-change",time_s=3.0,user="alice"}]',
    "protocol.round_s=2",
)


class AddedReceiver(Franson):
    """A receiver: here one that others know under another name."""


class AddedCorrection(Option8):
    """A reconciliation: here one that says whose it is."""

    note = "corrected by somebody else"


class AddedMatching(Matching):
    """A matching: here one that takes one pair in two of those without a rival."""

    def choose(self, pairs: NearPairs) -> NDArray[np.int64]:
        """The first, the third, and so on."""
        return Unrivalled().choose(pairs)[::2]


class AddedObserver(ObserverKind):
    """An observer: here one who keeps every photon of a user."""

    def make(self, options: ObserverOptions, context: ObserverContext) -> Observer:
        """An observer of this kind."""
        _ = options, context
        return self

    def observe(self, light: PhotonBundle) -> PhotonBundle:
        """Nothing goes on."""
        return replace(light, frames=tuple(map(_dark, light.frames)))


def _dark(frame: PhotonFrame) -> PhotonFrame:
    nothing = np.empty(0, dtype=np.int64)
    return replace(frame, times_ps=nothing, pair_rows=nothing)


class AddedChange(UserChange):
    """A change of the network: here a fibre that lets nothing through."""

    kind: Literal["added-change"] = "added-change"

    def applied_to(self, topology: StateT) -> StateT:
        """With that fibre dark."""
        users = tuple(
            user.model_copy(update={"fibre": user.fibre.model_copy(update={"is_cut": True})})
            if user.name == self.user
            else user
            for user in topology.users
        )
        return topology.model_copy(update={"users": users})


class AddedFormat(TagFormat):
    """A format of recorded tags: here JSON."""

    def read(self, path: Path) -> FileTags:
        """Times and detectors, a list each."""
        times, detectors = json.loads(path.read_text(encoding="utf-8"))
        return FileTags(np.array(times), np.array(detectors))


@pytest.fixture
def added() -> Iterator[None]:
    """All six for the time of a test."""
    with ExitStack() as stack:
        stack.enter_context(observers.registered("added-observer", AddedObserver))
        stack.enter_context(
            third_party.registered("reconciliation", "added-correction", AddedCorrection)
        )
        stack.enter_context(third_party.registered("matching", "added-matching", AddedMatching))
        register_encoding("added-receiver", AddedReceiver)
        stack.callback(receiver_kinds.pop, "added-receiver")
        register_change(AddedChange)
        stack.callback(CHANGES.pop, "added-change")
        FORMATS.register("added", AddedFormat)
        stack.callback(FORMATS._registered.pop, "added")
        yield


def test_without_them_their_names_are_unknown() -> None:
    """Each is a fault of its own, at its key."""
    with pytest.raises(ConfigError) as caught:
        netsim.load_topology("two_user", overrides=ADDED)
    places = {fault.path for fault in caught.value.faults}
    assert places == {
        "receivers.bench.kind",
        "protocol.reconciliation",
        "protocol.matching",
        "observers.0.kind",
        "events.0.kind",
    }


@pytest.mark.slow
@pytest.mark.usefixtures("added")
def test_all_of_them_in_one_run() -> None:
    """A receiver, a correction, an observer who takes all of Bob's light, and a change."""
    topology = netsim.load_topology("two_user", overrides=ADDED)
    run = netsim.simulate(topology, duration_s=DURATION_S, seed=1)
    clicks = {user.name: user.singles for user in run.users}
    darks = 4 * 100 * DURATION_S
    assert abs(clicks["bob"] - darks) < 5 * darks**0.5
    assert run.lanes[0].sifted_bits < 50

    plain = netsim.load_topology("two_user", overrides=[*ADDED[:3], ADDED[-1]])
    lit = netsim.simulate(plain, duration_s=DURATION_S, seed=1)
    assert clicks["alice"] == pytest.approx(0.75 * lit.users[0].singles, rel=0.01)
    link = lit.links[0]
    assert link.counts.sifted_bits == pytest.approx(lit.lanes[0].sifted_bits / 2, rel=0.03)
    assert link.counts.deposited_bits > 500
    assert "corrected by somebody else" in link.notes


@pytest.mark.usefixtures("added")
def test_a_recording_of_an_added_format(tmp_path: Path) -> None:
    """Its suffix is enough."""
    path = tmp_path / "tags.added"
    path.write_text(json.dumps([[3, 5, 9], [0, 1, 3]]))
    found = read_recording(path)
    assert found.times_ticks.tolist() == [3, 5, 9]
    assert found.detectors.tolist() == [0, 1, 3]
