"""Requests that arrive while others are at work are done together, as soon as those are done."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """A request for some keys."""

    @property
    def number(self) -> int:
        """How many."""
        ...


A = TypeVar("A", bound=Sized)
T = TypeVar("T")


class Together(Generic[A, T]):
    """A queue before work that costs nearly the same for one request as for several.

    Parameters
    ----------
    worker : Executor
        Where the work is done.
    work : callable
        Requests to what comes of each, in their order: a value, or an exception. If it raises
        itself, or answers more or fewer than have asked, that is what comes of all of them.
    most : int
        Keys in one go, unless a single request has more.
    """

    def __init__(
        self, worker: Executor, work: Callable[[Sequence[A]], Sequence[T | Exception]], most: int
    ) -> None:
        self._worker = worker
        self._work = work
        self._most = most
        self._waiting: list[tuple[A, asyncio.Future[T]]] = []
        self._task: asyncio.Task[None] | None = None

    async def do(self, asked: A) -> T:
        """What comes of ``asked``, once the work is done."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._waiting.append((asked, answer))
        if self._task is None:
            self._task = loop.create_task(self._work_off())
        return await answer

    async def _work_off(self) -> None:
        while group := self._next_group():
            outcomes = await self._done([asked for asked, _ in group])
            for (_, answer), outcome in zip(group, outcomes, strict=True):
                _settle(answer, outcome)
        self._task = None

    def _next_group(self) -> list[tuple[A, asyncio.Future[T]]]:
        """The first that wait, as many as fit; for who has gone away nothing is done."""
        self._waiting = [(asked, answer) for asked, answer in self._waiting if not answer.done()]
        count, keys = 0, 0
        for asked, _ in self._waiting:
            keys += asked.number
            if count and keys > self._most:
                break
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group

    async def _done(self, asked: Sequence[A]) -> Sequence[T | Exception]:
        try:
            loop = asyncio.get_running_loop()
            outcomes = await loop.run_in_executor(self._worker, self._work, asked)
        except Exception as error:  # noqa: BLE001 - each of those who wait is told
            return [error] * len(asked)
        if len(outcomes) == len(asked):
            return outcomes
        wrong = RuntimeError(f"{len(outcomes)} answers to {len(asked)} requests")
        return [wrong] * len(asked)


def _settle(answer: "asyncio.Future[T]", outcome: T | Exception) -> None:
    """Tell who waits, if anybody still does."""
    if answer.done():
        return
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
