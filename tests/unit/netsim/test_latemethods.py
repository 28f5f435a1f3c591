"""Methods that dataclasses have when they are looked at: those that Python would have made."""

import dataclasses
import inspect
import sys
from dataclasses import FrozenInstanceError, field
from typing import Any

import pytest

from netsim.cli.latemethods import COMPILE, LateMethod, compile_methods_later

pytestmark = pytest.mark.skipif(
    sys.version_info >= (3, 13), reason="Python compiles all methods of a class together"
)


def made_up(**options: bool) -> tuple[type[Any], type[Any]]:
    """A dataclass and one that inherits from it."""

    @dataclasses.dataclass(**options)
    class Place:
        """With a docstring: Python looks at what others take, to write one."""

        x: int
        y: list[int] = field(default_factory=list, hash=False)

    @dataclasses.dataclass(**options)
    class Named(Place):
        """And a name."""

        name: str = "here"

    return Place, Named


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of methods as they are compiled, which is later from now on."""
    names: list[str] = []
    at_once = getattr(dataclasses, COMPILE)

    def noted(name: str, *text: Any, **scope: Any) -> Any:
        names.append(name)
        return at_once(name, *text, **scope)

    monkeypatch.setattr(dataclasses, COMPILE, noted)
    compile_methods_later()
    return names


OPTIONS: tuple[dict[str, bool], ...] = (
    {"frozen": True, "slots": True, "order": True},
    {"frozen": True, "slots": True, "eq": False},
    {"frozen": True},
    {"slots": True},
    {},
)


@pytest.mark.parametrize("options", OPTIONS)
def test_a_class_is_as_python_makes_it(
    options: dict[str, bool], compiled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values, text, order, hash, faults and signatures, of a class and of its heir."""
    late = made_up(**options)
    assert compiled == []
    monkeypatch.undo()
    for ours, pythons in zip(late, made_up(**options), strict=True):
        assert told(ours) == told(pythons)
        kept = [name for name, value in vars(ours).items() if isinstance(value, LateMethod)]
        assert kept == []


def told(kind: type[Any]) -> list[object]:
    """What a class and its values say of themselves."""
    one, same, other = kind(1), kind(x=1, y=[]), kind(2, [3])
    found: list[object] = [repr(one), repr(other), one == same, one == other, one == 1]
    found += [inspect.signature(kind), kind.__init__.__qualname__, kind.__eq__.__qualname__]
    found += [dataclasses.asdict(dataclasses.replace(other, x=4))]
    tries = (
        lambda: hash(one) == hash(same),
        lambda: one < other,
        lambda: one >= other,
        lambda: one > other,
        lambda: one <= same,
        lambda: setattr(one, "x", 5),
        lambda: delattr(one, "x"),
        kind,
    )
    for attempt in tries:
        try:
            found.append(attempt())
        except (AttributeError, FrozenInstanceError, TypeError) as error:
            found.append((type(error), str(error)))
    return [*found, *(name for name in ("__lt__", "__hash__") if getattr(kind, name) is None)]


def test_a_method_is_compiled_once_and_when_it_is_looked_at(compiled: list[str]) -> None:
    """The heir's call makes it for the class that it comes from."""
    place, named = made_up(frozen=True, slots=True)
    assert compiled == []
    assert place(1) == place(1)
    assert place(1) == place(1)
    assert compiled == ["__init__", "__eq__"]
    with pytest.raises(FrozenInstanceError):
        named(1).x = 2
    assert compiled == ["__init__", "__eq__", "__init__", "__setattr__"]
