"""Abstract model of the end of a round: votes, decisions, acknowledgements, closing, crashes.

It mirrors `protocols.bbm92.announcer` and `protocols.bbm92.responder` with everything taken away
that does not bear on agreement. Bits are a letter: ``g`` are those of untouched transcripts, ``x``
any others. A settled block refills the reserve by one pad. The wire belongs to an attacker who may
deliver whatever was ever signed, any number of times, in any order or never, and who may forge all
that no pad has signed: seals, acknowledgements and the MACs of votes among it. Either end may crash
at any time and come back with what was durable. Nothing is bounded but the number of rounds and of
pads.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

Signed = tuple[str, int, int, str]
"""Purpose, pad, round, bits: what a tag is bound to."""

SAME, OTHER = "g", "x"
ANY = -1
"""Round of what is bound to its pad alone."""


@dataclass(frozen=True, slots=True)
class Announcer:
    """State of the announcer; ``last`` and ``open`` are lost in a crash."""

    last: int = -1
    durable_last: int = -1
    light: bool = True
    open: frozenset[tuple[int, bool]] = frozenset()
    """Rounds under way, and whether the final seed is out (state VOTING)."""
    held: frozenset[tuple[int, int]] = frozenset()
    """Round and pad of blocks that the responder has not acknowledged."""
    usable: frozenset[int] = frozenset()
    next_pad: int = 0
    """All pads below it have signed a decision, on the wire for good."""
    pads: int = 3
    closed: bool = False

    def without(self, number: int) -> frozenset[tuple[int, bool]]:
        """All other rounds under way."""
        return frozenset(entry for entry in self.open if entry[0] != number)


@dataclass(frozen=True, slots=True)
class Responder:
    """State of the responder; ``open`` is lost in a crash."""

    light: bool = True
    open: frozenset[int] = frozenset()
    is_closing: bool = False
    """Its lowest pad has signed a closing vote."""
    prepared: tuple[int, str] | None = None
    """Its lowest pad has signed a vote on this."""
    usable: frozenset[tuple[int, str]] = frozenset()
    next_pad: int = 0
    """Below it all pads have signed a vote, and the decision has come."""
    pads: int = 3
    closed: bool = False

    @property
    def settled(self) -> int:
        """Highest round with a usable block."""
        return max((number for number, _ in self.usable), default=-1)


@dataclass(frozen=True, slots=True)
class State:
    """Both ends; all that has ever been signed, and the final seeds that were sent."""

    announcer: Announcer = Announcer()
    responder: Responder = Responder()
    wire: frozenset[Signed] = frozenset()


@dataclass(frozen=True, slots=True)
class Model:
    """The exchange over ``rounds`` rounds; one more round can be made up."""

    rounds: int = 2
    first_pads: int = 3
    """Before any block has refilled them."""

    @property
    def numbers(self) -> range:
        """Rounds that an attacker names."""
        return range(self.rounds + 1)

    @property
    def pads(self) -> range:
        """Pads that there are."""
        return range(self.first_pads + self.rounds)

    @property
    def origin(self) -> State:
        """A new link."""
        return State(Announcer(pads=self.first_pads), Responder(pads=self.first_pads))

    def steps(self, state: State) -> Iterator[tuple[str, State]]:
        """Everything that can happen next, with a name."""
        yield from self._announcer_steps(state)
        yield from self._responder_steps(state)
        for message in sorted(entry for entry in state.wire if entry[0] != "seed"):
            yield f"deliver {message}", deliver(state, message)
        pad = state.announcer.next_pad
        for number in self.numbers:
            yield f"forge vote on {number}", deliver(state, ("vote", pad, number, "forged"))
        yield "forge closing vote", deliver(state, ("close", pad, ANY, "forged"))
        for upto in self.pads:
            settled = acknowledge(state.announcer, upto)
            yield f"acknowledge {upto}, true or forged", replace(state, announcer=settled)

    def _announcer_steps(self, state: State) -> Iterator[tuple[str, State]]:
        end = state.announcer
        yield "announcer crashes", replace(state, announcer=crashed_announcer(end))
        if end.light:
            yield "announcer's light ends", replace(state, announcer=replace(end, light=False))
            if end.last + 1 < self.rounds and not end.closed:
                yield f"announcer begins {end.last + 1}", replace(state, announcer=start(end))
        for number, votes in sorted(end.open):
            dropped = replace(end, open=end.without(number))
            yield f"announcer drops {number}", replace(state, announcer=dropped)
            if not votes:
                ready = replace(end, open=end.without(number) | {(number, True)})
                wire = state.wire | {("seed", ANY, number, "")}
                yield f"announcer sends seed {number}", State(ready, state.responder, wire)

    def _responder_steps(self, state: State) -> Iterator[tuple[str, State]]:
        end = state.responder
        yield "responder crashes", replace(state, responder=crashed_responder(end))
        if end.light:
            yield "responder's light ends", replace(state, responder=replace(end, light=False))
        for number in self.numbers:
            yield f"announce {number}", replace(state, responder=begin(end, number))
        yield "ask to close", ask_to_close(state)
        for number in sorted(end.open):
            dropped = replace(end, open=end.open - {number})
            yield f"responder drops {number}", replace(state, responder=dropped)
            for bits in (SAME, OTHER):
                yield f"responder votes {number}{bits}", vote(state, number, bits)


def start(end: Announcer) -> Announcer:
    """The next round."""
    number = end.last + 1
    durable = max(end.durable_last, number)
    return replace(end, last=number, durable_last=durable, open=end.open | {(number, False)})


def crashed_announcer(end: Announcer) -> Announcer:
    """What is left: blocks, pads, what they have signed, the number of the last round."""
    return replace(end, last=end.durable_last, open=frozenset())


def crashed_responder(end: Responder) -> Responder:
    """What is left; a round that had not voted may begin again."""
    return replace(end, open=frozenset())


def begin(end: Responder, number: int) -> Responder:
    """An announcement, true or forged."""
    is_prepared = end.prepared is not None and end.prepared[0] == number
    if end.closed or end.is_closing or is_prepared or number <= end.settled:
        return end
    return replace(end, open=end.open | {number})


def may_vote(end: Responder) -> bool:
    """The newest pads are for the closing alone."""
    return end.prepared is None and end.next_pad + 1 < end.pads


def vote(state: State, number: int, bits: str) -> State:
    """The responder has its key, and a seal that is true or forged.

    Equal bits come of a true seed and an untouched transcript.
    """
    end = state.responder
    is_true = ("seed", ANY, number, "") in state.wire
    if not may_vote(end) or (bits == SAME and not is_true):
        return state
    prepared = replace(end, open=end.open - {number}, prepared=(number, bits))
    return State(state.announcer, prepared, state.wire | {("vote", end.next_pad, number, bits)})


def ask_to_close(state: State) -> State:
    """A request to close, true or forged: it is not signed."""
    end = state.responder
    if end.closed or end.light or end.prepared is not None or end.next_pad >= end.pads:
        return state
    voted = replace(end, open=frozenset(), is_closing=True)
    return State(state.announcer, voted, state.wire | {("close", end.next_pad, ANY, "")})


def deliver(state: State, message: Signed) -> State:
    """A vote or decision arrives, true or with a tag that does not verify."""
    purpose, pad, number, bits = message
    match purpose:
        case "vote":
            return _on_vote(state, pad, number, bits)
        case "close":
            return _on_closing_vote(state, pad, bits)
        case _:
            return _on_decision(state, message)


def _may_sign(end: Announcer, pad: int) -> bool:
    """Whether the pad has signed nothing, and is the next to do so."""
    return pad == end.next_pad < end.pads and not end.closed


def _on_vote(state: State, pad: int, number: int, bits: str) -> State:
    end = state.announcer
    if not _may_sign(end, pad):
        return state
    end = heed(end, pad)
    if (number, True) in end.open and bits == SAME:
        still = frozenset(entry for entry in end.open if entry[0] > number)
        held = end.held | {(number, pad)}
        committed = replace(end, open=still, held=held, next_pad=pad + 1)
        return State(committed, state.responder, state.wire | {("commit", pad, number, SAME)})
    if pad + 1 >= end.pads:  # the newest pads are for the closing alone
        return replace(state, announcer=end)
    gone = replace(end, open=end.without(number), next_pad=pad + 1)
    return State(gone, state.responder, state.wire | {("abort", pad, ANY, "")})


def _on_closing_vote(state: State, pad: int, bits: str) -> State:
    end = state.announcer
    if not _may_sign(end, pad):
        return state
    end = heed(end, pad)
    if end.open or end.light:
        return replace(state, announcer=replace(end, open=frozenset()))
    if bits:
        return replace(state, announcer=end)
    closed = replace(end, closed=True, next_pad=pad + 1)
    return State(closed, state.responder, state.wire | {("closed", pad, ANY, "")})


def acknowledge(end: Announcer, pad: int) -> Announcer:
    """The responder is said to have the decisions of all pads up to that: blocks are usable.

    The decisions themselves are kept until something signed says so; here for good.
    """
    settled = {number for number, signed in end.held if signed <= pad}
    held = frozenset(entry for entry in end.held if entry[1] > pad)
    return replace(end, usable=end.usable | settled, held=held, pads=end.pads + len(settled))


def heed(end: Announcer, pad: int) -> Announcer:
    """A vote with a pad, true or forged, says that the decisions of all before it have come."""
    return acknowledge(end, pad - 1)


def _on_decision(state: State, message: Signed) -> State:
    end = state.responder
    purpose, pad, number, bits = message
    if pad != end.next_pad:
        return state
    spent = replace(end, next_pad=pad + 1)
    if end.prepared is not None:
        if purpose == "abort":
            return replace(state, responder=replace(spent, prepared=None))
        if (purpose, number, bits) == ("commit", *end.prepared):
            usable = end.usable | {end.prepared}
            settled = replace(spent, prepared=None, usable=usable, pads=end.pads + 1)
            still = frozenset(other for other in end.open if other > number)
            return replace(state, responder=replace(settled, open=still))
    elif end.is_closing:
        if purpose == "closed":
            return replace(state, responder=replace(spent, closed=True))
        if purpose == "abort":
            return ask_to_close(replace(state, responder=spent))
    return state


def violations(state: State) -> list[str]:
    """Where agreement is broken."""
    announcer, responder = state.announcer, state.responder
    made = {number for number, _ in announcer.held} | announcer.usable
    its = set(responder.usable) | ({responder.prepared} - {None})
    found = [
        f"{number}{bits} usable at the responder only"
        for number, bits in responder.usable
        if bits != SAME or number not in made
    ]
    found += [
        f"{number} usable at the announcer only"
        for number in announcer.usable
        if (number, SAME) not in its
    ]
    return found + _signed_twice(state.wire)


def _signed_twice(wire: frozenset[Signed]) -> list[str]:
    """Pads that have signed two messages, at either end."""
    pads: dict[tuple[bool, int], Signed] = {}
    return [
        f"one pad signed {message} and {pads[pad]}"
        for message in sorted(entry for entry in wire if entry[0] != "seed")
        if pads.setdefault(pad := (message[0] in {"vote", "close"}, message[1]), message) != message
    ]


def heal(state: State) -> State:
    """No light, no attacker, no crash any more: time-outs, repeats, and a channel that delivers."""
    end = state.announcer
    state = replace(
        state,
        announcer=replace(end, light=False, open=frozenset()),
        responder=replace(state.responder, light=False, open=frozenset()),
    )
    for _ in range(2 * end.pads):
        state = _exchange(state)
    return state


def _exchange(state: State) -> State:
    """One repeat of everything that is repeated, and the answers."""
    if not (state.announcer.closed and state.responder.closed):
        state = ask_to_close(state)
    end = state.responder
    message: Signed | None = None
    if end.prepared is not None:
        message = ("vote", end.next_pad, *end.prepared)
    elif end.is_closing and not end.closed:
        message = ("close", end.next_pad, ANY, "")
    if message is not None:
        state = deliver(state, message)
    for answer in sorted(state.wire):
        if answer[0] in {"commit", "abort", "closed"}:
            state = deliver(state, answer)
    return state


def is_settled(state: State) -> bool:
    """Both ends closed, nothing in doubt, the same blocks usable."""
    announcer, responder = state.announcer, state.responder
    equal = {(number, SAME) for number in announcer.usable} == set(responder.usable)
    closed = announcer.closed and responder.closed
    return equal and closed and not announcer.held and responder.prepared is None
