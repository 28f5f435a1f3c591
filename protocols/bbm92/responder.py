"""The responder's end of a link: finds the announcer's clock, has clicks matched, votes, closes.

What happens within a round is told in `protocols.bbm92.responder_round`. One round at a time is
distilled; the next waits, queued.
"""

from typing import ClassVar

from protocols.bbm92.alignment import Announced, Coincidences, LinkAligner, announced_times_ps
from protocols.bbm92.error_rates import ErrorRates
from protocols.bbm92.macs import proven_vote
from protocols.bbm92.responder_round import ResponderRound
from protocols.bbm92.session import MAX_OPEN_ROUNDS, Final, LinkSession
from protocols.bbm92.signing import ABORT, CLOSE, CLOSED, Bound
from protocols.bbm92.states import RESPONDER_LIFE, Life, Machine
from protocols.bbm92.states import ResponderState as State
from protocols.bits import pack_bits, unpack_bits
from protocols.durable import BlockInDoubt, DurableState
from protocols.errors import RemoteProtocolError
from protocols.events import (
    Alarm,
    BlockDropped,
    BlockPrepared,
    ClosingVoted,
    LinkClosed,
    RoundStarted,
)
from protocols.interfaces import SessionStart
from protocols.messages import (
    AbortReason,
    Announce,
    Beacon,
    Close,
    Decision,
    Envelope,
    Message,
    Ready,
    Role,
    Seal,
    Settled,
)


class ResponderSession(LinkSession[ResponderRound]):
    """The responder's end of a link."""

    ROLE: ClassVar[Role] = Role.RESPONDER
    LIFE: ClassVar[Machine[Life]] = RESPONDER_LIFE
    ROUND: ClassVar[type[ResponderRound]] = ResponderRound

    def __init__(self, start: SessionStart) -> None:
        super().__init__(start)
        durable = start.durable
        self._aligner = LinkAligner(self.config, start.book, start.book_index)
        self._rates = ErrorRates(self.config)
        self._closing_vote = b""
        """Once signed."""
        if durable is not None:
            self._take_up(durable)

    def _take_up(self, durable: DurableState) -> None:
        """Go on where the earlier life has ended: closed, closing, or with a block in doubt."""
        if durable.closed is not None:
            _, self._closing_vote = durable.closed
        elif durable.is_closing:
            self._life = Life.CLOSING
            self._sign_closing_vote()  # the same that the earlier life has sent
        for block in durable.in_doubt:
            self._restore(block)

    def _restore(self, block: BlockInDoubt) -> None:
        """Take up a prepared block where the crash left it: ask for the decision again."""
        round_ = self._new_round(block.round, 0)
        round_.state = State.PREPARED
        round_.key = unpack_bits(block.key, block.key_bits)
        round_.vote, round_.pad = block.message, block.pad
        round_.books = block.books
        round_.digests = block.digests
        self._rounds[block.round] = round_
        self._post(block.message)
        self._repetition.hurry()

    def _new_round(self, number: int, now_ps: int) -> ResponderRound:
        return self.ROUND(
            number,
            self.config,
            self._secrets,
            now_ps,
            book=self._book,
            rng=self._rng,
            rates=self._rates,
        )

    # Light --------------------------------------------------------------------------------------

    def _go_on(self, now_ps: int) -> None:
        """Match what can be matched; start to distil the next round if none is under way."""
        self._told_frames = self._book.frames
        for announced, coincidences in self._aligner.advance(is_light_over=self._is_light_over):
            self._answer(announced, coincidences)
        self._events.extend(self._aligner.take_events())
        queued = self._first_queued()
        if queued is not None and not self._is_distilling:
            queued.active_ps = now_ps
            self._run(queued, queued.begin(is_locked=self._aligner.is_locked))
        if self._wants_to_close and not self._repetition.is_waiting:
            self._repetition.start(now_ps)

    def _first_queued(self) -> ResponderRound | None:
        """The first of the rounds that wait for their turn."""
        first = None
        for round_ in self._rounds.values():
            if round_.state is State.QUEUED and (first is None or round_.number < first.number):
                first = round_
        return first

    @property
    def _is_distilling(self) -> bool:
        """Whether a round is under way that is no longer in its light, nor waits for its turn."""
        before = {State.LIGHT, State.TESTING, State.SAMPLING, State.QUEUED}
        return any(round_.state not in before for round_ in self._rounds.values())

    @property
    def waits_for_light(self) -> bool:
        """Whether announcements or rounds wait, or the book grows."""
        return self._aligner.has_pending or self._may_release or self._first_queued() is not None

    def _answer(self, announced: Announced, coincidences: Coincidences) -> None:
        """Return matches, lanes and bases of one announcement, all at once."""
        if announced.round is None:
            self._say_if_ready()
            return
        round_ = self._rounds.get(announced.round)
        if round_ is None or round_.state is not State.LIGHT:
            return
        answer = round_.answer(announced.sequence, coincidences, is_last=announced.last)
        self._send(round_, answer)

    def _say_if_ready(self) -> None:
        """Ask for rounds once the beacons show light, up to the newest of them."""
        if self._aligner.is_locked and not self._aligner.has_pending:
            self._post(self._final(max(self._last_round, 0), Ready()))

    # Messages of a round ------------------------------------------------------------------------

    def _start_for(self, envelope: Envelope, now_ps: int) -> ResponderRound | None:
        """Open a round for its first announcement; anything else for an unknown round is late.

        Anybody may have named the number, so this takes nothing from a round that has it by right.
        """
        number = envelope.round
        is_first = isinstance(envelope.body, Announce) and envelope.sequence == 0
        if not is_first and number > self._last_round:
            raise RemoteProtocolError(f"a message in the midst of round {number}, which is unknown")
        if not is_first or self._takes_no_notice_of(number):
            return None
        self._last_round = max(self._last_round, number)
        round_ = self._rounds[number] = self._new_round(number, now_ps)
        round_.streams = self._reporter.begin(number, round_.transcripts)
        self._aligner.forget_beacons()
        self._events.append(RoundStarted(number))
        droppable = [old for old in self._rounds.values() if self._may_drop(old)]
        if len(droppable) > MAX_OPEN_ROUNDS:  # those far ahead may be made up
            self._drop(max(droppable, key=lambda old: old.number), AbortReason.TIMED_OUT)
        elif not self._pads.is_for_round(self._pads.next_pad):
            # The announcer could not answer our vote, or could not close the link after it.
            self._drop(round_, AbortReason.RESERVE_EMPTY)
        return self._rounds.get(number)

    @property
    def _wants_to_close(self) -> bool:
        return self._life is Life.ENDING or self._life is Life.CLOSING

    @property
    def _begins_no_more(self) -> bool:
        return self._life is Life.CLOSING or self._life is Life.CLOSED

    def _takes_no_notice_of(self, number: int) -> bool:
        return self._begins_no_more or number <= self._settled_round

    def _drop(self, round_: ResponderRound, reason: AbortReason) -> None:
        self._aligner.forget_round(round_.number)
        super()._drop(round_, reason)

    def _take(self, round_: ResponderRound, body: Message, now_ps: int) -> None:
        _ = now_ps
        self._run(round_, round_.take(body))
        if isinstance(body, Announce):
            self._have_matched(round_, body)

    def _have_matched(self, round_: ResponderRound, body: Announce) -> None:
        self._aligner.add(
            Announced(
                round=round_.number,
                sequence=round_.sequences[Role.ANNOUNCER] - 1,
                last=body.last,
                stop_ps=body.stop_ticks * self.config.announcer_tick_ps,
                times_ps=announced_times_ps(self.config, body),
            )
        )

    def _on_idle(self, body: Beacon | Ready) -> None:
        """Look for light in times that belong to no round; a round that gets some comes first."""
        if not isinstance(body, Beacon):
            raise RemoteProtocolError("a word of being ready from the announcer")
        stop_ps = body.stop_ticks * self.config.announcer_tick_ps
        is_lit = any(
            round_.state is State.LIGHT and not round_.is_announced
            for round_ in self._rounds.values()
        )
        if is_lit or self._is_light_over or not self._aligner.is_plausible(stop_ps):
            return
        times_ps = announced_times_ps(self.config, body)
        self._aligner.add(Announced(None, 0, last=True, stop_ps=stop_ps, times_ps=times_ps))

    # Votes --------------------------------------------------------------------------------------

    def _on_seal(self, number: int, seal: Seal, now_ps: int) -> None:
        """Vote, if the announcer has seen the transcripts that this end has seen."""
        round_ = self._rounds.get(number)
        if round_ is None:
            if number > self._last_round:
                raise RemoteProtocolError(f"a seal of round {number}, which is unknown")
            return  # dropped by now
        if round_.state is not State.SEALING:
            raise RemoteProtocolError(f"a seal in state {round_.state.name}")
        pad = self._pads.next_pad
        if not self._reporter.is_sealed(number, seal):
            self._events.append(Alarm(number, "a round that is not what the announcer has sealed"))
            self._drop(round_, AbortReason.AUTHENTICATION_FAILED)
        elif not self._pads.is_for_round(pad):
            self._drop(round_, AbortReason.RESERVE_EMPTY)
        else:
            self._vote(round_, pad, now_ps)

    def _vote(self, round_: ResponderRound, pad: int, now_ps: int) -> None:
        """The round has its key: from here on only the announcer's decision ends it."""
        number, key, digests = round_.number, round_.key, round_.digests
        tag = self._sign(Bound(b"vote", number, digests), pad)
        vote = self._final(number, proven_vote(self._macs, number, pad, tag))
        round_.prepare(vote, pad)
        self._events.append(
            BlockPrepared(number, pad, pack_bits(key), key.size, vote, digests, round_.books)
        )
        self._post(vote)
        self._repetition.start(now_ps)

    # Decisions ----------------------------------------------------------------------------------

    def _may_drop(self, round_: ResponderRound) -> bool:
        return round_.state is not State.PREPARED

    def _on_final(self, number: int, body: Final, now_ps: int) -> None:
        match body:
            case Seal():
                self._on_seal(number, body, now_ps)
            case Decision():
                self._on_decision(body, now_ps)
            case Close():
                self._on_close(now_ps)
            case _:
                raise RemoteProtocolError(f"{type(body).__name__} from the announcer")

    def _on_decision(self, decision: Decision, now_ps: int) -> None:
        """Act on the decision on what the lowest pad has signed."""
        pad = self._pads.next_pad
        prepared = next((r for r in self._rounds.values() if r.state is State.PREPARED), None)
        if decision.pad < pad:  # a repeat
            self._acknowledge()
        elif decision.pad > pad or (prepared is None and self._life is not Life.CLOSING):
            self.alarm("a decision on no vote of this end")
        elif not self._may_check(now_ps):
            pass  # it is asked for again
        elif prepared is not None:
            self._judge(prepared, decision, now_ps)
        else:
            self._on_closed(decision, now_ps)

    def _judge(self, round_: ResponderRound, decision: Decision, now_ps: int) -> None:
        """Do what a decision on the vote in doubt says, if it is signed."""
        commit = Bound(b"commit", round_.number, round_.digests)
        bound = commit if decision.commit else ABORT
        if not self._is_signed(decision.tag, bound, round_.pad, now_ps):
            return
        self._book_check(round_)
        self._repetition.stop()
        if decision.commit:
            self._commit(round_)
        else:
            self._obey_abort(round_)

    def _commit(self, round_: ResponderRound) -> None:
        del self._rounds[round_.number]
        self._reporter.settle(round_.number)
        round_.count_round_trip()
        self._settle(round_.number, round_.pad, round_.key, round_.books)
        self._miss_reports(round_.number)
        self._drop_before(round_.number)
        self._spend_pad(round_.pad)
        self._acknowledge()

    def _acknowledge(self) -> None:
        """Say up to which pad this end has the decisions on its votes."""
        pad = self._pads.next_pad - 1
        mac = self._macs.own(b"settled", pad, b"")
        self._post(self._final(max(self._last_round, 0), Settled(pad, mac)))

    def _obey_abort(self, round_: ResponderRound) -> None:
        self._events.append(
            BlockDropped(round_.number, round_.key.size, AbortReason.AUTHENTICATION_FAILED)
        )
        self._drop(round_, AbortReason.PEER_ABORTED)
        self._reporter.note_reported(round_.number)  # by something signed
        self._spend_pad(round_.pad)

    # Closing ------------------------------------------------------------------------------------

    def _on_close(self, now_ps: int) -> None:
        """Answer with the closing vote once nothing is open here either."""
        if self._closing_vote:
            self._post(self._closing_vote)
        elif self._wants_to_close:
            self._vote_to_close(now_ps)

    def _vote_to_close(self, now_ps: int) -> None:
        if any(not self._may_drop(round_) for round_ in self._rounds.values()):
            return
        if not self._pads.has(self._pads.next_pad):
            raise RemoteProtocolError("a request to close without pads")
        if self._rounds:  # an announcer that closes has told of all that it has dropped
            raise RemoteProtocolError("a request to close while rounds are open")
        # From here on this end's pads sign closing votes alone, in later lives too.
        self._move(Close, Life.CLOSING)
        self._events.append(ClosingVoted(self._pads.next_pad))
        self._sign_closing_vote()
        self._post(self._closing_vote)
        self._repetition.start(now_ps)

    def _sign_closing_vote(self) -> None:
        pad = self._pads.next_pad
        tag = self._sign(CLOSE, pad)
        number = self._settled_round + 1  # nobody looks at it
        vote = proven_vote(self._macs, number, pad, tag, closing=True)
        self._closing_vote = self._final(number, vote)

    def _on_closed(self, decision: Decision, now_ps: int) -> None:
        bound = CLOSED if decision.commit else ABORT
        pad = decision.pad
        if not self._is_signed(decision.tag, bound, pad, now_ps):
            return
        self._spend_pad(pad)
        if not decision.commit:
            # The pad has signed the abort of a vote made up on the wire: the next one closes.
            self._sign_closing_vote()
            self._post(self._closing_vote)
            return
        self._miss_reports()
        self._repetition.stop()
        self._move(Decision, Life.CLOSED)
        chance = self._signer.forgery_probability()
        self._events.append(LinkClosed(pad, self._closing_vote, chance))

    # Deadlines ----------------------------------------------------------------------------------

    def handle_deadline(self, now_ps: int) -> None:
        """Repeat the vote in doubt, or the wish to close; drop rounds that have waited too long."""
        if self._repetition.is_due(now_ps):
            self._repetition.start(now_ps)
            self._repeat_vote()
        super().handle_deadline(now_ps)

    def _repeat_vote(self) -> None:
        prepared = [round_ for round_ in self._rounds.values() if round_.state is State.PREPARED]
        if prepared:
            self._post(prepared[0].vote)
        elif self._closing_vote:
            self._post(self._closing_vote)
        elif self._wants_to_close and not self._rounds:
            self._post(self._final(max(self._last_round, 0), Ready()))

    def peer_restarted(self, now_ps: int) -> None:
        """Drop what was under way, and ask again for the decision on what is in doubt."""
        super().peer_restarted(now_ps)
        self._repeat_vote()
