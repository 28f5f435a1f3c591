"""Arguments of the Python API: what is missing, unknown or of another kind is told at once."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import netsim

FUNCTIONS = [
    getattr(netsim, name) for name in netsim.__all__ if inspect.isfunction(getattr(netsim, name))
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_every_public_function_says_what_it_wants(function: Callable[..., Any]) -> None:
    """The docstring tells of each argument that lacks, and the names that there are."""
    assert len(FUNCTIONS) == 10
    first = next(iter(inspect.signature(function).parameters))
    with pytest.raises(TypeError) as lacking:
        function()
    line = next(line for line in str(lacking.value).splitlines() if f" lacks {first}, " in line)
    said = (function.__doc__ or "").split(f"    {first} : ")[1].splitlines()
    told = said[1].strip().rstrip(".")[:20]
    assert line.startswith(f"{function.__name__} lacks {first}, {said[0]}: {told}")
    with pytest.raises(TypeError, match=f"has no argument nonsense .there are {first}"):
        function(nonsense=1)
    with pytest.raises(TypeError, match=f"{first} is b.x., of type bytes; wanted is "):
        function(b"x")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "lacks duration_s, float or str: Seconds of light, > 0"),
        ({"duration": 1}, "has no argument duration, did you mean duration_s?"),
        ({"duration_s": None}, "duration_s is None, of type NoneType; wanted is float or str"),
        ({"duration_s": True}, "duration_s is True, of type bool; wanted is float or str"),
        ({"duration_s": 1, "seed": "1"}, "seed is '1', of type str; wanted is int: >= 0"),
        ({"duration_s": 1, "seed": 1.5}, "seed is 1.5, of type float; wanted is int"),
        ({"duration_s": 1, "override": ()}, "did you mean overrides?"),
        ({"duration_s": 1, "overrides": 5}, "wanted is sequence of str, str or mapping"),
        ({"duration_s": 1, "out": 5}, "wanted is Path or str, optional: A directory"),
        ({"duration_s": 1, "taps": 5}, "wanted is sequence of TapPlan"),
        ({"duration_s": 1, "progress": 5}, "wanted is callable or bool, optional: Called with"),
        ({"duration_s": 1, "fidelity": None}, "wanted is str: ``photon``; ``coincidence`` for"),
    ],
)
def test_simulate_tells_what_is_wrong(arguments: dict[str, Any], said: str) -> None:
    """Before anything is simulated, in one line."""
    with pytest.raises(TypeError) as error:
        netsim.simulate("two_user", **arguments)
    assert said in str(error.value)


def test_what_must_be_named_is_told() -> None:
    """A duration without its name."""
    simulate: Callable[..., Any] = netsim.simulate
    with pytest.raises(
        TypeError, match=r"after topology is given by name, duration_s=\.\.\., seed"
    ):
        simulate("two_user", 10, 1)


def test_what_is_too_much_is_told_in_its_order() -> None:
    """No name is offered where none is left; several unknown ones come as they were given."""
    load: Callable[..., Any] = netsim.load_run
    with pytest.raises(TypeError, match=r"what comes after directory is no argument of it$"):
        load("here", "there")
    names = [f"nonsense_{k}" for k in range(9)]
    with pytest.raises(TypeError) as error:
        load("here", **dict.fromkeys(names))
    assert [line.split()[4] for line in str(error.value).splitlines()] == names


def test_simulate_takes_overrides_and_needs_no_seed() -> None:
    """As the command does: the same run as of a topology that was changed before, with seed 1."""
    changes = {"frame_s": 0.1, "protocol.round_s": 1}
    changed = netsim.load_topology("two_user", overrides=changes)
    before = netsim.simulate(changed, duration_s=3, seed=1, fidelity="rate")
    at_once = netsim.simulate("two_user", duration_s=3, overrides=changes, fidelity="rate")
    assert at_once.seed == 1
    assert at_once.links == before.links


def test_sweep_takes_overrides_as_all_do() -> None:
    """A mapping and a single text are what the list of texts is; no run is asked for none."""
    over = {"protocol.round_s": [1]}
    forms: tuple[Any, ...] = (["frame_s=0.1"], "frame_s=0.1", {"frame_s": 0.1})
    sweeps = [
        netsim.sweep("two_user", over, duration_s=2, overrides=form, fidelity="rate")
        for form in forms
    ]
    assert sweeps[0].rows == sweeps[1].rows == sweeps[2].rows
    assert not sweeps[0].has_failures
    with pytest.raises(ValueError, match="seeds is 0"):
        netsim.sweep("two_user", over, duration_s=2, seeds=0)
    with pytest.raises(netsim.ConfigError, match="fidelity: 'x' is none of photon"):
        netsim.sweep("two_user", over, duration_s=2, fidelity="x")
