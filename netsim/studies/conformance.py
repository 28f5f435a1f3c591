"""Whether a variant keeps the promises of its kind, whoever wrote it: it is run, and looked at.

What a proof rests on cannot be seen by running it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import numpy as np

from netsim.demand.kinds import ARRIVALS
from netsim.errors import ConfigError, NetsimError
from netsim.observers.kinds import OBSERVERS
from netsim.recordings.formats.registry import FORMATS
from netsim.results.directory import EVENTS, LEDGER
from netsim.results.run import Run
from netsim.simulation.run import simulate
from netsim.verify import verify_run
from protocols.errors import ProtocolError
from protocols.matching import NearPairs
from protocols.registry import Registry, VariantError
from protocols.variants import KINDS, MATCHINGS

NETWORK = "two_user"
LIGHT_S, ROUND_S = 4, 2
SEED = 1
CROWDED_WINDOW_PS = 1000
REGISTRIES: Mapping[str, Registry[Any]] = MappingProxyType(
    {**KINDS, **{one.kind: one for one in (OBSERVERS, FORMATS, ARRIVALS)}}
)
"""All that others may add by a name, by kind."""


@dataclass(frozen=True, slots=True)
class Known:
    """One variant of one kind.

    Attributes
    ----------
    kind, name, origin : str
        See `protocols.registry.Registry.origin`.
    text : str
        The first line of its docstring, or why it cannot be loaded.
    """

    kind: str
    name: str
    origin: str
    text: str


def known_variants() -> Iterator[Known]:
    """All there is, kind by kind; one that cannot be loaded says why."""
    for kind, registry in REGISTRIES.items():
        for name in registry.names():
            yield Known(kind, name, registry.origin(name), _text(registry, name))


def _text(registry: Registry[Any], name: str) -> str:
    try:
        lines = (registry.get(name).__doc__ or "").strip().splitlines()
    except VariantError as error:
        return error.reason
    return lines[0] if lines else ""


def broken_promises(kind: str, name: str, overrides: Sequence[str] = ()) -> list[str]:
    """What a variant breaks; empty if nothing is seen.

    A protocol's variants and observers are run twice on `NETWORK`; formats of tags and arrival
    processes are loaded.

    Parameters
    ----------
    kind, name : str
        As `known_variants` has them.
    overrides : sequence of str
        What must go with it in the topology, such as ``protocol.estimation=sample``.

    Raises
    ------
    ConfigError
        There is no such kind.
    """
    if kind not in REGISTRIES:
        raise ConfigError.of("kind", f"{kind!a} is none of {', '.join(REGISTRIES)}")
    try:
        variant = REGISTRIES[kind].get(name)
    except VariantError as error:
        return [str(error)]
    told = [] if _has_words(kind, variant) else ["says nothing of what it assumes"]
    if kind in (FORMATS.kind, ARRIVALS.kind):
        return told
    chosen = (f"protocol.round_s={ROUND_S}", _chosen(kind, name), *overrides)
    if kind == MATCHINGS.kind and (broken := list(_of_choices(name))):
        return broken  # of which a run shows little: few clicks of a network have rivals
    with TemporaryDirectory() as place:
        try:
            return [*told, *_of_runs(Path(place), chosen)]
        except (ConfigError, NetsimError, ProtocolError) as error:
            return [*told, f"cannot be run: {error}"]


def _of_choices(name: str) -> Iterator[str]:
    """What a matching breaks among pairs of which many share a click."""
    pairs = _crowded_pairs()
    try:
        with MATCHINGS.using(name) as matching:
            chosen, again = (matching.choose(pairs) for _ in range(2))
            taken = pairs.at(chosen)
    except VariantError as error:
        yield error.reason
        return
    if not np.array_equal(chosen, again):
        yield "chooses otherwise the second time"
    if any(np.unique(clicks).size < clicks.size for clicks in (taken.announced, taken.own)):
        yield "uses a click twice"


def _crowded_pairs() -> NearPairs:
    """Of clicks twenty a window, as no network has them."""
    rng = np.random.default_rng(SEED)
    announced_ps, own_ps = (np.sort(rng.integers(0, 10_000, 200)) for _ in range(2))
    differences_ps = own_ps - announced_ps[:, np.newaxis]
    announced, own = np.nonzero(np.abs(differences_ps) < CROWDED_WINDOW_PS // 2)
    return NearPairs(announced, own, differences_ps[announced, own])


def _has_words(kind: str, variant: object) -> bool:
    return kind != "security" or bool(getattr(variant, "assumptions", ""))


def _chosen(kind: str, name: str) -> str:
    """The override that has a topology use it."""
    if kind == OBSERVERS.kind:
        return f'observers=[{{kind="{name}", user="bob"}}]'
    return f"protocol.{kind}={name}"


def _of_runs(place: Path, overrides: Sequence[str]) -> Iterator[str]:
    folders = place / "first", place / "second"
    for folder in folders:
        run = simulate(NETWORK, duration_s=LIGHT_S, seed=SEED, overrides=overrides, out=folder)
    yield from _of_run(run)
    yield from (f"books are not in order: {fault}" for fault in verify_run(folders[0]))
    for name in (LEDGER, EVENTS):
        first, second = ((folder / name).read_bytes() for folder in folders)
        if first != second:
            yield f"two runs of one seed differ in {name}"


def _of_run(run: Run) -> Iterator[str]:
    for link in run.links:
        if link.pools.unequal:
            yield f"keys differ at the two ends in {link.pools.unequal} blocks"
        if link.counts.alarms:
            yield f"{link.counts.alarms} alarms, of what no honest end does"
