"""From a file, a shipped name or a text to a checked topology, or to all its faults at once.

Whatever is in the file, the outcome is a `TopologySpec` or a `ConfigError`, nothing else.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path

from netsim.arguments import explained
from netsim.errors import ConfigError, suggestion
from netsim.topology.checks import find_faults
from netsim.topology.events import event_faults
from netsim.topology.overrides import Overrides, apply_overrides
from netsim.topology.reading import read
from netsim.topology.shipped import SUFFIX, shipped_bytes, shipped_topologies
from netsim.topology.specs import TopologySpec

MAX_FILE_BYTES = 4 << 20
"""A network of ten thousand users fits; a file like ``/dev/zero`` does not."""
MAX_KEY_PARTS = 32
"""Far more than any key has; parsing takes memory with the square of them."""
MAX_SHOWN = 200
"""Of a file name in a message."""
_KEY_PART = r"""(?:(?<![\w-])[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+"""
_DEEP_KEY = re.compile(f"(?:{_KEY_PART}){{{MAX_KEY_PARTS}}}")


@explained
def load_topology(name_or_path: str | Path, *, overrides: Overrides = ()) -> TopologySpec:
    """Read, override, validate and check a topology.

    Parameters
    ----------
    name_or_path : str or Path
        Name of a shipped topology (a bare word), or path of a TOML file, or of the ``.json`` that a
        run has kept; a `Path` is always a path.
    overrides : sequence of str, str or mapping
        ``path=value`` each, or paths to values, see `netsim.topology.overrides`.

    Raises
    ------
    ConfigError
        With every fault of the file and of the overrides.
    """
    is_name = isinstance(name_or_path, str) and name_or_path in shipped_topologies()
    source = ascii(str(name_or_path))[1:-1][:MAX_SHOWN] or "topology"
    content = shipped_bytes(str(name_or_path)) if is_name else _read(str(name_or_path), source)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError.of(source, f"not UTF-8 (at line {line})") from error
    parse = _parse_json if str(name_or_path).endswith(".json") else _parse
    return topology_from_mapping(parse(text, source), overrides=overrides, source=source)


def topology_of(topology: TopologySpec | str | Path, *, overrides: Overrides = ()) -> TopologySpec:
    """What `load_topology` takes, or a topology that is there already, with ``overrides``.

    Raises
    ------
    ConfigError
        As `load_topology`.
    """
    if not isinstance(topology, TopologySpec):
        return load_topology(topology, overrides=overrides)
    if not overrides:
        return topology
    raw = topology.model_dump(mode="json", exclude_none=True)
    return topology_from_mapping(raw, overrides=overrides, source=topology.name)


def parse_topology(
    text: str, *, overrides: Overrides = (), source: str = "topology"
) -> TopologySpec:
    """Validate and check the text of a topology file.

    Parameters
    ----------
    text : str
        TOML.
    overrides : sequence of str, str or mapping
        As in `load_topology`.
    source : str
        Named as the path of faults that lie in no key.

    Raises
    ------
    ConfigError
        With every fault of the text and of the overrides.
    """
    return topology_from_mapping(_parse(text, source), overrides=overrides, source=source)


def topology_from_mapping(
    raw: Mapping[str, object], *, overrides: Overrides = (), source: str = "topology"
) -> TopologySpec:
    """Validate and check a topology given as tables and lists; parameters as above.

    Raises
    ------
    ConfigError
        With every fault of the mapping and of the overrides.
    """
    try:
        changed = deepcopy(dict(raw))
        faults = apply_overrides(changed, overrides)
        reading = read(changed)
        faults += reading.faults + find_faults(reading.topology)
        faults += () if faults else event_faults(reading.topology)
    except RecursionError as error:
        raise ConfigError.of(source, "tables or lists are nested too deeply") from error
    if faults:
        raise ConfigError(faults)
    return reading.topology


def _parse(text: str, source: str) -> dict[str, object]:
    if (deep := _DEEP_KEY.search(text)) is not None:
        line = text.count("\n", 0, deep.start()) + 1
        raise ConfigError.of(source, f"a key of more than {MAX_KEY_PARTS} parts (at line {line})")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ConfigError.of(source, "tables or lists are nested too deeply") from error
    except ValueError as error:
        raise ConfigError.of(source, f"no TOML: {_reason(error, text)}") from error


def _parse_json(text: str, source: str) -> dict[str, object]:
    try:
        loaded = json.loads(text)
    except RecursionError as error:
        raise ConfigError.of(source, "objects or lists are nested too deeply") from error
    except ValueError as error:
        raise ConfigError.of(source, f"no JSON: {error}") from error
    if not isinstance(loaded, dict):
        raise ConfigError.of(source, "no JSON object")
    return _without_nulls(loaded)


def _without_nulls(values: dict[str, object]) -> dict[str, object]:
    """Drop what is not given: TOML has no null."""
    return {name: _cleaned(value) for name, value in values.items() if value is not None}


def _cleaned(value: object) -> object:
    if isinstance(value, dict):
        return _without_nulls(value)
    return [_cleaned(item) for item in value] if isinstance(value, list) else value


def _reason(error: ValueError, text: str) -> str:
    if not isinstance(error, tomllib.TOMLDecodeError):
        return "a number with too many digits"  # Python converts no more than 4300.
    last_line = text.count("\n") + 1
    reason = str(error).replace("at end of document", f"at line {last_line}, end of document")
    return reason.encode("ascii", "backslashreplace").decode().replace("\n", " ")


def _read(name: str, source: str) -> bytes:
    try:
        path = Path(name)
        if path.is_dir():
            raise ConfigError.of(source, "a directory, not a topology file")
        if path.is_fifo():
            raise ConfigError.of(source, "a pipe, not a topology file")
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigError.of(source, _not_found(name)) from error
    except OSError as error:
        raise ConfigError.of(source, f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise ConfigError.of(source, f"no file name: {error}") from error
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError.of(source, f"larger than {MAX_FILE_BYTES >> 20} MiB, no topology")
    return content


def _not_found(name: str) -> str:
    shipped = shipped_topologies()
    if name in shipped:
        return f"no such file; the shipped topology is loaded by its name, a text: {name!a}"
    stem = Path(name).name.removesuffix(SUFFIX)
    meant = stem if stem in shipped else suggestion(stem, shipped)
    hint = f"; did you mean {meant}?" if meant else ""
    return f"no such file and no shipped topology ({', '.join(shipped)}){hint}"
