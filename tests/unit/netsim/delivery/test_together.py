"""Requests that wait for work that is under way are done together with the next."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from netsim.delivery.together import Together


@dataclass(frozen=True)
class Asked:
    """A request with a name."""

    name: int
    number: int = 1


class Work:
    """Notes the groups that it gets; the first waits until it may go on."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.may_go_on = threading.Event()

    def __call__(self, asked: Sequence[Asked]) -> list[int | Exception]:
        """Odd numbers are refused; beyond 100 all of it fails."""
        self.may_go_on.wait(10.0)
        self.groups.append([each.name for each in asked])
        if any(each.name > 100 for each in asked):
            raise OSError("disk is full")
        return [LookupError(each.name) if each.name % 2 else each.name for each in asked]


def outcomes_of(work: Work, most: int, requests: Sequence[Asked]) -> list[int | BaseException]:
    """Of requests of which all but the first arrive while that is at work."""

    async def ask_all() -> list[int | BaseException]:
        with ThreadPoolExecutor(1) as worker:
            together = Together(worker, work, most)
            first = asyncio.ensure_future(together.do(requests[0]))
            await asyncio.sleep(0.01)
            rest = [asyncio.ensure_future(together.do(each)) for each in requests[1:]]
            await asyncio.sleep(0.01)
            work.may_go_on.set()
            return await asyncio.gather(first, *rest, return_exceptions=True)

    return asyncio.run(ask_all())


def test_who_waits_shares_the_next_group() -> None:
    """In the order of arrival; each gets what comes of its own request."""
    work = Work()
    outcomes = outcomes_of(work, 10, [Asked(name) for name in range(5)])
    assert work.groups == [[0], [1, 2, 3, 4]]
    assert outcomes[::2] == [0, 2, 4]
    assert [str(each) for each in outcomes[1::2]] == ["1", "3"]


def test_groups_have_an_end() -> None:
    """So many keys in one go, but a request that is larger goes by itself."""
    work = Work()
    sizes = (1, 3, 3, 4, 11, 1)
    outcomes_of(work, 10, [Asked(2 * at, number) for at, number in enumerate(sizes)])
    assert work.groups == [[0], [2, 4, 6], [8], [10]]


def test_a_failure_is_that_of_its_group() -> None:
    """All in it are told, and nobody after it."""
    work = Work()
    outcomes = outcomes_of(work, 2, [Asked(name) for name in (0, 101, 2, 4)])
    assert work.groups == [[0], [101, 2], [4]]
    assert [type(each) for each in outcomes] == [int, OSError, OSError, int]


def test_who_no_longer_waits_disturbs_nobody() -> None:
    """As when a client goes away: what has not begun for it never does."""
    work = Work()

    async def ask_and_leave() -> int:
        with ThreadPoolExecutor(1) as worker:
            together = Together(worker, work, 10)
            first, second, third = (
                asyncio.ensure_future(together.do(Asked(name))) for name in (0, 2, 4)
            )
            await asyncio.sleep(0)
            first.cancel()
            second.cancel()
            await asyncio.wait([first, second])
            work.may_go_on.set()
            return await third

    assert asyncio.run(ask_and_leave()) == 4
    assert work.groups == [[4]]


def test_what_has_begun_is_done() -> None:
    """Whoever goes away then is not told, and the next group goes on."""
    work = Work()

    async def ask_and_leave() -> int:
        with ThreadPoolExecutor(1) as worker:
            together = Together(worker, work, 10)
            leaving = asyncio.ensure_future(together.do(Asked(0)))
            await asyncio.sleep(0.01)
            leaving.cancel()
            staying = asyncio.ensure_future(together.do(Asked(2)))
            await asyncio.sleep(0)
            work.may_go_on.set()
            return await staying

    assert asyncio.run(ask_and_leave()) == 2
    assert work.groups == [[0], [2]]


@pytest.mark.parametrize("answers", [0, 1, 3])
def test_a_wrong_number_of_answers_is_an_error_for_all(answers: int) -> None:
    """None of those who wait may get what is another's, or wait for ever; the next are served."""

    async def ask() -> tuple[list[int | BaseException], int]:
        numbers = [answers, 1]
        with ThreadPoolExecutor(1) as worker:
            together = Together[Asked, int](worker, lambda _asked: [7] * numbers.pop(0), most=2)
            both = [together.do(Asked(name)) for name in range(2)]
            told = await asyncio.wait_for(asyncio.gather(*both, return_exceptions=True), 10.0)
            return told, await asyncio.wait_for(together.do(Asked(3)), 10.0)

    told, later = asyncio.run(ask())
    assert [type(each) for each in told] == [RuntimeError] * 2
    assert {str(each) for each in told} == {f"{answers} answers to 2 requests"}
    assert later == 7
