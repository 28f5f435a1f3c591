"""Abstract model of the end of a round: votes, decisions, acknowledgements, closing, crashes.

It mirrors `protocols.bbm92.announcer` and `protocols.bbm92.responder` with everything taken away
that does not bear on agreement. Bits are a letter: ``g`` are those of untouched transcripts, ``x``
any others. The wire belongs to an attacker who may deliver whatever was ever signed, any number of
times, in any order or never, and who may forge all that is not signed. Either end may crash at any
time and come back with what was durable. Nothing is bounded but the number of rounds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

Signed = tuple[str, int, str]
"""Purpose, round, bits: what a tag is bound to."""

SAME, OTHER = "g", "x"


@dataclass(frozen=True, slots=True)
class Announcer:
    """State of the announcer; ``last`` and ``open`` are lost in a crash."""

    last: int = -1
    durable_last: int = -1
    light: bool = True
    open: frozenset[tuple[int, bool]] = frozenset()
    """Rounds under way, and whether the final seed is out (state VOTING)."""
    aborted: frozenset[int] = frozenset()
    """Rounds with a signed abort."""
    held: frozenset[int] = frozenset()
    usable: frozenset[int] = frozenset()
    pads_from: int = 0
    pads: int = 3
    """Pads reach up to this round, without it."""
    closed: int = -1

    @property
    def closing_round(self) -> int:
        """The first after all rounds whose pad has not signed anything else; once closed, that."""
        if self.closed >= 0:
            return self.closed
        number = self.last + 1
        while number in self.aborted:
            number += 1
        return number

    def without(self, number: int) -> frozenset[tuple[int, bool]]:
        """All other rounds under way."""
        return frozenset(entry for entry in self.open if entry[0] != number)


@dataclass(frozen=True, slots=True)
class Responder:
    """State of the responder; ``open`` and ``closing`` are lost in a crash."""

    light: bool = True
    open: frozenset[int] = frozenset()
    is_closing: bool = False
    prepared: tuple[int, str] | None = None
    usable: frozenset[tuple[int, str]] = frozenset()
    closing: frozenset[int] = frozenset()
    pads_from: int = 0
    pads: int = 3
    """Pads reach up to this round, without it."""
    burned: frozenset[int] = frozenset()
    """Rounds from ``pads_from`` on whose pads are gone all the same."""
    closed: int = -1

    def has_pads(self, number: int) -> bool:
        """Whether a round can still be signed and checked."""
        return self.pads_from <= number < self.pads and number not in self.burned


@dataclass(frozen=True, slots=True)
class State:
    """Both ends; all that has ever been signed, and the final seeds that were sent."""

    announcer: Announcer = Announcer()
    responder: Responder = Responder()
    wire: frozenset[Signed] = frozenset()


@dataclass(frozen=True, slots=True)
class Model:
    """The exchange over ``rounds`` rounds; those of two more have pads and can be forged."""

    rounds: int = 2

    @property
    def numbers(self) -> range:
        """All numbers that have pads, all of which an attacker uses."""
        return range(self.rounds + 2)

    @property
    def origin(self) -> State:
        """A new link."""
        pads = len(self.numbers)
        return State(Announcer(pads=pads), Responder(pads=pads))

    def steps(self, state: State) -> Iterator[tuple[str, State]]:
        """Everything that can happen next, with a name."""
        yield from self._announcer_steps(state)
        yield from self._responder_steps(state)
        for message in sorted(entry for entry in state.wire if entry[0] != "seed"):
            yield f"deliver {message}", deliver(state, message)
        for number in self.numbers:
            for purpose in ("vote", "close"):
                forged = (purpose, number, "forged")
                yield f"forge {forged}", deliver(state, forged)

    def _announcer_steps(self, state: State) -> Iterator[tuple[str, State]]:
        end = state.announcer
        yield "announcer crashes", replace(state, announcer=crashed_announcer(end))
        if end.light:
            yield "announcer's light ends", replace(state, announcer=replace(end, light=False))
            if end.last + 1 < self.rounds and end.closed < 0:
                yield f"announcer begins {end.last + 1}", replace(state, announcer=start(end))
        for number, votes in sorted(end.open):
            dropped = replace(end, open=end.without(number))
            yield f"announcer drops {number}", replace(state, announcer=dropped)
            if not votes:
                ready = replace(end, open=end.without(number) | {(number, True)})
                wire = state.wire | {("seed", number, "")}
                yield f"announcer sends seed {number}", State(ready, state.responder, wire)

    def _responder_steps(self, state: State) -> Iterator[tuple[str, State]]:
        end = state.responder
        yield "responder crashes", replace(state, responder=crashed_responder(end))
        if end.light:
            yield "responder's light ends", replace(state, responder=replace(end, light=False))
        for number in self.numbers:
            yield f"announce {number}", replace(state, responder=begin(end, number))
        for number in self.numbers:
            yield f"ask to close {number}", ask_to_close(state, number)
        for number in sorted(end.open):
            dropped = replace(end, open=end.open - {number})
            yield f"responder drops {number}", replace(state, responder=dropped)
            for bits in (SAME, OTHER):
                yield f"responder votes {number}{bits}", vote(state, number, bits)


def start(end: Announcer) -> Announcer:
    """The next round, unless its pad has signed the abort of one made up on the wire."""
    number = end.last + 1
    if number in end.aborted:
        return replace(end, last=number)
    durable = max(end.durable_last, number)
    return replace(end, last=number, durable_last=durable, open=end.open | {(number, False)})


def crashed_announcer(end: Announcer) -> Announcer:
    """What is left: blocks, pads, what they have signed, the number of the last round."""
    return replace(end, last=end.durable_last, open=frozenset())


def crashed_responder(end: Responder) -> Responder:
    """What is left; a round that had not voted may begin again."""
    return replace(end, open=frozenset(), closing=frozenset({end.closed} - {-1}))


def begin(end: Responder, number: int) -> Responder:
    """An announcement, true or forged."""
    is_over = end.closed >= 0 or end.is_closing
    is_prepared = end.prepared is not None and end.prepared[0] == number
    is_common = end.has_pads(number) and number + 1 < end.pads
    if is_over or is_prepared or not is_common:
        return end
    return replace(end, open=end.open | {number})


def vote(state: State, number: int, bits: str) -> State:
    """The responder has its key. Equal bits come of a true seed and an untouched transcript."""
    end = state.responder
    is_true = ("seed", number, "") in state.wire
    if end.prepared is not None or (bits == SAME and not is_true):
        return state
    prepared = replace(end, open=end.open - {number}, prepared=(number, bits))
    return State(state.announcer, prepared, state.wire | {("vote", number, bits)})


def ask_to_close(state: State, number: int) -> State:
    """A request to close, true or forged: it is not signed."""
    end = state.responder
    if end.closed >= 0 or end.light or end.prepared is not None or not end.has_pads(number):
        return state
    if number in end.closing:
        return state
    voted = replace(end, open=frozenset(), is_closing=True, closing=end.closing | {number})
    return State(state.announcer, voted, state.wire | {("close", number, "")})


def deliver(state: State, message: Signed) -> State:
    """A vote or decision arrives, true or with a tag that does not verify."""
    purpose, number, bits = message
    match purpose:
        case "vote":
            return _on_vote(state, number, bits)
        case "close":
            return _on_closing_vote(state, number, bits)
        case "commit":
            return replace(state, responder=_on_commit(state.responder, number, bits))
        case "abort":
            return replace(state, responder=_on_abort(state.responder, number))
        case _:
            return replace(state, responder=_on_closed(state.responder, number))


def _on_vote(state: State, number: int, bits: str) -> State:
    end = state.announcer
    is_decided = number in end.held | end.aborted
    if is_decided or end.closed >= 0 or not end.pads_from <= number < end.pads:
        return state
    if number > end.last and number + 1 >= end.pads:
        return state  # the newest pads are for the closing alone
    if (number, True) not in end.open or bits != SAME:
        gone = replace(end, open=end.without(number), aborted=end.aborted | {number})
        return State(gone, state.responder, state.wire | {("abort", number, "")})
    settled = settle_before(end, number)
    held = replace(settled, open=settled.without(number), held=settled.held | {number})
    return State(held, state.responder, state.wire | {("commit", number, SAME)})


def _on_closing_vote(state: State, number: int, bits: str) -> State:
    end = state.announcer
    is_decided = number in end.held | end.aborted
    if is_decided or end.closed >= 0 or not end.pads_from <= number < end.pads:
        return state
    if end.open or end.light or number != end.closing_round:
        return replace(state, announcer=replace(end, open=frozenset()))
    if bits:
        return state
    closed = replace(settle_before(end, number + 1), closed=number)
    return State(closed, state.responder, state.wire | {("closed", number, "")})


def settle_before(end: Announcer, number: int) -> Announcer:
    """A valid later vote acknowledges all earlier blocks; their pads go."""
    return replace(
        end,
        usable=end.usable | {held for held in end.held if held < number},
        held=frozenset(held for held in end.held if held >= number),
        aborted=frozenset(other for other in end.aborted if other >= number),
        open=frozenset(entry for entry in end.open if entry[0] >= number),
        pads_from=max(end.pads_from, number),
    )


def _on_commit(end: Responder, number: int, bits: str) -> Responder:
    if end.prepared != (number, bits):
        return end if number not in end.open else replace(end, open=frozenset())
    usable = end.usable | {end.prepared}
    return _spent(replace(end, prepared=None, usable=usable), number + 1)


def _on_abort(end: Responder, number: int) -> Responder:
    if end.prepared is not None and end.prepared[0] == number:
        return replace(end, prepared=None, burned=end.burned | {number})
    if number in end.open:
        return replace(end, open=end.open - {number}, burned=end.burned | {number})
    return end


def _on_closed(end: Responder, number: int) -> Responder:
    if end.closed >= 0 or number not in end.closing:
        return end
    return _spent(replace(end, closed=number), number + 1)


def _spent(end: Responder, number: int) -> Responder:
    return replace(
        end,
        pads_from=max(end.pads_from, number),
        open=frozenset(other for other in end.open if other >= number),
        burned=frozenset(other for other in end.burned if other >= number),
    )


def violations(state: State) -> list[str]:
    """Where agreement is broken."""
    announcer, responder = state.announcer, state.responder
    made = announcer.held | announcer.usable
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
    """Pads that have signed two messages: (vote, close) and (commit, abort, closed) share one."""
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
    for _ in range(4):
        state = _exchange(state)
    return state


def _exchange(state: State) -> State:
    """One repeat of everything that is repeated, and the answers."""
    announcer, responder = state.announcer, state.responder
    if announcer.closed < 0 or responder.closed < 0:
        number = announcer.closed if announcer.closed >= 0 else announcer.closing_round
        state = ask_to_close(state, number)
    responder = state.responder
    votes: list[Signed] = [("close", number, "") for number in sorted(responder.closing)]
    if responder.prepared is not None:
        votes = [("vote", *responder.prepared)]
    for message in votes:
        state = deliver(state, message)
        for answer in sorted(state.wire):
            if answer[1] == message[1] and answer[0] in {"commit", "abort", "closed"}:
                state = deliver(state, answer)
    return state


def is_settled(state: State) -> bool:
    """Both ends closed, nothing in doubt, the same blocks usable."""
    announcer, responder = state.announcer, state.responder
    equal = {(number, SAME) for number in announcer.usable} == set(responder.usable)
    closed = announcer.closed >= 0 and responder.closed >= 0
    return equal and closed and not announcer.held and responder.prepared is None
