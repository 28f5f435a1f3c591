"""Requests and answers of ETSI GS QKD 014 V1.1.1 (2019-02): any bytes are read, or refused."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from netsim.delivery.keys import BadRequestError, DeliveredKey
from netsim.delivery.manager import Status

Json = dict[str, Any]
M = TypeVar("M", bound="_Message")

MAX_DIGITS = 18
"""Of a number in a query."""
_Extension = list[Any] | dict[str, Any]


class _Message(BaseModel):
    """Strict types; unknown fields refused: a misspelt one would be a wish not heard."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


class KeyRequest(_Message):
    """Get key (table 10); None for what is not said."""

    number: int | None = None
    size: int | None = None
    additional_slave_SAE_IDs: list[str] | None = None  # noqa: N815 - as the standard has it
    extension_mandatory: _Extension | None = None
    extension_optional: _Extension | None = None

    def check(self) -> None:
        """BadRequestError for what this manager does not have: extensions, multicast."""
        if self.extension_mandatory:
            raise BadRequestError("not all extension_mandatory parameters are supported")
        if self.additional_slave_SAE_IDs:
            raise BadRequestError("additional_slave_SAE_IDs: max_SAE_ID_count is 0")


class KeyId(_Message):
    """One entry of `KeyIds`."""

    key_ID: str  # noqa: N815
    key_ID_extension: Any = None  # noqa: N815


class KeyIds(_Message):
    """Get key with key IDs (table 12)."""

    key_IDs: Annotated[list[KeyId], Field(min_length=1)]  # noqa: N815
    key_IDs_extension: Any = None  # noqa: N815

    @property
    def ids(self) -> list[str]:
        """As they are stored: UUIDs in lower case."""
        return [entry.key_ID.lower() for entry in self.key_IDs]


def read_key_request(body: bytes) -> KeyRequest:
    """A body of POST enc_keys; nothing at all asks for the defaults."""
    return _read(KeyRequest, body or b"{}")


def read_key_ids(body: bytes) -> KeyIds:
    """A body of POST dec_keys."""
    return _read(KeyIds, body)


def key_request_of(query: Iterable[tuple[str, str]]) -> KeyRequest:
    """The same of a GET: ``number`` and ``size``, once each."""
    values = single_values(query, ("number", "size"))
    return KeyRequest.model_validate({name: number_of(name, text) for name, text in values.items()})


def key_ids_of(query: Iterable[tuple[str, str]]) -> KeyIds:
    """The same of a GET: one ``key_ID``."""
    values = single_values(query, ("key_ID",))
    if not values:
        raise BadRequestError("key_ID is missing")
    return KeyIds(key_IDs=[KeyId(key_ID=values["key_ID"])])


def container(keys: Sequence[DeliveredKey]) -> Json:
    """A key container (table 11)."""
    return {"keys": [_key_entry(key) for key in keys]}


def _key_entry(key: DeliveredKey) -> Json:
    """One key; where it was relayed, its extension names who could know it."""
    entry: Json = {"key_ID": key.id, "key": base64.b64encode(key.bits).decode("ascii")}
    return entry | ({"key_extension": {"known_to": key.known_to}} if key.known_to else {})


def status_entry(status: Status) -> Json:
    """A status (table 9)."""
    return asdict(status)


def error_entry(message: str) -> Json:
    """An error (table 13)."""
    return {"message": message, "details": []}


def _read(kind: type[M], body: bytes) -> M:
    """Parsed by pydantic, which takes neither half a surrogate pair nor any depth of nesting."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise BadRequestError("the body is no JSON") from error
        where = ".".join(str(part)[:40] for part in first["loc"])
        raise BadRequestError(f"{where}: {first['msg']}".removeprefix(": ")) from error


def single_values(query: Iterable[tuple[str, str]], known: Sequence[str]) -> dict[str, str]:
    """Parameters of a query, each once; BadRequestError for any that is not ``known``."""
    pairs = tuple(query)
    values = dict(pairs)
    if len(values) < len(pairs):
        raise BadRequestError("a parameter is given twice")
    if not values.keys() <= set(known):
        raise BadRequestError(f"known parameters are {', '.join(known) or 'none'}")
    return values


def number_of(name: str, text: str) -> int:
    """A parameter that is a number; BadRequestError if it is none."""
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        raise BadRequestError(f"{name} shall be an integer")
    return int(text)
