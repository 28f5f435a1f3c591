"""A release is the same one everywhere: version and date."""

import re
import tomllib
from datetime import date

from tests.support.pages import ROOT

SEMANTIC = r"\d+\.\d+\.\d+"


def read(name: str) -> str:
    """A file of the top folder."""
    return (ROOT / name).read_text(encoding="utf-8")


def test_one_version_one_date() -> None:
    """The newest entry of the changelog has the version and date that are cited."""
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    assert re.fullmatch(SEMANTIC, version)
    headings = re.findall(r"^## \[(.*)\](.*)$", read("CHANGELOG.md"), re.MULTILINE)
    released = [entry for entry in headings if entry[0] != "Unreleased"]
    newest, rest = released[0]
    cited = dict(re.findall(r"^(version|date-released): (.*)$", read("CITATION.cff"), re.MULTILINE))
    assert newest == cited["version"] == version
    assert rest == f" - {cited['date-released']}"
    assert date.fromisoformat(cited["date-released"])


def test_an_image_holds_nothing_that_was_made_here() -> None:
    """What `make` makes, environments of gigabytes among it, is no part of an image."""
    (made,) = re.findall(r"rm -rf \$\(VENV\) (.*)", read("Makefile"))
    folders = {name for name in made.split() if "*" not in name} | {".venv", ".git"}
    assert folders <= set(read(".dockerignore").splitlines())


def test_versions_fall() -> None:
    """From the newest to the oldest, each with its date, and no other is unreleased."""
    headings = re.findall(r"^## \[(.*)\](.*)$", read("CHANGELOG.md"), re.MULTILINE)
    assert all(re.fullmatch(SEMANTIC, name) for name, _ in headings[1:])
    assert all(
        re.fullmatch(r" - \d{4}-\d\d-\d\d", rest) or name == "Unreleased" for name, rest in headings
    )
    numbers = [tuple(map(int, name.split("."))) for name, _ in headings if name != "Unreleased"]
    assert numbers == sorted(numbers, reverse=True)
