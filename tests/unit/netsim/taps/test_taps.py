"""What an attacker reads off the wire, and what his tools make of a datagram."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from netsim.taps.attacks import flipped, resealed, substituted
from netsim.taps.chain import TapChain, tap_chains
from netsim.taps.kinds import ATTACKS, tap_maker
from netsim.taps.tap import TapPlan, Wire
from netsim.taps.view import StreamView
from netsim.topology.wire import TapKind
from protocols.codec import decode, encode
from protocols.errors import MalformedMessageError
from protocols.messages import Abort, Close, Decision, Envelope, Message, Role, Vote
from protocols.wire.datagrams import HEADER_BYTES, Datagram, Kind, decode_datagram, encode_datagram

LINK = "alice-bob"
TAG = bytes(range(16))
ABORT = Abort(2, 3, TAG, 4, TAG, mac=TAG)
OTHER_ABORT = Abort(5, 3, TAG, 4, TAG, mac=TAG)
Injected = list[tuple[str, int, bytes]]
VOTE = Vote(closing=False, pad=0, tag=TAG, mac=bytes(32))


def message(body: Message, number: int = 3) -> bytes:
    """An encoded message of the responder."""
    return encode(Envelope(LINK, Role.RESPONDER, number, 0, body))


def data(sequence: int, payload: bytes, *, ends: bool = True) -> bytes:
    """A datagram of one stream."""
    return encode_datagram(Datagram(Kind.DATA, ends, 7, 9, sequence, 4, 0, payload))


def _note(injected: Injected, name: str, datagram: bytes, delay_ps: int) -> None:
    injected.append((name, delay_ps, datagram))


def chains(plan: TapPlan, injected: Injected, *, now_ps: int = 0) -> dict[str, TapChain]:
    """Two links with one plan; what is injected is noted with its wire."""
    wires = [
        Wire(link, user, role, partial(_note, injected, f"{link}/{user}"))
        for link in (LINK, "alice-carol")
        for role, user in zip(Role, link.split("-"), strict=True)
    ]
    rng = np.random.default_rng(3)
    made = tap_chains(wires, [plan], lambda _name: rng, lambda: now_ps)
    return {f"{chain.wire.link}/{chain.wire.sender}": chain for chain in made}


def test_view_joins_the_pieces_of_a_message() -> None:
    """A message cut in two is read once both pieces are there, in either order."""
    whole = message(VOTE)
    for order in ([0, 1], [1, 0]):
        view = StreamView()
        pieces = [data(0, whole[:20], ends=False), data(1, whole[20:])]
        view.read(pieces[order[0]])
        assert view.round == -1
        view.read(pieces[order[1]])
        assert view.latest is not None
        assert view.latest.envelope == decode(whole)
        assert not view.latest.is_whole_message
        assert (view.round, view.next_sequence) == (3, 2)


def test_view_survives_anything() -> None:
    """Bytes that are no datagram, or no message, are not understood and do no harm."""
    view = StreamView()
    for junk in (b"", b"QN", bytes(100), data(0, b"junk"), data(2**32 - 1, b"")):
        view.read(junk)
    assert view.round == -1


def test_forged_datagram_continues_the_stream() -> None:
    """It has the stream's epochs and acknowledgements, the next number and a sound checksum."""
    view = StreamView()
    assert view.forged(b"early") is None
    view.read(data(5, message(Close())))
    forged = view.forged(b"mine")
    assert forged is not None
    expected = Datagram(Kind.DATA, ends_message=True, epoch=7, peer_epoch=9, sequence=6,
                        acknowledged=4, received=0, payload=b"mine")  # fmt: skip
    assert decode_datagram(forged) == expected


def test_flip_is_noticed_in_the_header_unless_resealed() -> None:
    """A flipped header bit breaks the checksum; put right, the damage passes."""
    datagram = data(1, b"payload")
    for byte in range(8, HEADER_BYTES - 4):
        damaged = flipped(datagram, byte, 2)
        with pytest.raises(MalformedMessageError):
            decode_datagram(damaged)
        assert decode_datagram(resealed(damaged)) != decode_datagram(datagram)
    assert decode_datagram(flipped(datagram, HEADER_BYTES, 0)).payload == b"qayload"


def test_substituted_body_keeps_the_address() -> None:
    """Round and number of the present message, content of another."""
    view = StreamView()
    datagram = data(0, message(ABORT, number=8))
    view.read(datagram)
    assert view.latest is not None
    changed = decode_datagram(substituted(datagram, view.latest, OTHER_ABORT))
    assert decode(changed.payload) == Envelope(LINK, Role.RESPONDER, 8, 0, OTHER_ABORT)


@pytest.mark.parametrize("kind", ["pass", *ATTACKS])
def test_outside_its_time_a_tap_does_nothing(kind: TapKind) -> None:
    """Before the start and from the stop on everything passes, and nothing is injected."""
    options = {} if kind == "pass" else {"probability": 1.0}
    plan = TapPlan(tap_maker(kind, **options), start_ps=100, stop_ps=200)
    injected: Injected = []
    chain = chains(plan, injected)[f"{LINK}/bob"]
    datagram = data(0, message(VOTE))
    for now_ps in (0, 99, 200, 10**15):
        assert chain.see(datagram, now_ps) == [(0, datagram)]
    assert injected == []


@pytest.mark.parametrize("kind", list(ATTACKS))
def test_within_its_time_an_attack_strikes(kind: TapKind) -> None:
    """Each attack changes what arrives, drops it, delays it, or adds something, somewhere."""
    injected: Injected = []
    made = chains(TapPlan(tap_maker(kind, probability=1.0)), injected)
    for name in made:
        for k in range(4):
            made[name].wire.view.read(data(k, message(VOTE)))
    chain = made[f"{LINK}/bob"]
    outcomes = []
    for k in range(4, 24):
        datagram = data(k, message(VOTE))
        outcomes.append(chain.see(datagram, 0) == [(0, datagram)])
    assert not all(outcomes) or injected


def test_reflect_goes_back_on_the_same_link() -> None:
    """What bob sends comes back to bob: it is put on alice's wire, and on no other."""
    injected: Injected = []
    made = chains(TapPlan(tap_maker("reflect", probability=1.0), sender="bob"), injected)
    made[f"{LINK}/bob"].see(data(0, message(Close())), 0)
    assert [name for name, _, _ in injected] == [f"{LINK}/alice"]


def test_drop_last_suppresses_finals_and_lets_the_stream_go_on() -> None:
    """Votes and decisions are replaced by a harmless message; others pass."""
    injected: Injected = []
    chain = chains(TapPlan(tap_maker("drop-last")), injected)[f"{LINK}/bob"]
    finals: list[Message] = [VOTE, Decision(commit=True, pad=0, tag=TAG)]
    for k, body in enumerate(finals):
        ((_, forwarded),) = chain.see(data(k, message(body)), 0)
        left = decode_datagram(forwarded)
        assert (left.sequence, left.ends_message) == (k, True)
        assert isinstance(decode(left.payload).body, Abort)
    other = data(2, message(Close()))
    assert chain.see(other, 0) == [(0, other)]


def test_flip_one_strikes_once() -> None:
    """Of many datagrams the one named is changed, in the bit named."""
    make = tap_maker("flip", datagram=2, byte=HEADER_BYTES, bit=1)
    chain = chains(TapPlan(make), [])[f"{LINK}/bob"]
    seen = [chain.see(data(k, b"abc"), 0) for k in range(5)]
    assert [passing[0][1][HEADER_BYTES:] for passing in seen] == [b"abc", b"abc", b"cbc"] + (
        2 * [b"abc"]
    )


def test_tap_on_no_wire_is_refused() -> None:
    """A plan for a link that is not there is an error, not a silent nothing."""
    with pytest.raises(ValueError, match="no such wire"):
        chains(replace(TapPlan(tap_maker("drop")), link="alice-dave"), [])
