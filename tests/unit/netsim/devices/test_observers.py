"""Observers on the fibre: what they see, what goes on, and what the users count."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from netsim.frames import PhotonBundle
from netsim.observers.observer import Observer, ObserverContext, ObserverKind, ObserverOptions
from netsim.topology.changes import Attenuate, Cut
from netsim.topology.observers import ObserverSpec
from netsim.topology.receiver import DetectorSpec
from netsim.topology.specs import TopologySpec
from tests.support.bounds import assert_poisson, assert_same_mean
from tests.support.observers import Counter, Drop, observed, registered
from tests.support.photons import run_photons
from tests.support.topologies import fibre_spec, receiver_spec, two_user_topology

RATE_HZ = 1e6
DETECTOR = DetectorSpec(efficiency=0.8, dark_rate_hz=0.0, jitter_fwhm_ps=0.0, dead_time_ps=0)
FIBRE_DB = 10.0
AHEAD, BEHIND = 0.5, 0.1 * 0.8 * 10**-0.3
"""Of Bob's way: the provider; a fibre of 10 dB, a receiver of 3 dB and detectors of 80 %."""


def lossy(rate_hz: float = RATE_HZ) -> TopologySpec:
    """Two users, of whom Bob has losses of every sort."""
    receiver = receiver_spec(DETECTOR, excess_loss_db=3.0)
    fibre = fibre_spec(40_000.0, attenuation_db_per_km=FIBRE_DB / 40.0)
    return two_user_topology(
        rate_hz=rate_hz, receivers=(receiver_spec(), receiver), fibres=(fibre_spec(), fibre)
    )


def on_bob(kind: str, position: float = 0.0, **options: float) -> ObserverSpec:
    """Somebody on Bob's fibre."""
    return ObserverSpec(kind=kind, user="bob", position=position, options=dict(options))


@pytest.mark.parametrize("position", [0.0, 0.6, 1.0])
def test_an_observer_sees_what_the_user_would_lose(position: float) -> None:
    """He counts the rate behind the loss ahead of his place; Bob counts what he always does."""
    counter = Counter()
    with registered("counter", lambda: counter):
        run = run_photons(observed(lossy(), on_bob("counter", position)), duration_s=1.0)
    through = AHEAD * 10 ** (-FIBRE_DB * position / 10)
    assert_poisson(counter.photons, RATE_HZ * through)
    assert_poisson(run.world.singles["bob"], RATE_HZ * AHEAD * BEHIND)
    assert [light.index for light in counter.bundles] == list(range(20))


def test_who_lets_pass_changes_no_statistics() -> None:
    """Singles, coincidences and errors are those of the unobserved run; draws are others."""
    plain = run_photons(lossy(), duration_s=2.0)
    seen = run_photons(observed(lossy(), on_bob("pass", 0.5)), duration_s=2.0)
    for user in ("alice", "bob"):
        assert_same_mean(seen.world.singles[user], plain.world.singles[user])
    pairs, errors = zip(*map(coincidences, (seen, plain)), strict=True)
    assert pairs[1] > 3_000
    assert_same_mean(*pairs)
    # Accidentals in 2 ns of 500 kHz: 1e-3 of the pairs, half of them wrong.
    assert all(wrong < 0.005 * all_of for wrong, all_of in zip(errors, pairs, strict=True))


def coincidences(run: object) -> tuple[int, int]:
    """Sifted ones within 2 ns, and wrong ones among them."""
    alice, bob = (run.all_clicks(user) for user in ("alice", "bob"))  # type: ignore[attr-defined]
    delay_ps = round(run.network.channel("C42", "bob").delay_ps)  # type: ignore[attr-defined]
    at = np.searchsorted(alice >> 2, (bob >> 2) - delay_ps - 1000)
    at = np.minimum(at, alice.size - 1)
    near = np.abs((alice[at] >> 2) - (bob >> 2) + delay_ps) <= 1000
    one, other = alice[at][near] & 3, bob[near] & 3
    sifted = one >> 1 == other >> 1
    wrong = ((one ^ other) & 1) != (one >> 1)
    return int(sifted.sum()), int((sifted & wrong).sum())


def test_what_he_takes_nobody_counts() -> None:
    """Half of the photons out: half of the singles, and the other user notices nothing."""
    plain = run_photons(lossy(), duration_s=1.0)
    with registered("drop-some", Drop):
        seen = run_photons(observed(lossy(), on_bob("drop-some", share=0.5)), duration_s=1.0)
    assert_same_mean(seen.world.singles["bob"], plain.world.singles["bob"], ratio=0.5)
    assert_same_mean(seen.world.singles["alice"], plain.world.singles["alice"])


def test_several_on_one_fibre_see_light_in_order() -> None:
    """The second sees what the first has left and the fibre between them has let through."""
    near, far = Counter(), Counter()
    with (
        registered("near", lambda: near),
        registered("far", lambda: far),
        registered("drop-some", Drop),
    ):
        observers = (on_bob("far", 1.0), on_bob("drop-some", 0.5, share=0.5), on_bob("near", 0.5))
        run = run_photons(observed(lossy(), *observers), duration_s=1.0)
    # Of two in one place the earlier of the file comes first: half is gone when `near` looks.
    assert_poisson(near.photons, RATE_HZ * AHEAD * 10**-0.5 / 2)
    assert_poisson(far.photons, RATE_HZ * AHEAD * 0.1 / 2)
    assert_poisson(run.world.singles["bob"], RATE_HZ * AHEAD * BEHIND / 2)


def test_times_are_those_of_his_place() -> None:
    """Half way down the fibre photons have half of the delay; all of it at the user, to the ps."""
    counter = Counter()
    topology = lossy()
    with registered("counter", lambda: counter):
        run = run_photons(observed(topology, on_bob("counter", 0.5)), duration_s=0.05)
    (light,) = counter.bundles
    (frame,) = light.frames
    way = run.network.channel("C42", "bob")
    assert way is not None
    half_ps = way.stretches[0].delay_ps
    assert half_ps == round(way.delay_ps / 2)
    assert half_ps <= frame.times_ps.min() < half_ps + 10_000_000
    assert frame.times_ps.max() < half_ps + 50_000_000_000 + 40_000
    clicks_ps = run.all_clicks("bob") >> 2
    onward_ps = frame.times_ps + (round(way.delay_ps) - half_ps)
    assert np.isin(clicks_ps, np.concatenate((onward_ps, onward_ps + 10_000))).all()


def test_loss_behind_him_follows_events_at_the_photons_own_time() -> None:
    """An attenuator switched within a frame: he sees the same rate, Bob a tenth from then on."""
    event = Attenuate(time_s=0.52, user="bob", extra_loss_db=10.0)
    counter = Counter()
    with registered("counter", lambda: counter):
        topology = observed(lossy(), on_bob("counter")).model_copy(update={"events": (event,)})
        run = run_photons(topology, duration_s=1.0)
    assert_poisson(counter.photons, RATE_HZ * AHEAD)
    way = run.network.channel("C42", "bob")
    assert way is not None
    sent_ps = (run.all_clicks("bob") >> 2) - round(way.delay_ps)
    before = int((sent_ps < 520_000_000_000).sum())
    assert_poisson(before, RATE_HZ * AHEAD * BEHIND * 0.52)
    assert_poisson(sent_ps.size - before, RATE_HZ * AHEAD * BEHIND * 0.048)


def test_a_cut_leaves_him_nothing() -> None:
    """It lies at the provider's end: neither he nor Bob sees light from then on."""
    event = Cut(time_s=0.5, user="bob")
    counter = Counter()
    with registered("counter", lambda: counter):
        topology = observed(lossy(), on_bob("counter")).model_copy(update={"events": (event,)})
        run_photons(topology, duration_s=1.0)
    assert_poisson(counter.photons, RATE_HZ * AHEAD / 2)
    assert all(light.frames[0].times_ps.size == 0 for light in counter.bundles[10:])


def test_one_seed_gives_one_observed_run() -> None:
    """The same seed gives the same clicks, observers and losses behind them included."""
    with registered("drop-some", Drop):
        topology = observed(lossy(), on_bob("drop-some", 0.5, share=0.5))
        one, other = (run_photons(topology, duration_s=0.2, seed=3) for _ in range(2))
    assert np.array_equal(one.all_clicks("bob"), other.all_clicks("bob"))


@dataclass
class Spoiling(ObserverKind):
    """Gives back what somebody makes of the light."""

    spoil: Callable[[PhotonBundle], PhotonBundle]

    def make(self, options: ObserverOptions, context: ObserverContext) -> Observer:
        """An observer who spoils."""
        _ = options, context
        return self

    def observe(self, light: PhotonBundle) -> PhotonBundle:
        """Something else."""
        return self.spoil(light)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda light: replace(light, index=light.index + 1), "gives back the frame"),
        (
            lambda light: replace(light, frames=(replace(light.frames[0], channel="C60"),)),
            "channels of the user",
        ),
    ],
)
def test_an_observer_gives_back_the_users_frame(
    spoil: Callable[[PhotonBundle], PhotonBundle], message: str
) -> None:
    """Another frame, or light on a channel that the user has not, is refused."""
    with (
        registered("spoiling", lambda: Spoiling(spoil)),
        pytest.raises(ValueError, match=message),
    ):
        run_photons(observed(lossy(), on_bob("spoiling")), duration_s=0.05)
