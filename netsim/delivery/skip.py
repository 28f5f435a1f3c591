"""Cisco's Secure Key Integration Protocol (SKIP) before a key manager, beside ETSI GS QKD 014.

A system of SKIP is an application (SAE) here, known by its certificate as ever: who asks is the
local system, the remote one is named, and each key is delivered once a side. Ids and keys are
hexadecimal, an id of 128 bits. TLS with a pre-shared key, which SKIP has as well, is not there.

References
----------
R. Singh et al., Secure Key Integration Protocol (SKIP), draft-cisco-skip-02 (2025).
"""

import re
import secrets
from collections.abc import Awaitable, Callable
from uuid import UUID

from aiohttp import web
from aiohttp.typedefs import Handler

from netsim.delivery.keys import BadRequestError, Collection, DeliveredKey, Order
from netsim.delivery.manager import KeyManager
from netsim.delivery.messages import Json, error_entry, number_of, single_values

ALGORITHM = "QKD"
ENTROPY_BITS = 256
"""If no amount is asked for."""
MAX_ENTROPY_BITS = 65_536
REMOTE = "remoteSystemID"
KEY_BY_ID = "key_by_id"
"""As that operation is told and counted: its path ends with the id, which is not."""

_KEY_ID = re.compile(r"[0-9a-fA-F]{32}", re.ASCII)

Give = Callable[[Order], Awaitable[tuple[DeliveredKey, ...]]]
Fetch = Callable[[Collection], Awaitable[tuple[DeliveredKey, ...]]]


class CounterSkip:
    """The paths of SKIP at one manager.

    Parameters
    ----------
    manager : KeyManager
    give, fetch : callable
        As its other requests are met.
    """

    def __init__(self, manager: KeyManager, give: Give, fetch: Fetch) -> None:
        self._manager = manager
        self._give = give
        self._fetch = fetch

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Method, path and handler of each; other methods than GET are refused."""
        handlers: dict[str, Handler] = {
            "/capabilities": self._capabilities,
            "/key": self._new_key,
            "/key/{id}": self._key_by_id,
            "/entropy": self._entropy,
        }
        gets = [("GET", path, handler) for path, handler in handlers.items()]
        return [*gets, *(("*", path, _refuse_method) for path in handlers)]

    async def _capabilities(self, request: web.Request) -> web.Response:
        single_values(request.query.items(), ())
        return _answer(
            {
                "entropy": True,
                "key": True,
                "algorithm": ALGORITHM,
                "localSystemID": request["caller"],
                "remoteSystemID": self._manager.slaves(),
            }
        )

    async def _new_key(self, request: web.Request) -> web.Response:
        asked = single_values(request.query.items(), (REMOTE, "size"))
        size_bits = number_of("size", asked["size"]) if "size" in asked else None
        order = self._manager.order(
            request["caller"], _remote(asked), number=1, size_bits=size_bits
        )
        return _key_answer(request, await self._give(order))

    async def _key_by_id(self, request: web.Request) -> web.Response:
        request["operation"] = KEY_BY_ID
        asked = single_values(request.query.items(), (REMOTE,))
        text = request.match_info["id"]
        if not _KEY_ID.fullmatch(text):
            raise BadRequestError("keyId shall be 32 hexadecimal digits")
        wanted = Collection(request["caller"], _remote(asked), (str(UUID(text)),))
        return _key_answer(request, await self._fetch(wanted))

    async def _entropy(self, request: web.Request) -> web.Response:
        """Random bits of the operating system, not of any light."""
        asked = single_values(request.query.items(), ("minentropy",))
        bits = number_of("minentropy", asked["minentropy"]) if asked else ENTROPY_BITS
        if not 1 <= bits <= MAX_ENTROPY_BITS:
            raise BadRequestError(f"minentropy shall be 1 to {MAX_ENTROPY_BITS} bits")
        return _answer({"randomStr": secrets.token_hex(-(-bits // 8)), "minentropy": bits})


def _remote(asked: dict[str, str]) -> str:
    if REMOTE not in asked:
        raise BadRequestError(f"{REMOTE} is missing")
    return asked[REMOTE]


def _key_answer(request: web.Request, keys: tuple[DeliveredKey, ...]) -> web.Response:
    (key,) = keys
    request["keys"] = 1
    return _answer({"keyId": UUID(key.id).hex, "key": key.bits.hex()})


def _answer(entry: Json) -> web.Response:
    return web.json_response(entry, headers={"Cache-Control": "no-store"})


async def _refuse_method(_request: web.Request) -> web.Response:
    return web.json_response(error_entry("only GET is there"), status=405)
