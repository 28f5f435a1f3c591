"""Parts of a run as rows of tables: one flat mapping each, column to value."""

from collections.abc import Callable, Mapping

from netsim.results.parts import Json, LaneResult, LinkResult, UserResult

LINK_COUNTS: Mapping[str, Callable[[str], int | float]] = {
    "verified_leak_bits": int,
    "charged_bits": int,
    "bias_bits": int,
    "shannon_bits": float,
}
"""What ``links.csv`` holds beside the summary: what its f values come from, and what bias took."""


def lane_row(lane: LaneResult) -> Json:
    """A row of ``lanes.csv``."""
    row = lane.summary()
    chsh = row.pop("chsh") or {}
    row |= {f"chsh_{name}": chsh.get(name) for name in ("s", "sigma")}
    nested = {"twin": row.pop("twin"), "paper": row.pop("paper") or {}}
    for name in ("sifted_hz", "qber", "skr_bps"):
        row[f"twin_{name}"] = nested["twin"][name]
    for name in ("sifted_hz", "visibility", "qber", "skr_bps"):
        row[f"paper_{name}"] = nested["paper"].get(name)
    return _flat(row)


def link_row(link: LinkResult) -> Json:
    """A row of ``links.csv``."""
    row = link.summary() | {name: getattr(link.counts, name) for name in LINK_COUNTS}
    del row["eve"]  # of few runs, and a table by itself
    return _flat(row)


def _flat(row: Json) -> Json:
    """Pairs become two columns: ``users`` gives ``user_a`` and ``user_b``."""
    flat: Json = {}
    for name, value in row.items():
        if isinstance(value, list):
            flat |= {f"{name[:-1]}_{side}": item for side, item in zip("ab", value, strict=True)}
        else:
            flat[name] = value
    return flat


def user_row(user: UserResult) -> Json:
    """A user's clicks per second, of each detector and together."""
    each = {f"detector{k}_hz": rate_hz for k, rate_hz in enumerate(user.detectors_hz)}
    return {"user": user.name, "singles_hz": user.singles_hz} | each
