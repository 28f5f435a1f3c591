"""README and guides hang together: links lead somewhere, nothing is left out or said twice."""

import re
import tomllib
from collections import Counter

import pytest
from typer.main import get_group

from netsim.cli import app
from netsim.report.columns import _LINK_CELLS
from netsim.report.map import svg_map
from netsim.report.tables import _WIDE_HEADERS
from netsim.topology.load import load_topology
from netsim.topology.starter import Starter, starter_text
from netsim.twin.forecast import predict
from tests.support.pages import PAGES, README, ROOT, blocks, section

OTHERS = ("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
TEXTS = PAGES | {name: (ROOT / name).read_text(encoding="utf-8") for name in OTHERS}
OWN_NETWORK = PAGES["docs/your_network.md"]
WIDTH = 130
"""Most characters of a line of prose; a table or a command is as wide as it has to be."""
GUIDES = sorted(PAGES.keys() - {README, "docs/index.md"})


def prose_of(text: str) -> str:
    """All but the fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """Of the headings, as GitHub and myst make them: lower case, letters and digits, hyphens."""
    headings = re.findall(r"^#+ (.*)$", prose_of(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", TEXTS)
def test_links_lead_somewhere(page: str) -> None:
    """Each file that a page links is there, and each heading in it."""
    for link in re.findall(r"\]\(([^)\s]+)\)", TEXTS[page]):
        target, _, anchor = link.partition("#")
        if "://" in target:
            continue
        path = (ROOT / page).parent / target if target else ROOT / page
        assert path.exists(), link
        assert not anchor or anchor in anchors(path.read_text(encoding="utf-8")), link


@pytest.mark.parametrize("page", TEXTS)
def test_lines_fit_a_window(page: str) -> None:
    """Prose is wrapped."""
    lines = [line for line in prose_of(TEXTS[page]).splitlines() if not line.startswith("|")]
    assert [line for line in lines if len(line) > WIDTH] == []


def test_every_guide_is_on_the_map() -> None:
    """Once in the README's map, which the first page shows, and once beside the pages."""
    assert len(GUIDES) > 20
    linked = re.findall(r"^\| \[[^]]*\]\((docs/\w+\.md)\)", PAGES[README], re.MULTILINE)
    assert sorted(linked) == GUIDES
    trees = blocks(r"\{toctree\}", PAGES["docs/index.md"])
    beside = [f"docs/{name}.md" for tree in trees for name in re.findall(r"^\w+$", tree, re.M)]
    assert sorted(beside) == GUIDES
    assert linked == beside


def test_guides_are_linked_by_names_that_they_have() -> None:
    """In the README's map a guide's name is how its heading begins, but for what stands after."""
    for name, target in re.findall(r"^\| \[([^]]*)\]\((\S+)\)", PAGES[README], re.MULTILINE):
        assert PAGES[target].startswith(f"# {name}"), target


def test_the_readme_is_short() -> None:
    """What a newcomer reads in three minutes."""
    assert len(PAGES[README].splitlines()) < 200


def test_nothing_is_said_twice() -> None:
    """No long line stands in two places, but for what the README says of all limits."""
    lines = Counter(line for text in PAGES.values() for line in text.splitlines() if len(line) > 50)
    assert {line for line, count in lines.items() if count > 1} <= set(
        section(README, "Limits").splitlines()
    )


def test_every_extra_is_named() -> None:
    """The README says of each extra what needs it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.findall(r"^\| `(\w+)` \|", section(README, "First run"), re.MULTILINE)
    assert sorted(named) == sorted(project["optional-dependencies"].keys() - {"dev"})
    (added,) = re.findall(r"pip install .*'\.\[([\w,]+)\]'", PAGES[README])
    assert set(added.split(",")) <= set(named)


def test_the_command_line_names_every_command() -> None:
    """Once, in its first table."""
    first, _, _ = PAGES["docs/running.md"].partition("\n## ")
    table = re.findall(r"^\| (`netsim .*?) \|", first, re.MULTILINE)
    named = [name for row in table for name in re.findall(r"`(?:netsim )?(\w+)`", row)]
    assert sorted(named) == sorted(get_group(app).commands)


def test_typical_numbers_are_those_of_the_starters() -> None:
    """Each of the table, by its key, for a crystal and for a ring."""
    texts = [starter_text(Starter("lab", source=source)) for source in ("spdc", "ring")]
    rows = re.findall(r"^\| .* \| ([^|]*`.*`) \| ([^|]+) \| ([^|]+) \|$", OWN_NETWORK, re.MULTILINE)
    assert len(rows) == 10
    for keys, *values in rows:
        names = re.findall(r"`(\w+)`", keys)
        for text, value in zip(texts, values, strict=True):
            assert any(re.search(rf"^{name} = {value}\s", text, re.MULTILINE) for name in names)


def test_the_readme_shows_the_network_as_it_is_drawn() -> None:
    """What `netsim show fan2025_four_user --out` writes today."""
    topology = load_topology("fan2025_four_user")
    rates = {link.users: link.skr_bps for link in predict(topology).links}
    assert "](docs/pictures/four_users.svg)" in PAGES[README]
    drawn = (ROOT / "docs" / "pictures" / "four_users.svg").read_text(encoding="utf-8")
    assert drawn == svg_map(topology, rates, "key rate that the twin expects")


def test_words_explain_the_columns() -> None:
    """Each column of the closing tables has a row, in the order of the tables."""
    words = re.findall(r"^\| ([A-Z]?[^|-]+(?:-\w+)?) \|", PAGES["docs/glossary.md"], re.MULTILINE)
    lanes = [head for group in _WIDE_HEADERS for head in group]
    heads = [*dict.fromkeys(_plain(head) for head in lanes), *map(_plain, _LINK_CELLS)]
    assert set(heads) <= set(words), set(heads) - set(words)


def _plain(head: str) -> str:
    """A column's name as one line, without its unit."""
    joined = head.replace("Mes-\n", "Mes").replace("-\n", "-").replace("\n", " ")
    return re.sub(r" *\[.*\]", "", joined).strip()
