"""Observers in a topology file: by name, with options of their kind, and told about."""

from pathlib import Path

import pytest

from netsim.errors import ConfigError
from netsim.topology.checks import topology_warnings
from netsim.topology.load import load_topology
from tests.support.observers import Drop, registered
from tests.unit.netsim.topology.test_kept import check_kept

HARMLESS = 'observers=[{kind="pass", user="bob", position=0.5}]'
DROP = 'observers=[{{kind="drop-some", user="bob", options={{{options}}}}}]'


def fault_of(override: str) -> str:
    """The only fault of a topology with this override."""
    with pytest.raises(ConfigError) as caught:
        load_topology("two_user", overrides=[override])
    (fault,) = caught.value.faults
    return f"{fault.path}: {fault.message}"


def test_an_observer_is_kept_and_told_about(tmp_path: Path) -> None:
    """It survives the run's topology file, and a warning says who knows nothing of it."""
    topology = load_topology("two_user", overrides=[HARMLESS])
    check_kept(topology, tmp_path)
    (warning,) = [f for f in topology_warnings(topology) if f.path.startswith("observers")]
    assert "the analytic twin does not know of pass on the fibre of bob" in warning.message


def test_without_observers_nothing_is_written() -> None:
    """A topology that has none is written, and hashed, as if there were no such thing."""
    topology = load_topology("two_user")
    assert topology.observers == ()
    assert "observers" not in topology.model_dump(mode="json")
    assert "observers" in load_topology("two_user", overrides=[HARMLESS]).model_dump(mode="json")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            HARMLESS.replace("pass", "parse"),
            "observers.0.kind: the text 'parse' is not one of 'pass'",
        ),
        (HARMLESS.replace("bob", "eve"), "observers.0.user: unknown user eve"),
        (HARMLESS.replace("0.5", "1.5"), "observers.0.position: 1.5 is above 1"),
        (HARMLESS.replace("position", "place"), "observers.0.place: unknown key"),
    ],
)
def test_bad_observers(override: str, message: str) -> None:
    """Each fault with its key path."""
    assert fault_of(override).startswith(message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("", "observers.0: options.share: Field required"),
        ('share="all"', "observers.0: options.share: Input should be a valid number"),
        ("share=0.5, more=1", "observers.0: options.more: Extra inputs are not permitted"),
    ],
)
def test_options_are_those_of_the_kind(options: str, message: str) -> None:
    """What a kind is not told, or has not got, is a fault of the file."""
    with registered("drop-some", Drop):
        assert fault_of(DROP.format(options=options)) == message
        spec = load_topology("two_user", overrides=[DROP.format(options="share=0.5")])
    assert spec.observers[0].options == {"share": 0.5}


def test_a_kind_that_cannot_be_loaded_is_a_fault_of_the_file() -> None:
    """What a third party's code does wrong is told with the key path."""

    def broken() -> Drop:
        raise RuntimeError("no licence")

    with registered("drop-some", broken):
        message = fault_of(DROP.format(options="share=0.5"))
    assert message == "observers.0: kind drop-some cannot be loaded: RuntimeError: no licence"
