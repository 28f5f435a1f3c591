"""ETSI GS QKD 014 V1.1.1 before a key manager: HTTPS with certificates of both sides.

An application is who its certificate says (the common name), never who a header says. Who it is and
what it is entitled to is judged before anything else is said about a request. The only codes are
200, 400, 401 and 503, each with a JSON body (and 405 at the paths of SKIP, `netsim.delivery.skip`);
what is no HTTP at all gets aiohttp's 400, as text.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

from aiohttp import HttpVersion11, web
from aiohttp.typedefs import Handler, Middleware

from netsim.delivery.journal import Journal
from netsim.delivery.keys import (
    BadRequestError,
    Collection,
    DeliveredKey,
    Order,
    RefusedError,
    StrangerError,
)
from netsim.delivery.manager import KeyManager
from netsim.delivery.messages import (
    Json,
    container,
    error_entry,
    key_ids_of,
    key_request_of,
    read_key_ids,
    read_key_request,
    status_entry,
)
from netsim.delivery.metrics import Metrics
from netsim.delivery.skip import KEY_BY_ID, CounterSkip
from netsim.delivery.together import Together
from netsim.errors import OutputError

MAX_BODY_BYTES = 65_536
BODY_S = 10.0
"""For a body to come, from its head on."""
SILENCE_S = 60.0
"""A connection without a whole request for so long is closed, whoever holds it open."""
PATH = "/api/v1/keys/{sae}"
OPERATIONS = frozenset(
    {"status", "enc_keys", "dec_keys", "metrics", "capabilities", "key", KEY_BY_ID, "entropy"}
)
"""As they are counted; what is none of these is other."""

SILENT = logging.Logger(__name__, logging.CRITICAL + 1)
"""For what aiohttp would print of damaged requests, tracebacks among it: anybody can send those."""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

T = TypeVar("T")


class Counter014:
    """The HTTP face of one manager.

    Parameters
    ----------
    manager : KeyManager
    worker : Executor
        Of one thread, in which all managers of the process do their work, one group of requests at
        a time.
    journal : Journal
    metrics : Metrics
    metrics_text : callable
        Called in the worker.
    """

    def __init__(
        self,
        manager: KeyManager,
        worker: Executor,
        journal: Journal,
        metrics: Metrics,
        metrics_text: Callable[[], str],
    ) -> None:
        self._manager = manager
        most = manager.limits.max_key_per_request
        self._giving = {peer: Together(worker, manager.give, most) for peer in manager.peers}
        self._fetching = Together(worker, manager.fetch, most)
        self._skip = CounterSkip(manager, self._given, self._fetching.do)
        self._worker = worker
        self._journal = journal
        self._metrics = metrics
        self._metrics_text = metrics_text

    def application(self) -> web.Application:
        """What aiohttp serves."""
        app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[self._guard()])
        app.add_routes(
            [
                _route("GET", f"{PATH}/status", self._status),
                _route("GET", f"{PATH}/enc_keys", self._give),
                _route("POST", f"{PATH}/enc_keys", self._give),
                _route("GET", f"{PATH}/dec_keys", self._fetch),
                _route("POST", f"{PATH}/dec_keys", self._fetch),
                *(_route(*each) for each in self._skip.routes()),
                _route("GET", "/metrics", self._show_metrics),
                _route("*", "/{path:.*}", _find_nothing),
            ]
        )
        return app

    def _guard(self) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            started_s = time.perf_counter()
            try:
                request["caller"] = caller = caller_of(request)
                self._manager.admit(caller)
                answer = await handler(request)
            except RefusedError as error:
                answer = _error(error.code, error.message)
            except web.HTTPException as error:
                answer = _error(BadRequestError.code, error.reason)
            except OutputError:
                answer = _error(RefusedError.code, "the key manager cannot write")
            except Exception as error:  # noqa: BLE001 - its text might hold anything
                self._journal.tell("failed", user=self._manager.user, what=type(error).__name__)
                answer = _error(RefusedError.code, "the key manager has failed")
            self._record(request, answer.status, time.perf_counter() - started_s)
            return answer

        return guard

    def _record(self, request: web.Request, code: int, wall_s: float) -> None:
        name = request.get("operation") or request.path.rsplit("/", 1)[-1]
        operation = name if name in OPERATIONS else "other"
        keys = request.get("keys", 0)
        self._metrics.count(self._manager.user, operation, code, keys)
        self._journal.tell(
            "answered",
            user=self._manager.user,
            sae=request.get("caller"),
            operation=operation,
            code=code,
            keys=keys,
            wall_ms=round(1e3 * wall_s, 2),
        )

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    async def _status(self, request: web.Request) -> web.Response:
        caller, slave = request["caller"], request.match_info["sae"]
        found = await self._do(lambda: self._manager.status(caller, slave))
        return web.json_response(status_entry(found))

    async def _give(self, request: web.Request) -> web.Response:
        caller, slave = request["caller"], request.match_info["sae"]
        is_get = request.method == "GET"
        asked = (
            key_request_of(list(request.query.items()))
            if is_get
            else read_key_request(await _body_of(request))
        )
        asked.check()
        order = self._manager.order(caller, slave, number=asked.number, size_bits=asked.size)
        return _handed_out(request, await self._given(order))

    async def _given(self, order: Order) -> tuple[DeliveredKey, ...]:
        return await self._giving[order.peer].do(order)

    async def _fetch(self, request: web.Request) -> web.Response:
        caller, master = request["caller"], request.match_info["sae"]
        is_get = request.method == "GET"
        asked = (
            key_ids_of(list(request.query.items()))
            if is_get
            else read_key_ids(await _body_of(request))
        )
        wanted = Collection(caller, master, tuple(asked.ids))
        return _handed_out(request, await self._fetching.do(wanted))

    async def _show_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(text=await self._do(self._metrics_text))


def caller_of(request: web.Request) -> str:
    """Common name of the client's certificate; StrangerError where there is none."""
    certificate = (
        None if request.transport is None else request.transport.get_extra_info("peercert")
    )
    names = [
        value
        for part in (certificate or {}).get("subject", ())
        for name, value in part
        if name == "commonName"
    ]
    if len(names) != 1:
        raise StrangerError("a certificate with one common name is needed")
    return str(names[0])


def _route(method: str, path: str, handler: Handler) -> web.RouteDef:
    return web.route(method, path, handler, expect_handler=_expect)


def _handed_out(request: web.Request, keys: tuple[DeliveredKey, ...]) -> web.Response:
    request["keys"] = len(keys)
    return web.json_response(container(keys), headers={"Cache-Control": "no-store"})


async def _find_nothing(_request: web.Request) -> web.Response:
    raise web.HTTPNotFound


async def _expect(request: web.Request) -> None:
    """Ask for the body where the client waits for that; what else it expects is passed over."""
    is_waiting = request.headers["Expect"].lower() == "100-continue"
    if is_waiting and request.version >= HttpVersion11:
        await request.writer.write(CONTINUE)
        request.writer.output_size = 0  # of the answer itself nothing is out


async def _body_of(request: web.Request) -> bytes:
    """As it was sent: what somebody has cut off a compressed body would not be missed."""
    if "Content-Encoding" in request.headers:
        raise BadRequestError("a body with a Content-Encoding is not taken")
    try:
        async with asyncio.timeout(BODY_S):
            return await request.read()
    except (TimeoutError, ConnectionError) as error:
        raise BadRequestError(f"the body has not come within {BODY_S:g} s") from error


def _error(code: int, message: str) -> web.Response:
    entry: Json = error_entry(message)
    return web.json_response(entry, status=code)
