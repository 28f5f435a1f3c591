"""Cascade and bytes that no honest party sends."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from protocols.bits import packed_size_bytes
from protocols.errors import MalformedMessageError
from protocols.reconciliation.cascade import SCHEDULES, CascadeAnnouncer, CascadeResponder

names = st.sampled_from(sorted(SCHEDULES))
headers = st.tuples(st.integers(0, 20), st.integers(0, 2)).map(bytes)


@given(
    names,
    st.integers(0, 300),
    st.one_of(st.binary(max_size=40), st.tuples(headers, st.binary(max_size=40)).map(b"".join)),
)
def test_any_query_is_answered_or_refused(name: str, size: int, query: bytes) -> None:
    """Any bytes give an answer that is booked, or the one error, with nothing disclosed."""
    bits = np.ones(size, dtype=np.uint8)
    announcer = CascadeAnnouncer(bits, schedule=SCHEDULES[name], error_rate=0.05, seed=1)
    try:
        answer = announcer.answer(query)
    except MalformedMessageError:
        assert announcer.parities_disclosed == 0
    else:
        assert len(answer) == packed_size_bytes(announcer.parities_disclosed)
        assert announcer.parities_disclosed <= size


@given(names, st.integers(0, 200), st.integers(0, 2**32 - 1), st.booleans())
def test_lying_answers_end(name: str, size: int, seed: int, all_ones: bool) -> None:
    """Whatever the answers, the search ends, and each bit is changed at most once."""
    rng = np.random.Generator(np.random.PCG64DXSM(seed))
    bits = rng.integers(0, 2, size, dtype=np.uint8)
    row = SCHEDULES[name]
    responder = CascadeResponder(bits, schedule=row, error_rate=0.05, seed=seed)
    announcer = CascadeAnnouncer(bits, schedule=row, error_rate=0.05, seed=seed)
    while (query := responder.next_query()) is not None:
        before = announcer.parities_disclosed
        announcer.answer(query)
        count = announcer.parities_disclosed - before
        lies = np.ones(count, np.uint8) if all_ones else rng.integers(0, 2, count, dtype=np.uint8)
        responder.handle_answer(np.packbits(lies).tobytes())
        assert responder.rounds <= 200 * (size + 1)
    assert np.array_equal(responder.errors_corrected, responder.bits != bits)
