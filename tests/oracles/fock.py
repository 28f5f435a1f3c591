"""Low-gain pair sources in a truncated Fock space: every state of up to two pairs, one by one.

Modes p (partners) and c (channels); the pair operator is H = sum over p, c of xi_pc a_p^+ a_c^+,
the state (1 + e H + e^2 H^2 / 2)|0> to second order in e. What two channels share shows in
g2(c, d) = <n_c n_d> / (<n_c> <n_d>) to leading order, in which only numerator e^4 and denominator
e^2 e^2 count.
"""

import math
from collections import defaultdict
from collections.abc import Mapping

State = dict[tuple[int, ...], complex]
"""Photons per mode to amplitude."""


def apply_pair_operator(state: State, amplitudes: Mapping[tuple[int, int], complex]) -> State:
    """H on a state; ``amplitudes`` by the two modes that a pair fills."""
    result: defaultdict[tuple[int, ...], complex] = defaultdict(complex)
    for photons, amplitude in state.items():
        for modes, xi in amplitudes.items():
            filled, factor = list(photons), xi
            for mode in modes:
                filled[mode] += 1
                factor *= math.sqrt(filled[mode])
            result[tuple(filled)] += amplitude * factor
    return dict(result)


def correlation(
    amplitudes: Mapping[tuple[int, int], complex], modes: int, one: int, other: int
) -> float:
    """g2 of two modes (<n(n-1)>/<n>^2 if they are the same one), to leading order."""
    vacuum: State = {(0,) * modes: 1.0}
    single = apply_pair_operator(vacuum, amplitudes)
    double = {k: v / 2.0 for k, v in apply_pair_operator(single, amplitudes).items()}

    def mean(state: State, power: tuple[int, ...]) -> float:
        total = 0.0
        for photons, amplitude in state.items():
            weight, seen = 1.0, list(photons)
            for mode in power:
                weight *= seen[mode]
                seen[mode] -= 1
            total += weight * abs(amplitude) ** 2
        return total

    return mean(double, (one, other)) / (mean(single, (one,)) * mean(single, (other,)))
