"""README.md and the guides in docs/, as tests read them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = "README.md"
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / README, *sorted((ROOT / "docs").glob("*.md")))
}
TEXT = "\n".join(PAGES.values())


def blocks(kind: str, text: str = TEXT) -> list[str]:
    """Fenced blocks of one kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def shell_lines(text: str = TEXT) -> list[str]:
    """All lines of the blocks that a user types into a shell."""
    return [line for block in blocks("sh", text) for line in block.splitlines()]


def section(page: str, heading: str) -> str:
    """What stands on a page below a heading, up to the next one that is as high."""
    (found,) = re.findall(
        rf"^##? {re.escape(heading)}\n(.*?)(?=^##? |\Z)", PAGES[page], re.MULTILINE | re.DOTALL
    )
    return str(found)
