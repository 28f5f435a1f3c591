"""The trace: fixed form, same bytes for the same run, never key."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import structlog

from netsim.kernel.trace import EventName, FileSink, MemorySink, Trace

SCRIPT = """
from netsim.kernel.trace import EventName, MemorySink, Trace
sink = MemorySink()
trace = Trace(sink)
names = {"alpha", "beta", "gamma", "delta", "epsilon"}
for event in EventName:
    trace.emit(event, time_ps=3, link="a&b", end="a", **{name: 0.1 for name in names})
print("\\n".join(sink.lines))
"""


def test_form_of_a_line() -> None:
    """Time, link, end and event come first, the rest in alphabetical order, NumPy made plain."""
    sink = MemorySink()
    Trace(sink).emit(
        EventName.BLOCK_USABLE,
        time_ps=np.int64(5),
        link="a&b",
        end="a",
        qber=np.float64(0.5),
        bits=np.int64(7),
        whole=True,
        note=None,
    )
    assert sink.lines == [
        (
            '{"time_ps":5,"link":"a&b","end":"a","event":"block_usable",'
            '"bits":7,"note":null,"qber":0.5,"whole":true}'
        )
    ]
    assert sink.events[0]["bits"] == 7


@pytest.mark.parametrize(
    "value",
    [b"key", bytearray(b"key"), memoryview(b"key"), np.zeros(1, np.int64), np.array(3), [1], {}],
)
def test_key_cannot_be_logged(value: object) -> None:
    """Bytes, arrays (also those of one integer) and containers are refused; no line is written."""
    sink = MemorySink()
    with pytest.raises(TypeError, match="may not be logged"):
        Trace(sink).emit(EventName.ALARM, time_ps=0, value=value)  # type: ignore[arg-type]
    assert sink.lines == []


def test_what_is_not_on_the_list_is_refused() -> None:
    """An event needs a name of the list, a time needs to be an integer, numbers to be finite."""
    trace = Trace(MemorySink())
    with pytest.raises(TypeError, match="list of event names"):
        trace.emit("alarm", time_ps=0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="integer"):
        trace.emit(EventName.ALARM, time_ps=0.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="nan"):
        trace.emit(EventName.ALARM, time_ps=0, qber=float("nan"))


def test_lines_are_on_disk_before_the_file_is_closed(tmp_path: Path) -> None:
    """A run that is killed leaves whole lines behind."""
    path = tmp_path / "events.jsonl"
    with Trace(FileSink(path)) as trace:
        for time_ps in range(20):
            trace.emit(EventName.ROUND_SIFTED, time_ps=time_ps)
            assert len(path.read_text().splitlines()) == time_ps + 1
    assert [json.loads(line)["time_ps"] for line in path.read_text().splitlines()] == [*range(20)]


def test_hash_seed_changes_nothing() -> None:
    """The same events give the same bytes under two values of PYTHONHASHSEED."""
    outputs = [
        subprocess.run(  # this interpreter, a script of ours
            [sys.executable, "-c", SCRIPT],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
    assert len(outputs[0].splitlines()) == len(EventName)


def test_global_configuration_is_neither_read_nor_changed() -> None:
    """Two traces do not meet, and structlog's own set-up stays what it was."""
    assert not structlog.is_configured()
    one, two = MemorySink(), MemorySink()
    structlog.configure(processors=[])
    try:
        Trace(one).emit(EventName.ALARM, time_ps=1)
        Trace(two).emit(EventName.ALARM, time_ps=2)
    finally:
        structlog.reset_defaults()
    assert [event["time_ps"] for event in one.events] == [1]
    assert [event["time_ps"] for event in two.events] == [2]


def test_by_default_nothing_is_kept() -> None:
    """A trace without a sink checks its events and forgets them."""
    trace = Trace()
    trace.emit(EventName.RUN_STARTED, time_ps=0)
    with pytest.raises(TypeError):
        trace.emit(EventName.RUN_STARTED, time_ps=0, value=b"")  # type: ignore[arg-type]
