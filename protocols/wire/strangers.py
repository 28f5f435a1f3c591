"""Who may be a new life of the peer, and how often one is answered.

An epoch that returns the nonce it was sent is alive; a replayed one stays silent. Answers are
bounded in time: without that somebody who doubles datagrams would have both ends answer each other
ever faster.
"""

from protocols.wire.datagrams import Kind

MAX_CHALLENGES = 16
MOMENT_PS = 1_000_000_000
ANSWERS_PER_MOMENT = 2
"""Of each kind: one must not keep another from being sent."""
NONCES = 1 << 32


class Strangers:
    """Challenges under way, and answers of late."""

    def __init__(self) -> None:
        self._nonces: dict[int, int] = {}
        """By epoch, the oldest first."""
        self._last_nonce = 0
        self._answers_ps: dict[Kind, list[int]] = {}
        self._answered: tuple[int, int] | None = None

    def __len__(self) -> int:
        """How much is remembered."""
        return len(self._nonces) + sum(map(len, self._answers_ps.values()))

    def may_answer(self, kind: Kind, now_ps: int) -> bool:
        """Whether to answer in this way now; counts as an answer if so."""
        answers_ps = self._answers_ps.get(kind, [])
        recent_ps = [time_ps for time_ps in answers_ps if time_ps > now_ps - MOMENT_PS]
        may = len(recent_ps) < ANSWERS_PER_MOMENT
        self._answers_ps[kind] = [*recent_ps, now_ps] if may else recent_ps
        return may

    def nonce_for(self, epoch: int) -> int:
        """What to ask an epoch with.

        It keeps its nonce until some epoch is accepted, whoever else is challenged meanwhile: else
        two that alternate would be challenged for ever.
        """
        if epoch not in self._nonces:
            self._last_nonce = (self._last_nonce + 1) % NONCES
            self._nonces[epoch] = self._last_nonce
            if len(self._nonces) > MAX_CHALLENGES:
                del self._nonces[next(iter(self._nonces))]
        return self._nonces[epoch]

    def accept(self, epoch: int, nonce: int) -> bool:
        """Whether this answers our question; then all others are void."""
        is_answer = self._nonces.get(epoch) == nonce
        if is_answer:
            self._nonces.clear()
        return is_answer

    def is_new_question(self, epoch: int, nonce: int) -> bool:
        """Whether this was not the last question that was answered."""
        is_new = (epoch, nonce) != self._answered
        self._answered = (epoch, nonce)
        return is_new
