"""The pair source behind its demultiplexer: one photon frame per delivered channel and user."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations_with_replacement, product

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from netsim.frames import PairLedger, PhotonFrame
from netsim.physics.columns import joined
from netsim.physics.emission import (
    sample_apart,
    sample_born,
    sample_new,
    sample_poisson_times,
    split_rates,
)
from netsim.physics.pulses import Pulses
from netsim.physics.shapes import TimeShape
from netsim.physics.streams import BUNCHES, PAIRS, SINGLES, Outlet, Stream, Streams
from netsim.physics.thermal import fresh_field, sample_thermal_times

TOO_FEW_ALONE = "too few photons of {0} reach {1} without their partners to bunch them"


@dataclass(frozen=True, slots=True)
class Arm:
    """The ways that photons of one channel take.

    Attributes
    ----------
    ways : mapping
        Outlet to transmittance, birth to click.
    dispersions_ps2 : mapping
        Outlet to second-order dispersion, as far as the detector.
    """

    ways: Mapping[Outlet, float] = field(default_factory=dict)
    dispersions_ps2: Mapping[Outlet, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EmittedProcess:
    """A pair process, or a kind of bunches, and where its photons go."""

    name: str
    """Of its random streams."""
    index: int
    """What the ledger stores."""
    rate_hz: float
    arms: tuple[Arm, Arm]
    shape: TimeShape
    """Where they are born."""

    def shape_at(self, one: Outlet, other: Outlet) -> TimeShape:
        """Behind the ways to two outlets."""
        first, second = self.arms
        return self.shape.behind(first.dispersions_ps2[one], second.dispersions_ps2[other])


@dataclass(frozen=True, slots=True)
class PairStream:
    """Pairs of one process, or bunches, whose photons arrive at two given outlets."""

    name: str
    index: int
    outlets: tuple[Outlet, Outlet]
    rate_hz: float
    shape: TimeShape


@dataclass(frozen=True, slots=True)
class EmissionPlan:
    """All light of one state of the network, as independent streams of what will be detected.

    Attributes
    ----------
    pairs : tuple of PairStream
    singles_hz : mapping
        Outlet to the rate of photons that arrive there alone, noise included.
    thermal : tuple of EmittedProcess
        Processes whose pairs are bunched: their streams share one intensity, and are not above.
    bunches : tuple of PairStream
        Photons that come together without being partners; they are not in ``singles_hz``.
    lone_hz : mapping
        As ``singles_hz``, of photons that are born in ``pulses``.
    pulses : Pulses, optional
        Of the pump.
    """

    pairs: tuple[PairStream, ...]
    singles_hz: Mapping[Outlet, float]
    thermal: tuple[EmittedProcess, ...] = ()
    bunches: tuple[PairStream, ...] = ()
    lone_hz: Mapping[Outlet, float] = field(default_factory=dict)
    pulses: Pulses | None = None

    @property
    def streams(self) -> tuple[Stream, ...] | None:
        """All of it, where it is Poisson processes of shapes in closed form alone."""
        both = [(PAIRS, pairs) for pairs in self.pairs] + [(BUNCHES, each) for each in self.bunches]
        if self.thermal or self.lone_hz or not all(each.shape.is_closed for _, each in both):
            return None
        return (
            *(
                Stream(each.name, kind, each.rate_hz, each.outlets, each.index, each.shape)
                for kind, each in both
            ),
            *(
                Stream(_name_of(outlet), SINGLES, rate_hz, (outlet,))
                for outlet, rate_hz in self.singles_hz.items()
            ),
        )


def _name_of(outlet: Outlet) -> str:
    """Random stream of photons that come there alone."""
    return f"{outlet[0]}>{outlet[1]}"


def plan_emission(
    processes: Sequence[EmittedProcess],
    noise_hz: Mapping[Outlet, float],
    *,
    bunches: Sequence[EmittedProcess] = (),
    is_thermal: bool = False,
) -> EmissionPlan:
    """Split ``processes`` and add the noise photons that will be detected (1/s, by outlet).

    Parameters
    ----------
    bunches : sequence of EmittedProcess
        Rates of two photons of these channels that come together; they replace photons that would
        arrive alone, so that no channel gets more or fewer of them.

    Raises
    ------
    ValueError
        If a channel has not as many photons that arrive alone.
    """
    if is_thermal:
        return EmissionPlan((), noise_hz, tuple(processes))
    singles_hz = dict(noise_hz)
    pairs: list[PairStream] = []
    for process in processes:
        first, second = (tuple(arm.ways.items()) for arm in process.arms)
        rates = split_rates(process.rate_hz, [t for _, t in first], [t for _, t in second])
        for (outlet, _), rate_hz in zip(
            (*first, *second), (*rates.first_hz, *rates.second_hz), strict=True
        ):
            singles_hz[outlet] = singles_hz.get(outlet, 0.0) + float(rate_hz)
        pairs += [
            PairStream(
                f"{process.name}/{one[1]}&{other[1]}",
                process.index,
                (one, other),
                float(rates.pairs_hz[i, j]),
                process.shape_at(one, other),
            )
            for i, (one, _) in enumerate(first)
            for j, (other, _) in enumerate(second)
            if rates.pairs_hz[i, j] > 0.0
        ]
    streams = tuple(stream for bunch in bunches for stream in _bunch_streams(bunch))
    for stream in streams:
        for outlet in stream.outlets:
            singles_hz[outlet] = singles_hz.get(outlet, 0.0) - stream.rate_hz
            if singles_hz[outlet] < 0.0:
                raise ValueError(TOO_FEW_ALONE.format(*outlet))
    return EmissionPlan(tuple(pairs), singles_hz, bunches=streams)


def plan_pulses(
    processes: Sequence[EmittedProcess], noise_hz: Mapping[Outlet, float], pulses: Pulses
) -> EmissionPlan:
    """As `plan_emission`, of processes whose pairs are born in pulses; noise comes at any time.

    Raises
    ------
    ValueError
        If a channel has not as many photons that arrive alone as its modes put into pairs.
    """
    plan = plan_emission(processes, {})
    gains = {process.index: pulses.gain(process.rate_hz) for process in processes}
    lone_hz = dict(plan.singles_hz)
    for stream in plan.pairs:
        for outlet in stream.outlets:
            lone_hz[outlet] -= stream.rate_hz * (gains[stream.index] - 1.0)
            if lone_hz[outlet] < 0.0:
                raise ValueError(TOO_FEW_ALONE.format(*outlet))
    pairs = tuple(
        replace(stream, rate_hz=stream.rate_hz * gains[stream.index]) for stream in plan.pairs
    )
    return EmissionPlan(pairs, noise_hz, lone_hz=lone_hz, pulses=pulses)


def _bunch_streams(bunch: EmittedProcess) -> Iterator[PairStream]:
    """Every two outlets once; of one channel, two photons may go to the same one."""
    first, second = (tuple(arm.ways.items()) for arm in bunch.arms)
    is_one_channel = first == second
    ways = combinations_with_replacement(first, 2) if is_one_channel else product(first, second)
    for (one, p), (other, q) in ways:
        # Of two photons in one mode, N^2 g^2 counts each order.
        rate_hz = bunch.rate_hz * p * q * (0.5 if one == other else 1.0)
        if rate_hz > 0.0:
            name, shape = f"{bunch.name}/{one[1]}~{other[1]}", bunch.shape_at(one, other)
            yield PairStream(name, bunch.index, (one, other), rate_hz, shape)


class PairSource:
    """Emits frames; holds no state but that of its random streams and thermal fields.

    Parameters
    ----------
    outlets : sequence of Outlet
        All that light may ever go to.
    stream : callable
        Random stream of a name, see `netsim.kernel.rng.RngTree.stream`.
    kappa_per_ps : float
        2 pi times the linewidth.
    """

    def __init__(
        self,
        outlets: Sequence[Outlet],
        stream: Callable[[str], Generator],
        *,
        kappa_per_ps: float,
    ) -> None:
        self._outlets = tuple(outlets)
        self._stream = stream
        self._rngs: dict[str, Generator] = {}
        self._fields: dict[str, NDArray[np.float64]] = {}
        self._together: dict[int, tuple[EmissionPlan, Streams | None]] = {}
        """What can be drawn in one call, by the plan, which is kept alive."""
        self._kappa_per_ps = kappa_per_ps

    def emit(
        self, index: int, pieces: Sequence[tuple[int, int, EmissionPlan]]
    ) -> dict[Outlet, PhotonFrame]:
        """Photons of one frame, by outlet, at the source.

        Parameters
        ----------
        index : int
            Of the frame.
        pieces : sequence of (start_ps, stop_ps, plan)
            The frame cut where the network changes; light is born in ``[start_ps, stop_ps)``.
        """
        light = _Light(self._outlets)
        for start_ps, stop_ps, plan in pieces:
            together = self._streams(plan)
            if together is not None:
                light.add_all(*together.emit(start_ps, stop_ps, first_row=light.pairs))
            else:
                self._emit_each(light, plan, start_ps, stop_ps)
        return light.frames(index)

    def _streams(self, plan: EmissionPlan) -> Streams | None:
        if id(plan) not in self._together:
            streams = plan.streams
            made = None if streams is None else Streams(streams, self._outlets, self._rng)
            self._together[id(plan)] = plan, made
        return self._together[id(plan)][1]

    def _emit_each(self, light: "_Light", plan: EmissionPlan, start_ps: int, stop_ps: int) -> None:
        """As `Streams`, one after the other."""
        for pairs in (*plan.pairs, *plan.bunches):
            rng = self._rng(pairs.name)
            both_ps = sample_new(rng, pairs.rate_hz, start_ps, stop_ps, pairs.shape)
            light.add_pairs(pairs.index, pairs.outlets, both_ps)
        for process in plan.thermal:
            self._emit_thermal(light, process, start_ps, stop_ps)
        for outlet, rate_hz in plan.singles_hz.items():
            rng = self._rng(_name_of(outlet))
            light.add(outlet, sample_poisson_times(rng, rate_hz, start_ps, stop_ps))
        for outlet, rate_hz in plan.lone_hz.items():
            rng = self._rng(_name_of(outlet))
            light.add(outlet, sample_born(rng, rate_hz, start_ps, stop_ps, plan.pulses))

    def _emit_thermal(
        self, light: "_Light", process: EmittedProcess, start_ps: int, stop_ps: int
    ) -> None:
        """One stream of births, each marked with where its photons arrive, if anywhere."""
        rng = self._rng(process.name)
        if process.name not in self._fields:
            self._fields[process.name] = fresh_field(rng)
        first, second = (arm.ways for arm in process.arms)
        nowhere = (1.0 - sum(first.values())) * (1.0 - sum(second.values()))
        born_ps = sample_thermal_times(
            rng,
            process.rate_hz * (1.0 - nowhere),
            self._kappa_per_ps,
            start_ps,
            stop_ps,
            self._fields[process.name],
        )
        marks = [
            (one, other, p * q)
            for one, p in (*first.items(), (None, 1.0 - sum(first.values())))
            for other, q in (*second.items(), (None, 1.0 - sum(second.values())))
            if one is not None or other is not None
        ]
        shares = np.array([share for _, _, share in marks])
        if not shares.sum() > 0.0:
            return
        which = np.searchsorted(np.cumsum(shares / shares.sum())[:-1], rng.random(born_ps.size))
        for number, (one, other, _) in enumerate(marks):
            chosen_ps = born_ps[which == number]
            if one is not None and other is not None:
                both_ps = sample_apart(rng, chosen_ps, process.shape_at(one, other))
                light.add_pairs(process.index, (one, other), both_ps)
            elif (outlet := one or other) is not None:
                light.add(outlet, chosen_ps)

    def _rng(self, name: str) -> Generator:
        if name not in self._rngs:
            self._rngs[name] = self._stream(f"qnsp/{name}")
        return self._rngs[name]


class _Light:
    """Photons of one frame as they are drawn, and the ledger of their pairs."""

    def __init__(self, outlets: Sequence[Outlet]) -> None:
        self._times: dict[Outlet, list[NDArray[np.int64]]] = {outlet: [] for outlet in outlets}
        self._rows: dict[Outlet, list[NDArray[np.int64]]] = {outlet: [] for outlet in outlets}
        self._processes: list[NDArray[np.int64]] = []
        self.pairs = 0
        """Rows of the ledger so far."""

    def add_all(
        self,
        times_ps: Sequence[NDArray[np.int64]],
        rows: Sequence[NDArray[np.int64]],
        processes: NDArray[np.int64],
    ) -> None:
        """Add photons of all outlets, with their rows, and the processes of new rows."""
        for outlet, photons_ps, their_rows in zip(self._times, times_ps, rows, strict=True):
            self.add(outlet, photons_ps, their_rows)
        self._processes.append(processes)
        self.pairs += processes.size

    def add(
        self, outlet: Outlet, times_ps: NDArray[np.int64], rows: NDArray[np.int64] | None = None
    ) -> None:
        """Add photons at one outlet, with their rows of the ledger if they are halves of pairs."""
        if times_ps.size:
            self._times[outlet].append(times_ps)
            self._rows[outlet].append(np.full(times_ps.size, -1) if rows is None else rows)

    def add_pairs(
        self,
        index: int,
        outlets: tuple[Outlet, Outlet],
        times_ps: tuple[NDArray[np.int64], NDArray[np.int64]],
    ) -> None:
        """Add both photons of each pair and its row of the ledger."""
        size = times_ps[0].size
        if not size:
            return
        self._processes.append(np.full(size, index))
        rows = np.arange(self.pairs, self.pairs + size)
        self.pairs += size
        for outlet, photons_ps in zip(outlets, times_ps, strict=True):
            self.add(outlet, photons_ps, rows)

    def frames(self, index: int) -> dict[Outlet, PhotonFrame]:
        """All of it, sealed."""
        ledger = PairLedger.unmeasured(joined(self._processes))
        return {
            outlet: PhotonFrame(
                index, outlet[0], joined(self._times[outlet]), joined(self._rows[outlet]), ledger
            )
            for outlet in self._times
        }
