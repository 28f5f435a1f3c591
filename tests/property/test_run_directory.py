"""Law of the run directory: what is written is what is read."""

import tempfile
from dataclasses import fields, replace
from pathlib import Path
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from netsim.pools.counts import LinkCounts
from netsim.pools.pool import Comparison
from netsim.results.directory import load_run, save_run
from netsim.results.parts import LaneResult, LinkResult, TwinResult, UserResult
from protocols.wire.counts import WireCounts
from tests.unit.netsim.runs import made_up_run

counts = st.integers(0, 2**50)
T = TypeVar("T")
rates = st.just(0.0) | st.floats(1e-9, 1e9)


def drawn(data: st.DataObject, kind: type[T]) -> T:
    """Any integers of a part of a link's result."""
    numbers = {f.name: data.draw(counts) for f in fields(kind) if f.type is int}  # type: ignore[arg-type]
    return kind(**numbers)


@settings(max_examples=40)
@given(st.data(), st.integers(1, 2**62))
def test_any_counts_come_back(data: st.DataObject, duration_ps: int) -> None:
    """Counts, also those of which the file holds only the rate, come back exactly."""
    users = ("Alice", "Bob")
    sifted = data.draw(counts)
    lane = LaneResult(
        users,
        ("C1", "C2"),
        duration_ps,
        coincidences=data.draw(counts),
        sifted_bits=sifted,
        errors=data.draw(st.integers(0, sifted)),
        twin=TwinResult(data.draw(rates), data.draw(st.floats(0, 1)), data.draw(rates)),
    )
    link = LinkResult(
        users,
        duration_ps,
        counts=replace(drawn(data, LinkCounts), shannon_bits=data.draw(rates)),
        wire=drawn(data, WireCounts),
        pools=drawn(data, Comparison),
        settle_ps=data.draw(counts),
    )
    run = replace(
        made_up_run(),
        duration_ps=duration_ps,
        lanes=(lane,),
        links=(link,),
        users=(UserResult("Alice", duration_ps, tuple(data.draw(counts) for _ in range(4))),),
    )
    with tempfile.TemporaryDirectory() as directory:
        save_run(run, Path(directory))
        assert load_run(directory) == run
