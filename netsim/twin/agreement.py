"""What a link agrees on before its first round: thresholds from the analytic twin.

The twin knows device inputs and nothing of the run; what it expects is public and the same at both
ends. The security variants of `protocols.security` turn it into thresholds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from netsim.topology.network import Network, build_network
from netsim.topology.specs import TopologySpec
from netsim.topology.state import ProtocolSpec
from netsim.twin.prediction import LanePrediction, predict
from netsim.twin.promise import is_lockable, shortfalls
from protocols.expectation import Expectation, LaneExpectation, LeakBudget, ShannonBudget
from protocols.interfaces import Security
from protocols.profile import MIN_SIFTED_BITS, Profile, Terms
from protocols.reconciliation.interface import Reconciliation
from protocols.security import expected_bias_bits, expected_plan, label, smallest_scale
from protocols.variants import (
    RECONCILIATIONS,
    SECURITIES,
    choice_of,
    is_two_way,
    study_notes,
)

PAPER_LEAK_EFFICIENCY = 1.2
"""The budget f of Fan et al. 2025."""
MAX_ROUNDS = 120
USUAL_SHARE = 0.9
RATIOS = tuple((50 + step) / 100 for step in range(50))
"""Z probabilities tried by `best_basis_ratio`."""


@dataclass(frozen=True, slots=True)
class LinkAgreement:
    """What a link runs, and what must be said of it.

    Attributes
    ----------
    profile : Profile
        That of the topology with the terms chosen. The error correction of the first round starts
        from the topology's guess; with a leak budget or a correction of one message, which a guess
        far off would break, from what the twin expects.
    expected_key_bits : int or None
        Per round, if it goes as the twin expects, authentication not taken off; None if the
        security variant does not say. 0 where there is too little light to find the clocks by.
    notes : tuple of str
        Labels, and why no key is to be expected.
    match_rate_hz : float
        Coincidences of all lanes while most come; 0 where a controller may do what nobody foresees.
    """

    profile: Profile
    expected_key_bits: int | None
    notes: tuple[str, ...]
    match_rate_hz: float


@dataclass(frozen=True, slots=True)
class BasisRatio:
    """The choice of basis that gives a network the most key.

    Attributes
    ----------
    z_probability : float
        For all receivers.
    key_bps : float
        Expected sum over all links.
    symmetric_key_bps : float
        The same at 0.5.
    """

    z_probability: float
    key_bps: float
    symmetric_key_bps: float


def agree(
    network: Network, users: tuple[str, str], lanes: Sequence[LanePrediction] | None = None
) -> LinkAgreement:
    """Choose the terms of the link between ``users`` (announcer first).

    Parameters
    ----------
    lanes : sequence of LanePrediction, optional
        What the twin predicts of that link, if it has been asked already.
    """
    topology = network.topology
    profile, round_s = topology.protocol.profile, topology.round_s_of(users)
    if lanes is None:
        lanes = _lanes_of(network, users)
    security = SECURITIES.get(profile.security)
    expectation = expect(lanes, round_s, topology.protocol)
    with SECURITIES.using(profile.security):
        plan = expected_plan(security, expectation, profile.terms)
    notes = [label(choice_of(profile), security), *study_notes(profile)]
    notes.append(_bias(security, expectation))
    if plan.key_bits == 0:
        notes.append(_no_key(security, expectation, profile.terms, round_s))
    if security.has_secrecy_epsilon and len(lanes) > 1:
        notes += _burdens(security, lanes, expectation, profile.terms, plan.key_bits or 0)
    notes += shortfalls(lanes, profile, plan.key_bits, round_s)
    agreed = replace(
        profile,
        terms=_agreed(profile.terms, plan.terms),
        initial_qber=_first_qber(profile, security, expectation),
    )
    match_rate_hz = math.fsum(lane.light.coincidences_hz for lane in lanes)
    key_bits = plan.key_bits if is_lockable(lanes) else 0
    return LinkAgreement(agreed, key_bits, tuple(filter(None, notes)), match_rate_hz)


def _first_qber(profile: Profile, security: Security, expectation: Expectation) -> float:
    """Error rate that the correction of the first round begins with.

    A leak budget breaks if it is far off. A correction of one message fails where it is too low,
    and nothing of the round can mend that: it begins with its own estimate for the worst lane.
    """
    if security.has_secrecy_epsilon:
        return expectation.qber if expectation.bits else profile.initial_qber
    if is_two_way(profile.reconciliation):
        return profile.initial_qber
    with RECONCILIATIONS.using(profile.reconciliation) as variant:
        rates = [
            variant.estimate(errors=round(lane.bits * lane.qber), bits=round(lane.bits))
            for lane in expectation.lanes
            if lane.bits >= MIN_SIFTED_BITS
        ]
    return max(rates, default=profile.initial_qber)


def enough_s(
    network: Network,
    users: tuple[str, str],
    total_s: float,
    lanes: Sequence[LanePrediction] | None = None,
    *,
    share: float = USUAL_SHARE,
) -> float | None:
    """Shortest round that is enough for the link between ``users`` within ``total_s`` of light.

    Longer rounds hold more finite key per second, with ever smaller gains: the first division that
    is not enough ends the search.

    Parameters
    ----------
    total_s : float
        Light in all; whole rounds fill it.
    lanes : sequence of LanePrediction, optional
        As of `agree`.
    share : float
        Of the key that the best division of ``total_s`` is expected to give, 0 to 1.

    Returns
    -------
    float or None
        ``total_s`` over a number from 1 to `MAX_ROUNDS`; None if no division gives any key.
    """
    protocol = network.topology.protocol
    security = SECURITIES.get(protocol.security)
    if lanes is None:
        lanes = _lanes_of(network, users)
    enough, best_bits = 0, 1
    for rounds in range(1, MAX_ROUNDS + 1):
        expectation = expect(lanes, total_s / rounds, protocol)
        plan = expected_plan(security, expectation, protocol.profile.terms)
        key_bits = rounds * (plan.key_bits or 0)
        best_bits = max(best_bits, key_bits)
        if key_bits < share * best_bits:
            break
        enough = rounds
    return total_s / enough if enough else None


def expect(lanes: Sequence[LanePrediction], round_s: float, protocol: ProtocolSpec) -> Expectation:
    """What a round of ``round_s`` should hold."""
    return Expectation(
        tuple(
            LaneExpectation(
                z_bits=lane.z_hz * round_s,
                z_qber=_rate(lane.z_qber),
                x_bits=lane.x_hz * round_s,
                x_qber=_rate(lane.x_qber),
                z_ones=lane.z_ones,
                x_ones=lane.x_ones,
            )
            for lane in lanes
        ),
        leak_budget(protocol),
    )


@dataclass(frozen=True, slots=True)
class _OwnBudget:
    """What an error correction asks for itself, and what is charged anyway."""

    reconciliation: Reconciliation
    least: ShannonBudget

    def bits(self, block_bits: float, error_rate: float, *, seen_bits: float) -> float:
        """The larger of the two."""
        return max(
            self.reconciliation.budget_bits(block_bits, error_rate, seen_bits=seen_bits),
            self.least.bits(block_bits, error_rate, seen_bits=seen_bits),
        )


@dataclass(frozen=True, slots=True)
class _BothDirections:
    """Twice what one direction is given."""

    one: LeakBudget

    def bits(self, block_bits: float, error_rate: float, *, seen_bits: float) -> float:
        """Parities of the announcer's and of the responder's bits."""
        return 2.0 * self.one.bits(block_bits, error_rate, seen_bits=seen_bits)


def leak_budget(protocol: ProtocolSpec) -> LeakBudget:
    """Budget of a round's leak; both directions together where both are booked.

    In the paper's profile at least its own f = 1.2, which is charged anyway.
    """
    reconciliation, charge = protocol.reconciliation, protocol.error_correction_charge
    budget: LeakBudget
    if protocol.leak_efficiency is None:
        least = ShannonBudget(PAPER_LEAK_EFFICIENCY if charge == "paper" else 1.0)
        budget = _OwnBudget(RECONCILIATIONS.get(reconciliation), least)
    else:
        budget = ShannonBudget(protocol.leak_efficiency)
    doubled = charge == "both-directions" and is_two_way(reconciliation)
    return _BothDirections(budget) if doubled else budget


def best_basis_ratio(topology: TopologySpec) -> BasisRatio:
    """The Z probability, the same at all receivers, with which the twin expects the most key.

    Parameters
    ----------
    topology : TopologySpec
        Its security variant and the length of its rounds decide: without finite-size effects the
        best ratio is always the most extreme one.

    Returns
    -------
    BasisRatio
        Of `RATIOS`.
    """
    rates_bps = [_key_bps(topology, ratio) for ratio in RATIOS]
    best = max(range(len(RATIOS)), key=rates_bps.__getitem__)
    return BasisRatio(RATIOS[best], rates_bps[best], rates_bps[0])


def _key_bps(topology: TopologySpec, z_probability: float) -> float:
    receivers = {
        name: spec.model_copy(update={"z_probability": z_probability})
        for name, spec in topology.receivers.items()
    }
    network = build_network(topology.model_copy(update={"receivers": receivers}))
    predicted = predict(network).lanes
    total_bps = 0.0
    for users in network.links:
        lanes = [lane for lane in predicted if lane.users == users]
        agreement = agree(network, users, lanes)
        total_bps += (agreement.expected_key_bits or 0) / topology.round_s_of(users)
    return total_bps


def _lanes_of(network: Network, users: tuple[str, str]) -> list[LanePrediction]:
    return [lane for lane in predict(network).lanes if lane.users == users]


def _agreed(asked: Terms, planned: Terms) -> Terms:
    """What a plan chooses, within what the topology says."""
    return replace(
        asked,
        sample_share=planned.sample_share,
        qber_threshold=min(planned.qber_threshold, asked.qber_threshold),
        leak_share=planned.leak_share,
    )


def _rate(qber: float) -> float:
    return 0.5 if math.isnan(qber) else min(0.5, qber)


def _bias(security: Security, expectation: Expectation) -> str:
    """Say what detectors that differ will cost; nothing if they do not."""
    bits = expected_bias_bits(expectation)
    if not bits:
        return ""
    if security.has_secrecy_epsilon:
        return "unequal detectors: rounds are expected to end as biased"
    return f"unequal detectors: {bits} bits of bias expected to be charged in each round"


def _burdens(
    security: Security,
    lanes: Sequence[LanePrediction],
    expectation: Expectation,
    terms: Terms,
    key_bits: int,
) -> list[str]:
    """Name lanes without which a link would have more key of a length that pools them.

    No round leaves out a lane by itself: which choices a proof allows is in docs/security.md.
    """
    found = []
    for k, lane in enumerate(lanes):
        others = expectation.lanes[:k] + expectation.lanes[k + 1 :]
        rest = expected_plan(security, replace(expectation, lanes=others), terms).key_bits or 0
        if rest > key_bits:
            channels = " & ".join(lane.channels)
            found.append(f"lane {channels}: {rest} bits of key a round without it, {key_bits} with")
    return found


def _no_key(security: Security, expectation: Expectation, terms: Terms, round_s: float) -> str:
    """Say why no key is to be expected, and from what length of a round on it would be."""
    bits, counts = expectation.bits, "no bits"
    if bits:
        counts = f"{bits:.0f} sifted bits at QBER {100.0 * expectation.qber:.2f} %"
    found = f"no key expected from a round of {round_s:g} s ({counts})"
    scale = smallest_scale(security, expectation, terms) if bits else None
    if scale is None:
        return f"{found}, nor from a longer one"
    return f"{found}; rounds of about {round_s * scale:.0f} s would hold some"
