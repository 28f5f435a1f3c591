"""Strangers: who is challenged with what, and how often anybody is answered."""

from protocols.wire.answerlimit import ANSWERS_PER_MOMENT, MOMENT_PS
from protocols.wire.datagrams import Kind
from protocols.wire.strangers import MAX_CHALLENGES, Strangers


def test_epochs_keep_their_nonces_until_one_is_accepted() -> None:
    """Two that alternate are asked the same again; afterwards all that was asked is void."""
    strangers = Strangers()
    first, second = strangers.nonce_for(7), strangers.nonce_for(8)
    assert first != second
    assert [strangers.nonce_for(epoch) for epoch in (7, 8, 7)] == [first, second, first]
    assert not strangers.accept(8, first)
    assert not strangers.accept(9, first)
    assert strangers.accept(7, first)
    assert not strangers.accept(8, second)
    assert not strangers.accept(7, first)
    assert strangers.nonce_for(8) not in {first, second}


def test_only_so_many_challenges_are_remembered() -> None:
    """The oldest goes; who comes last can answer."""
    strangers = Strangers()
    nonces = [strangers.nonce_for(epoch) for epoch in range(1, MAX_CHALLENGES + 2)]
    assert len(set(nonces)) == len(nonces)
    assert len(strangers) == MAX_CHALLENGES
    assert not strangers.accept(1, nonces[0])
    assert strangers.accept(MAX_CHALLENGES + 1, nonces[-1])


def test_answers_are_bounded_kind_by_kind() -> None:
    """A few in a moment, then none until it is over; one kind does not use up another's."""
    strangers = Strangers()
    asked = [strangers.may_answer(Kind.CHALLENGE, 5) for _ in range(10)]
    assert asked == [True] * ANSWERS_PER_MOMENT + [False] * (10 - ANSWERS_PER_MOMENT)
    assert strangers.may_answer(Kind.RESPONSE, 5)
    assert not strangers.may_answer(Kind.CHALLENGE, 4 + MOMENT_PS)
    assert strangers.may_answer(Kind.CHALLENGE, 5 + MOMENT_PS)


def test_questions_are_new_once() -> None:
    """A nonce of another epoch is another question."""
    strangers = Strangers()
    asked = [(7, 1), (7, 1), (8, 1), (7, 1)]
    assert [strangers.is_new_question(*question) for question in asked] == [True, False, True, True]
