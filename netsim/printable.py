"""Text from files, plug-ins and other people, made fit for a terminal; counts with their nouns."""


def printable(text: str) -> str:
    r"""``text`` with everything that a terminal might obey shown as an escape, ``\n`` excepted.

    Names in a topology, a ledger or a summary, and what a plug-in says, may hold sequences that
    move the cursor, change the title or hide what stands above.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def count_text(count: int, what: str) -> str:
    """``1 link``, ``2 links``."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
