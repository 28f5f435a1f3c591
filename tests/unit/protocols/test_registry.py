"""Registries: what is built in, registered or installed is found by name, and loaded when asked."""

import pickle
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from protocols import registry
from protocols.hashing.amplification import ToeplitzFft
from protocols.interfaces import Amplification
from protocols.registry import Registry, VariantError
from protocols.variants import AMPLIFICATIONS, KINDS, SECURITIES, register

ROOT = Path(__file__).parents[3]


@pytest.fixture
def hashes() -> Registry[Amplification]:
    """A registry of its own, so that no other test sees what is registered here."""
    return Registry[Amplification](
        "amplification",
        Amplification,  # type: ignore[type-abstract]
        {"plain": "protocols.hashing.amplification:ToeplitzFft"},
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_built_in_variant_is_what_it_says(kind: str) -> None:
    """Each name of each kind loads, once, and a name twice is the same object."""
    for name in KINDS[kind].builtin:
        assert KINDS[kind].get(name) is KINDS[kind].get(name)


def test_registered_variant_is_found(hashes: Registry[Amplification]) -> None:
    """A class registered under a name is listed, made once, and replaced by a later one."""

    class Mine(ToeplitzFft):
        pass

    hashes.register("mine", ToeplitzFft)
    assert hashes.names() == ("plain", "mine")
    assert type(hashes.get("mine")) is ToeplitzFft
    hashes.register("mine", Mine)
    assert type(hashes.get("mine")) is Mine


def test_names_are_checked(hashes: Registry[Amplification]) -> None:
    """Built-in names cannot be taken, odd ones are none."""
    with pytest.raises(VariantError, match="built in"):
        hashes.register("plain", ToeplitzFft)
    for name in ("", "a b", "a=b", "\u00e4", "x" * 65):
        with pytest.raises(VariantError, match="no name"):
            hashes.register(name, ToeplitzFft)


def test_unknown_variant_names_the_others() -> None:
    """The error lists what there is, and survives pickling."""
    with pytest.raises(VariantError, match="toeplitz-clmul, toeplitz-fft") as caught:
        AMPLIFICATIONS.get("turbo")
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert str(again) == str(caught.value)
    with pytest.raises(VariantError, match="no variants of this kind"):
        register("colour", "red", ToeplitzFft)


def test_what_is_no_variant_is_refused(hashes: Registry[Amplification]) -> None:
    """A maker that fails, or makes something else, is an error that says which."""

    def fails() -> Amplification:
        raise ZeroDivisionError("boom")

    hashes.register("fails", fails)
    hashes.register("other", dict)  # type: ignore[arg-type]
    with pytest.raises(VariantError, match=r"cannot be loaded: ZeroDivisionError: boom"):
        hashes.get("fails")
    with pytest.raises(VariantError, match="is no Amplification"):
        hashes.get("other")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two entry points, as an installed distribution would declare them."""
    group = "qnsp_netsim.amplification"
    points = {
        "theirs": EntryPoint("theirs", "protocols.hashing.amplification:ToeplitzClmul", group),
        "gone": EntryPoint("gone", "no_such_package:Thing", group),
    }
    monkeypatch.setattr(registry, "_installed", lambda asked: points if asked == group else {})
    yield
    AMPLIFICATIONS._made.pop("theirs", None)


@pytest.mark.usefixtures("installed")
def test_entry_points_are_found_and_loaded_late() -> None:
    """Installed variants are listed without import; a broken one fails when it is asked for."""
    assert AMPLIFICATIONS.names()[-2:] == ("theirs", "gone")
    assert type(AMPLIFICATIONS.get("theirs")).__name__ == "ToeplitzClmul"
    with pytest.raises(VariantError, match="ModuleNotFoundError"):
        AMPLIFICATIONS.get("gone")


def test_entry_points_of_a_real_distribution(tmp_path: Path) -> None:
    """A distribution on the path with an entry point in our group is found by a fresh process."""
    metadata = tmp_path / "mine-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[qnsp_netsim.security]\nmine = mine:Mine\n")
    (tmp_path / "mine.py").write_text(
        "from protocols.security import Asymptotic\nclass Mine(Asymptotic):\n    pass\n"
    )
    script = (
        "import sys; from protocols.variants import SECURITIES\n"
        "assert 'mine' in SECURITIES.names() and 'mine' not in sys.modules\n"
        "print(type(SECURITIES.get('mine')).__module__)"
    )
    output = subprocess.run(  # this interpreter, a script of ours
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{tmp_path}", "PATH": ""},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert output == "mine\n"


def test_names_load_nothing() -> None:
    """Listing all names imports neither numba nor any variant."""
    script = (
        "import sys; from protocols.variants import KINDS\n"
        "names = [registry.names() for registry in KINDS.values()]\n"
        "late = {'numba', 'protocols.security', 'protocols.hashing.amplification'}\n"
        "print(sorted(late & set(sys.modules)))"
    )
    output = subprocess.run(  # this interpreter, a script of ours
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    assert output == "[]\n"


def test_defaults_come_first() -> None:
    """The first built-in name of a kind is its default."""
    assert SECURITIES.builtin[0] == "asymptotic"
    assert AMPLIFICATIONS.builtin[0] == "toeplitz-clmul"
