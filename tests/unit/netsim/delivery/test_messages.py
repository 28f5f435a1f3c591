"""Requests of ETSI GS QKD 014: any bytes are read, or refused with 400."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsim.delivery.keys import BadRequestError, DeliveredKey
from netsim.delivery.messages import (
    container,
    key_ids_of,
    key_request_of,
    read_key_ids,
    read_key_request,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.text() | st.sampled_from(["number", "size", "key_IDs", "key_ID"]), inner
        )
    ),
    max_leaves=8,
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    """Nothing else is raised."""
    for read in (read_key_request, read_key_ids):
        with suppress(BadRequestError):
            read(body)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 50_000,
        b'{"a":' * 9_000,
        b"\xff\xfe",
        b"null",
        b"[]",
        b'{"number": "3"}',
        b'{"number": true}',
        b'{"number": 1.0}',
        b'{"number": 1e400}',
        b'{"number": NaN}',
        b'{"number": ' + b"9" * 5000 + b"}",
        b'{"sise": 256}',
        b'{"additional_slave_SAE_IDs": "bob"}',
        b'{"extension_mandatory": 1}',
    ],
)
def test_garbage_is_refused(body: bytes) -> None:
    """Deep nesting, huge numbers, wrong types, unknown names."""
    with pytest.raises(BadRequestError):
        read_key_request(body)


def test_what_is_not_there_is_refused_in_the_words_of_the_standard() -> None:
    """Mandatory extensions and further slaves; optional extensions are not looked at."""
    body = {"extension_mandatory": [{"route": "direct"}]}
    text = "not all extension_mandatory parameters are supported"
    with pytest.raises(BadRequestError, match=text):
        read_key_request(json.dumps(body).encode()).check()
    with pytest.raises(BadRequestError, match="max_SAE_ID_count"):
        read_key_request(b'{"additional_slave_SAE_IDs": ["carol"]}').check()
    for accepted in (b"", b"{}", b'{"number": null, "extension_optional": [{"a": 1}]}'):
        read_key_request(accepted).check()


def test_queries() -> None:
    """Numbers once each; one id."""
    assert key_request_of([("size", "1024"), ("number", "3")]).size == 1024
    assert key_ids_of([("key_ID", "ABC")]).ids == ["abc"]
    for query in (
        [("number", "3"), ("number", "3")],
        [("number", "-3")],
        [("number", "3.0")],
        [("number", "\u0663")],
        [("number", "9" * 30)],
        [("x", "1")],
    ):
        with pytest.raises(BadRequestError):
            key_request_of(query)
    with pytest.raises(BadRequestError):
        key_ids_of([])


def test_keys_are_base64() -> None:
    """As RFC 4648 has it, with its padding."""
    entry = container([DeliveredKey("an id", b"\x00\xff\x10\x80")])
    assert entry == {"keys": [{"key_ID": "an id", "key": "AP8QgA=="}]}


def test_keys_do_not_show_themselves() -> None:
    """Not in a traceback or a log that prints them."""
    assert "secret" not in repr(DeliveredKey("an id", b"secret"))
