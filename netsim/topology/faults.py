"""From what pydantic reports to one clear line per fault, with its key path."""

import json
import math
from collections.abc import Sequence
from datetime import date, time

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from netsim.errors import Fault, suggestion
from netsim.topology.schema import known_keys

UNITS = {
    "ps": "picoseconds",
    "s": "seconds",
    "hz": "hertz",
    "rad": "radians",
    "db": "decibels",
    "km": "decibels per kilometre",
    "mw": "milliwatts",
    "mw2": "pairs per second and square milliwatt",
    "labels": "ITU labels of 100 GHz",
    "um": "micrometres",
    "m": "metres",
    "ppm": "parts per million",
    "bps": "bits per second",
    "bits": "bits",
    "bytes": "bytes",
}
"""What the last token of a key means; ``_hz_per_mw`` and ``_ps_per_nm_km`` are special."""

SPECIAL_UNITS = {
    "noise_hz_per_mw": "hertz per milliwatt",
    "dispersion_ps_per_nm_km": "picoseconds per nanometre and kilometre",
}

SOURCE_PATH = ("qnsp", "source")
"""Where a table comes in kinds; pydantic puts the kind behind it."""
LONG_INTEGER_BITS = 64
SHORT_TEXT = 40


def path_text(path: Sequence[str | int]) -> str:
    """Write a key path as in ``users.1.fibre.length_m``; odd keys are quoted."""
    return ".".join(_key_text(key) for key in path) or "topology"


def value_text(value: object) -> str:
    """Describe a value of a TOML file in one short line of ASCII."""
    match value:
        case bool():
            text = str(value).lower()
        case int() if value.bit_length() > LONG_INTEGER_BITS:
            text = "a huge integer"
        case str():
            text = f"the text {_quoted(value)}"
        case dict():
            text = "a table"
        case list() | tuple():
            text = "a list"
        case date() | time():
            text = f"the date or time {value}"
        case _:
            text = ascii(value)
    return text


def unknown_key(key: str, known: Sequence[str]) -> str:
    """Message for a key that does not exist, with what was probably meant."""
    meant = suggestion(key, known)
    return "unknown key" if meant is None else f"unknown key, did you mean {meant}?"


def faults_of(error: ValidationError) -> tuple[Fault, ...]:
    """Translate all errors of one validation, in the order of the specs.

    Two that only repeat another fault are left out: a missing key that an unknown one was probably
    meant to be, and a list called too short because its entries are invalid.
    """
    details = error.errors(include_url=False)
    kinds = [_kind(detail["loc"]) for detail in details]
    for detail in details:
        detail["loc"] = _visible(detail["loc"])
    meant = {
        (*path[:-1], suggestion(str(path[-1]), known_keys(path[:-1], kind)))
        for detail, kind in zip(details, kinds, strict=True)
        if detail["type"] == "extra_forbidden"
        for path in (detail["loc"],)
    }
    return tuple(
        Fault(path_text(detail["loc"]), _message(detail, kind))
        for detail, kind in zip(details, kinds, strict=True)
        if not (detail["type"] == "missing" and detail["loc"] in meant)
        and not (detail["type"] == "too_short" and detail["input"])
    )


def _quoted(text: str) -> str:
    return ascii(text if len(text) <= SHORT_TEXT else text[:SHORT_TEXT] + "...")


def _key_text(key: str | int) -> str:
    text = str(key)
    plain = text.isascii() and text.replace("_", "").replace("-", "").isalnum()
    return text if plain else json.dumps(text[:60])


def _visible(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Path as in the file: without what pydantic adds for keys of tables and kinds of sources."""
    path = path[:-1] if path and path[-1] == "[key]" else path
    if path[:2] == SOURCE_PATH and len(path) > len(SOURCE_PATH):
        return (*SOURCE_PATH, *path[len(SOURCE_PATH) + 1 :])
    return path


def _kind(path: tuple[str | int, ...]) -> str | None:
    """The kind that pydantic puts behind the path of a table that comes in kinds."""
    is_within = path[:2] == SOURCE_PATH and len(path) > len(SOURCE_PATH) + 1
    return str(path[len(SOURCE_PATH)]) if is_within else None


def _message(detail: ErrorDetails, source_kind: str | None) -> str:
    kind, path, value = detail["type"], detail["loc"], detail["input"]
    context = detail.get("ctx", {})
    match kind:
        case "missing":
            message = "missing" if isinstance(path[-1], str) else "missing, two are needed"
        case "extra_forbidden":
            message = unknown_key(str(path[-1]), known_keys(path[:-1], source_kind))
        case "value_error":
            message = str(context["error"])
        case "literal_error":
            message = f"{value_text(value)} is not {context['expected']}"
        case "too_short":
            message = "at least one entry is needed"
        case "too_long":
            message = f"{context['actual_length']} entries, {context['max_length']} are allowed"
        case _ if kind in EXPECTED:
            message = _wrong_type(EXPECTED[kind], str(path[-1]), value)
        case _ if kind in LIMITS:
            limit = next(iter(context.values()))
            message = f"{value_text(value)} is {LIMITS[kind]} {limit:g}"
        case _:
            message = detail["msg"]
    return message


def _wrong_type(expected: str, key: str, value: object) -> str:
    unit = SPECIAL_UNITS.get(key) or UNITS.get(key.rsplit("_", 1)[-1]) if "_" in key else None
    if isinstance(value, float) and not math.isfinite(value):
        return f"expected a finite number, found {value}"
    of_unit = f" ({unit}, no unit in the value)" if unit and "number" in expected else ""
    return f"expected {expected}{of_unit}, found {value_text(value)}"


EXPECTED = {
    "float_type": "a number",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "a text",
    "string_unicode": "a text",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
}

LIMITS = {
    "greater_than": "not above",
    "greater_than_equal": "below",
    "less_than": "not below",
    "less_than_equal": "above",
    "multiple_of": "no multiple of",
}
