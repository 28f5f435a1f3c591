"""Options of a command as one object: what typer is told, and what the command gets."""

from dataclasses import FrozenInstanceError, dataclass
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from netsim.cli.options import with_options


@dataclass(frozen=True, kw_only=True, slots=True)
class Shared:
    """Options that several commands have."""

    seed: Annotated[int, typer.Option(min=0, help="Of all choices.")] = 1
    sets: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PourArguments(Shared):
    """Options of the command below; `sets` is told here what it lacks above."""

    glasses: Annotated[tuple[Path, ...], typer.Argument(metavar="GLASS...", help="Where to.")]
    sets: Annotated[tuple[str, ...], typer.Option("--set", help="Repeatable.")] = ()
    is_hot: Annotated[bool, typer.Option("--hot", help="Not cold.")] = False


@pytest.fixture
def poured() -> list[PourArguments]:
    """What the command was called with."""
    return []


@pytest.fixture
def app(poured: list[PourArguments]) -> typer.Typer:
    """An application of this one command."""
    app = typer.Typer()

    @with_options
    def pour(options: PourArguments) -> None:
        """Fill glasses."""
        poured.append(options)

    app.command()(pour)
    return app


def test_a_command_gets_one_frozen_object(app: typer.Typer, poured: list[PourArguments]) -> None:
    """Words, repeated options and flags become fields, what may come several times a tuple."""
    words = ["one", "two", "--set", "a=1", "--set", "b=2", "--hot"]
    assert CliRunner().invoke(app, words).exit_code == 0
    (options,) = poured
    assert options == PourArguments(
        glasses=(Path("one"), Path("two")), sets=("a=1", "b=2"), is_hot=True
    )
    with pytest.raises(FrozenInstanceError):
        options.seed = 2  # type: ignore[misc]  # that is the point


def test_defaults_are_those_of_the_fields(app: typer.Typer, poured: list[PourArguments]) -> None:
    """What is not given is as the class has it."""
    assert CliRunner().invoke(app, ["one"]).exit_code == 0
    assert poured == [PourArguments(glasses=(Path("one"),))]


def test_typer_checks_and_explains_every_field(
    app: typer.Typer, poured: list[PourArguments]
) -> None:
    """Help, ranges and required words are those of the fields, inherited ones first."""
    shown = CliRunner().invoke(app, ["--help"]).output
    for words in ("Fill glasses.", "GLASS...", "Where to.", "Of all choices.", "[default: 1]"):
        assert words in shown
    assert shown.index("--seed") < shown.index("--set") < shown.index("--hot")
    for bad in ([], ["one", "--seed", "-1"], ["one", "--cold"]):
        assert CliRunner().invoke(app, bad).exit_code == 2
    assert not poured
