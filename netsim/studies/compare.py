"""Variants side by side: the same light, several protocols.

At the photon level each topology is simulated once; where a variant changes nothing that photons
meet, its parties are handed the recorded frames of that one simulation, and it is checked that
every user's singles and, where the coincidence window is the same, every lane's counts are the
same. At other levels each variant draws its own.
"""

import json
import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

from netsim.devices.replay import FrameRecorder, Replay
from netsim.devices.world import WorldBuilder, build_world
from netsim.errors import ConfigError, Fault
from netsim.results.fidelity import Fidelity
from netsim.results.parts import Json
from netsim.results.run import Run
from netsim.simulation.run import simulate
from netsim.topology.architecture import Architecture, architecture_of, fairness
from netsim.topology.load import load_topology
from netsim.topology.overrides import full_path
from netsim.topology.specs import TopologySpec
from netsim.twin.cadence import photon_cadence
from netsim.units import s_from_ps
from netsim.watch import UNWATCHED, Watch

UNSEEN_BY_PHOTONS = {"name", "description", "protocol", "classical", "crashes", "taps", "paper"}
"""Sections of a topology that change no click."""
MAX_RECORDED_BYTES = 1 << 30
"""Frames kept in memory; a longer run is simulated anew for each variant."""
AS_IT_IS = "as it is"

_NEXT_NAME = re.compile(r",(?=\s*[A-Za-z_][\w.&-]*=)")


@dataclass(frozen=True, slots=True)
class Variant:
    """Changes that make one column of a comparison."""

    label: str
    overrides: tuple[str, ...]
    """``path=value`` each, as `netsim.load_topology` takes them."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """One topology with one variant."""

    topology: str
    """As it was asked for."""
    variant: Variant
    run: Run
    wall_s: float
    is_replayed: bool
    """Whether its photons were those recorded of an earlier variant."""
    photons_of: str
    """Label of the first variant of this topology with the same photons; its own if there is none
    before."""
    architecture: Architecture
    """What the network takes."""
    window_ps: int
    """Of coincidences; lanes of one light are equal only where it is."""

    @property
    def worth(self) -> Json:
        """What the network gives: sums over links, asymptotic, and how evenly they are spread."""
        rates = list(self.run.link_skr_bps.values())
        total_bps = math.fsum(rates)
        channels = self.architecture.channels
        return {
            "total_skr_bps": total_bps,
            "min_skr_bps": min(rates, default=0.0),
            "fairness": fairness(rates),
            "skr_per_channel_bps": total_bps / channels if channels else 0.0,
        }

    def summary(self) -> Json:
        """The entry of ``--json``."""
        run = self.run
        return {
            "topology": self.topology,
            "variant": self.variant.label,
            "overrides": list(self.variant.overrides),
            "seed": int(run.seed),
            "duration_s": run.duration_s,
            "fidelity": run.fidelity,
            "partial": run.partial,
            "net_key_bps": run.totals.net_key_bps,
            "architecture": self.architecture.summary(),
            **self.worth,
            "links": [link.summary() for link in run.links],
            "singles_hz": {user.name: user.singles_hz for user in run.users},
            "photons_of": self.photons_of,
            "replayed": self.is_replayed,
            "wall_s": self.wall_s,
        }


def parse_variant(text: str) -> Variant:
    """``name=value[,name=value]...``: one variant.

    Names are those of `netsim.topology.overrides`. A comma separates where a ``name=`` follows
    outside all brackets, so that a value may be a list.

    Raises
    ------
    ValueError
        A part without a name and ``=``.
    """
    overrides = []
    for part in _parts(text):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not name or not equals:
            raise ValueError(f"{part!a} is no name=value")
        overrides.append(f"{full_path(name)}={value}")
    return Variant(text.strip(), tuple(overrides))


def _parts(text: str) -> Iterator[str]:
    """Cut at the commas that part one ``name=value`` from the next."""
    start = 0
    for comma in _NEXT_NAME.finditer(text):
        before = text[: comma.start()]
        if all(before.count(pair[0]) <= before.count(pair[1]) for pair in ("[]", "{}")):
            yield text[start : comma.start()]
            start = comma.end()
    yield text[start:]


@dataclass(frozen=True, slots=True)
class Lineup:
    """Every topology with every variant.

    Attributes
    ----------
    variants : tuple of Variant
        At least one.
    topologies : mapping
        As asked for, to one specification a variant.
    """

    variants: tuple[Variant, ...]
    topologies: Mapping[str, Sequence[TopologySpec]]

    @property
    def specs(self) -> Iterator[TopologySpec]:
        """All of them."""
        return chain.from_iterable(self.topologies.values())


def load_lineup(
    topologies: Sequence[str], variants: Sequence[Variant] = (), overrides: Sequence[str] = ()
) -> Lineup:
    """Load every topology with every variant.

    Parameters
    ----------
    topologies : sequence of str
        Names or paths, as `netsim.load_topology` takes them.
    variants : sequence of Variant
        None at all means the topologies as they are.
    overrides : sequence of str
        Changes common to all variants; those of a variant come later and win.

    Raises
    ------
    ConfigError
        Every fault of every combination.
    """
    chosen = tuple(variants) or (Variant(AS_IT_IS, ()),)
    found: dict[str, list[TopologySpec]] = {}
    faults: dict[Fault, None] = {}
    for topology in topologies:
        found[topology] = []
        for variant in chosen:
            try:
                changes = [*overrides, *variant.overrides]
                found[topology].append(load_topology(topology, overrides=changes))
            except ConfigError as error:
                faults |= dict.fromkeys(error.faults)
    if faults:
        raise ConfigError(tuple(faults))
    return Lineup(chosen, found)


def compare(
    lineup: Lineup,
    *,
    duration_s: float | str,
    seed: int,
    fidelity: str = Fidelity.PHOTON,
    out: Path | None = None,
    max_recorded_bytes: int = MAX_RECORDED_BYTES,
    watch: Watch = UNWATCHED,
) -> list[Outcome]:
    """Run every topology with every variant.

    Parameters
    ----------
    lineup : Lineup
    duration_s, seed, fidelity
        Of each run, see `netsim.simulate`.
    out : Path, optional
        Each run is kept in a directory below, named by its number and variant.
    max_recorded_bytes : int
        Bound of what is kept of the light for the next variant; 0 to simulate it every time.
    watch : Watch
        Of each run; a run that was stopped is the last.

    Raises
    ------
    RuntimeError
        The same photons gave other counts: a bug.
    """
    level = Fidelity.of(fidelity)
    run_one = partial(
        simulate,
        duration_s=duration_s,
        seed=seed,
        fidelity=level,
        progress=watch.progress,
        should_stop=watch.should_stop,
    )
    outcomes: list[Outcome] = []
    for topology, asked in lineup.topologies.items():
        specs = _in_common_frames(asked) if level is Fidelity.PHOTON else asked
        light = _Light(specs, max_recorded_bytes, has_photons=level is Fidelity.PHOTON)
        for variant, spec in zip(lineup.variants, specs, strict=True):
            directory = None if out is None else out / _directory(len(outcomes), variant)
            run = partial(run_one, spec, out=directory)
            outcomes.append(light.outcome(topology, variant, spec, run))
            if outcomes[-1].run.partial:
                return outcomes
    return outcomes


def comparison_json(outcomes: Sequence[Outcome]) -> str:
    """The text that ``--json`` prints: a list with one entry an outcome."""
    return json.dumps([o.summary() for o in outcomes], indent=2, allow_nan=False) + "\n"


def _in_common_frames(specs: Sequence[TopologySpec]) -> list[TopologySpec]:
    """With frames that suit all, where those that are chosen alone would make other photons."""
    frames_ps: dict[str, set[int]] = {}
    for spec in specs:
        frames_ps.setdefault(_seen(spec), set()).add(photon_cadence(spec).frame_ps)
    common_ps = {key: math.gcd(*each) for key, each in frames_ps.items() if len(each) > 1}
    return [
        spec.model_copy(update={"frame_s": s_from_ps(common_ps[key])})
        if (key := _seen(spec)) in common_ps
        else spec
        for spec in specs
    ]


def _photon_key(spec: TopologySpec) -> str:
    """Equal for topologies whose photons and clicks are the same."""
    # Rounds and announcements are made of frames.
    return json.dumps([photon_cadence(spec).frame_ps, _seen(spec)])


def _seen(spec: TopologySpec) -> str:
    """All that photons depend on but the frames that are chosen for them.

    With a controller the light follows what the links report, so that everything counts.
    """
    unseen = UNSEEN_BY_PHOTONS if spec.controller is None else set()
    return json.dumps(spec.model_dump(mode="json", exclude=unseen), sort_keys=True)


def _directory(number: int, variant: Variant) -> str:
    return f"{number + 1:02d}-{re.sub(r'[^A-Za-z0-9._=,+-]+', '_', variant.label)[:80]}"


class _Light:
    """The light of one topology: which variants share it, and what is recorded of it."""

    def __init__(self, specs: Sequence[TopologySpec], max_bytes: int, *, has_photons: bool) -> None:
        self._uses = Counter(_photon_key(spec) for spec in specs)
        self._has_photons = has_photons
        self._max_bytes = max_bytes
        self._recorders: dict[str, FrameRecorder] = {}
        self._references: dict[str, Outcome] = {}

    def outcome(
        self, topology: str, variant: Variant, spec: TopologySpec, run: Callable[..., Run]
    ) -> Outcome:
        """What ``run`` makes of this light, which is checked to be that of the others."""
        started_s = time.perf_counter()
        key = _photon_key(spec)
        build = self._builder(key) if self._has_photons else build_world
        outcome = Outcome(
            topology,
            variant,
            run(build=build),
            wall_s=time.perf_counter() - started_s,
            is_replayed=isinstance(build, Replay),
            photons_of=variant.label,
            architecture=architecture_of(spec),
            window_ps=spec.protocol.window_ps,
        )
        return self._with_reference(key, outcome) if self._has_photons else outcome

    def _builder(self, key: str) -> WorldBuilder:
        """What builds the photon level: a replay if there is one, a recorder if that pays."""
        recorder = self._recorders.get(key)
        if recorder is not None:
            return recorder.replay() or build_world
        if self._uses[key] < 2:
            return build_world
        left = self._max_bytes - sum(kept.size_bytes for kept in self._recorders.values())
        self._recorders[key] = FrameRecorder(max_bytes=left)
        return self._recorders[key]

    def _with_reference(self, key: str, outcome: Outcome) -> Outcome:
        """Name the first outcome with the same photons, and check that they are the same."""
        self._uses[key] -= 1
        if not self._uses[key]:
            self._recorders.pop(key, None)
        reference = self._references.setdefault(key, outcome)
        if not outcome.run.partial:
            _check_same_photons(reference, outcome)
        return replace(outcome, photons_of=reference.variant.label)


def _check_same_photons(reference: Outcome, outcome: Outcome) -> None:
    """Singles of every user; coincidences, sifted bits and errors of every lane of equal window."""
    one, other = reference.run, outcome.run
    same = [user.detectors for user in one.users] == [user.detectors for user in other.users]
    if reference.window_ps == outcome.window_ps:
        same &= _lane_counts(one) == _lane_counts(other)
    if not same:
        raise RuntimeError(
            f"{outcome.topology}: {reference.variant.label} and {outcome.variant.label} "
            "saw different photons"
        )


def _lane_counts(run: Run) -> list[tuple[int, int, int]]:
    return [(lane.coincidences, lane.sifted_bits, lane.errors) for lane in run.lanes]
