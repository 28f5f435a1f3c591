"""Times that may be none: when the next thing is due."""


def earlier_ps(one_ps: int | None, other_ps: int | None) -> int | None:
    """The earlier of two times; None only if both are."""
    if one_ps is None or other_ps is None:
        return one_ps if other_ps is None else other_ps
    return min(one_ps, other_ps)
