"""The trace of a run: one JSON line per event, written with structlog, never any key.

Each trace has a logger and a sink of its own and leaves structlog's global configuration alone, so
two simulations in one process do not meet. A line holds simulated time only: two runs of one seed
write the same bytes.
"""

import json
import math
from collections.abc import MutableMapping
from enum import StrEnum
from operator import index
from pathlib import Path
from typing import Any, Protocol, SupportsIndex

from netsim.errors import writing
from netsim.kernel.closing import Closing

Scalar = str | int | float | bool | None | SupportsIndex
"""What a trace line may hold beside its fixed keys; NumPy integers come out as plain ones."""


class EventName(StrEnum):
    """The fixed list of event names."""

    RUN_STARTED = "run_started"
    RUN_INTERRUPTED = "run_interrupted"
    RUN_ENDED = "run_ended"
    LINK_LOCKED = "link_locked"
    """The responder found the clocks' offset and rate."""
    LOCK_LOST = "lock_lost"
    LANE_LOST = "lane_lost"
    """A lane's peaks have gone: it is not matched any more."""
    LANE_FOUND = "lane_found"
    SYNC_FAILED = "sync_failed"
    """No lock: best peak and bins searched say how far it was."""
    ROUND_STARTED = "round_started"
    ROUND_SIFTED = "round_sifted"
    """The sifted bits of a round are fixed at this end."""
    ROUND_SAMPLED = "round_sampled"
    """Random sifted bits are public now and thrown away."""
    ROUND_ABORTED = "round_aborted"
    BLOCK_PREPARED = "block_prepared"
    """The responder has voted and waits for the decision."""
    BLOCK_HELD = "block_held"
    """The announcer has signed commit and waits for an acknowledgement."""
    BLOCK_USABLE = "block_usable"
    BLOCK_DROPPED = "block_dropped"
    NETWORK_CHANGED = "network_changed"
    """Something in the optical network is different from now on."""
    BELL_TESTED = "bell_tested"
    """S of a lane since the line before: above 2 by three standard deviations."""
    BELL_FALLEN = "bell_fallen"
    """S of a lane since the line before: no longer above what local models reach."""
    PROCESS_STOPPED = "process_stopped"
    """A user's process is down; its hardware goes on."""
    PROCESS_STARTED = "process_started"
    KEY_TAKEN = "key_taken"
    """An application has got a key: its place in the pools, of both ends alike."""
    RELAY_HOP = "relay_hop"
    """Key of a link has left its pools to hand on a key of others: its place, of both ends."""
    KEY_RELAYED = "key_relayed"
    """An application has got a key over users whom it trusts: all its hops are in lines before."""
    KEY_LOST = "key_lost"
    """The same, but its ends found it damaged on its way, and threw it away."""
    POOL_CROSSED = "pool_crossed"
    """The level of a pool has crossed one of its thresholds."""
    LINK_CLOSED = "link_closed"
    """The closing exchange is done: nothing of this link is in doubt."""
    ROUNDS_PAUSED = "rounds_paused"
    """So many rounds in a row had no key that none begins for a while, to save the reserve."""
    RESERVE_EMPTY = "reserve_empty"
    """No authentication key is left: the link stops."""
    ALARM = "alarm"
    """A message that the protocol does not allow, a tag that does not verify, a round that was
    damaged on its way, a connection broken by forged headers."""
    REPORT_LOST = "report_lost"
    """Whether a round without key was damaged stays unknown: the connection was lost meanwhile."""


FIXED_KEYS = ("time_ps", "link", "end", "event")


class TraceSink(Protocol):
    """Where the lines go."""

    def msg(self, line: str) -> None:
        """Take one line, without its newline."""
        ...

    def close(self) -> None:
        """Take no more lines."""
        ...


class FileSink:
    """Lines into a file, each flushed by itself: a killed run leaves whole lines.

    Parameters
    ----------
    path : Path
        Usually ``events.jsonl``; an existing file is replaced.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with writing(path):
            self._file = path.open("w", encoding="utf-8", newline="\n", buffering=1)

    def msg(self, line: str) -> None:
        """Write one line; `OutputError` if that cannot be."""
        with writing(self._path):
            self._file.write(line + "\n")

    def close(self) -> None:
        """Close the file."""
        with writing(self._path):
            self._file.close()


class MemorySink:
    """Lines in a list, for the Python API and for tests."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @property
    def events(self) -> list[dict[str, Any]]:
        """The lines, decoded."""
        return [json.loads(line) for line in self.lines]

    def msg(self, line: str) -> None:
        """Keep one line."""
        self.lines.append(line)

    def close(self) -> None:
        """Do nothing: the lines stay readable."""


class NullSink:
    """Lines into nothing: by default the model logs nothing."""

    def msg(self, line: str) -> None:
        """Forget one line."""

    def close(self) -> None:
        """Do nothing."""


class Trace(Closing):
    """Writes the events of one run to one sink.

    Parameters
    ----------
    sink : TraceSink, optional
        `FileSink`, `MemorySink` or anything alike; nothing is kept if absent.
    """

    def __init__(self, sink: TraceSink | None = None) -> None:
        self._sink = NullSink() if sink is None else sink
        self._logger = None if sink is None else _logger_of(sink)

    def emit(
        self,
        event: EventName,
        *,
        time_ps: SupportsIndex,
        link: str | None = None,
        end: str | None = None,
        **values: Scalar,
    ) -> None:
        """Write one line.

        Parameters
        ----------
        event : EventName
            A name of the fixed list.
        time_ps : int
            Simulated time.
        link, end : str, optional
            The pair of users and the one of them that saw the event; null for the whole run.
        **values : str, int, float, bool or None
            What else there is to say, written in alphabetical order.

        Raises
        ------
        TypeError
            For a name that is not on the list, a time that is no integer, and any value that is no
            scalar: bytes and arrays are refused, so that key can never be logged by mistake.
        ValueError
            For NaN and infinity, which JSON does not have.
        """
        if not isinstance(event, EventName):
            raise TypeError(f"{event!r} is not on the list of event names")
        fields = {"time_ps": index(time_ps), "link": link, "end": end, **values}
        if self._logger is None:
            _plain_values(None, "", fields)
        else:
            self._logger.msg(event, **fields)

    def close(self) -> None:
        """Close the sink."""
        self._sink.close()


def _logger_of(sink: TraceSink) -> Any:
    """Built directly, not through structlog.get_logger: no global configuration is read."""
    import structlog  # noqa: PLC0415  # takes long, and a run that is not kept does without

    return structlog.BoundLogger(
        sink, processors=[_plain_values, _fixed_order, _render], context={}
    )


def _plain_values(
    _logger: object, _method: str, fields: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    return {key: _plain(key, value) for key, value in fields.items()}


def _plain(key: str, value: object) -> str | int | float | bool | None:
    if value is None or isinstance(value, bool):
        return value
    if type(value) is int:  # most of all; the check below takes long
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{key} is {value}, which JSON does not have")
        return float(value)
    # An array with one integer would pass for an integer: anything that has a length is refused.
    if isinstance(value, SupportsIndex) and not hasattr(value, "__len__"):
        return index(value)
    raise TypeError(f"{key} is {type(value).__name__}, not a scalar: it may not be logged")


def _fixed_order(
    _logger: object, _method: str, fields: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    head = {key: fields[key] for key in FIXED_KEYS}
    return head | {key: fields[key] for key in sorted(fields) if key not in FIXED_KEYS}


_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


def _render(_logger: object, _method: str, fields: MutableMapping[str, Any]) -> str:
    return _ENCODER.encode(fields)
