"""A notebook: written at a place, read by the time of birth, and short of memory."""

import numpy as np

from netsim.observers.notebook import KEPT_PS, UNKNOWN, Notebook


def ports(*pairs: tuple[int, int]) -> np.ndarray:
    """(N, 2) int8."""
    return np.array(pairs, dtype=np.int8).reshape(-1, 2)


def times(*values_ps: int) -> np.ndarray:
    """(N,) int64."""
    return np.array(values_ps, dtype=np.int64)


def test_it_is_read_by_the_time_of_birth() -> None:
    """The nearest note within half a window, of that channel, whatever the order of writing."""
    notebook = Notebook({"C40": 1_000, "C42": 2_000})
    notebook.write("C40", times(1_900, 1_100), ports((1, UNKNOWN), (0, 1)))
    notebook.write("C40", times(1_500), ports((UNKNOWN, 0)))
    found = notebook.read("C40", times(100, 205, 445, 560, 900, 960, 10_000), 200)
    assert found.tolist() == [[0, 1], [-1, -1], [-1, 0], [-1, 0], [1, -1], [1, -1], [-1, -1]]
    assert notebook.read("C42", times(100), 200).tolist() == [[-1, -1]]
    assert notebook.read("C44", times(100), 200).tolist() == [[-1, -1]]
    assert notebook.read("C40", times(), 200).shape == (0, 2)


def test_old_notes_go() -> None:
    """Memory is bounded by the rate, not by the length of a run."""
    notebook = Notebook({"C40": 0})
    notebook.write("C40", times(5), ports((0, 0)))
    notebook.write("C40", times(KEPT_PS), ports((1, 1)))
    assert notebook.read("C40", times(5), 2).tolist() == [[0, 0]]
    notebook.write("C40", times(KEPT_PS + 6), ports((1, 1)))
    assert notebook.read("C40", times(5), 2).tolist() == [[-1, -1]]
