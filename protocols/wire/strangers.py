"""Who may be a new life of the peer, and how often one is answered.

An epoch that returns the nonce it was sent is alive; a replayed one stays silent.
"""

from collections import defaultdict

from protocols.wire.answerlimit import AnswerLimit
from protocols.wire.datagrams import Kind

MAX_CHALLENGES = 16
NONCES = 1 << 32


class Strangers:
    """Challenges under way, and answers of late."""

    def __init__(self) -> None:
        self._nonces: dict[int, int] = {}
        """By epoch, the oldest first."""
        self._last_nonce = 0
        self._limits: defaultdict[Kind, AnswerLimit] = defaultdict(AnswerLimit)
        """Of each kind: one must not keep another from being sent."""
        self._answered: tuple[int, int] | None = None

    def __len__(self) -> int:
        """How much is remembered."""
        return len(self._nonces) + sum(map(len, self._limits.values()))

    def may_answer(self, kind: Kind, now_ps: int) -> bool:
        """Whether to answer in this way now; counts as an answer if so."""
        return self._limits[kind].may_answer(now_ps)

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
