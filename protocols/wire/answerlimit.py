"""How often an end answers what deserves none, or might be an answer itself.

Without a bound in time somebody who doubles datagrams, or slips in his own, would have both ends
answer each other ever faster.
"""

MOMENT_PS = 1_000_000_000
ANSWERS_PER_MOMENT = 2


class AnswerLimit:
    """Some answers in any moment, and no more."""

    def __init__(self) -> None:
        self._answers_ps: list[int] = []

    def __len__(self) -> int:
        """How much is remembered."""
        return len(self._answers_ps)

    def may_answer(self, now_ps: int) -> bool:
        """Whether to answer now; counts as an answer if so."""
        recent_ps = [time_ps for time_ps in self._answers_ps if time_ps > now_ps - MOMENT_PS]
        may = len(recent_ps) < ANSWERS_PER_MOMENT
        self._answers_ps = [*recent_ps, now_ps] if may else recent_ps
        return may
