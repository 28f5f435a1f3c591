"""Detectors that come back slowly after their dead time: efficiency that falls with the rate.

The bias current of a superconducting nanowire returns exponentially, and with it the efficiency: a
candidate that comes t after the end of the dead time is registered with the probability
1 - exp(-t / tau) [1]_. Intervals between clicks are a renewal process [2]_: beyond the dead time d
they last longer than u with the probability S(u) = exp(-r (u - tau (1 - exp(-u / tau)))), r being
the rate of candidates, and d + int S in the mean. At low rates that is a dead time longer by tau.

References
----------
.. [1] A. J. Kerman et al., Appl. Phys. Lett. 88, 111116 (2006): recovery of the efficiency with
   the kinetic inductance.
.. [2] D. R. Cox, Renewal Theory, Methuen 1962, sections 2.1 and 5.2: hazards and backward
   recurrence times.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_NODES = 20_001
_WIDTHS = 40.0


@lru_cache(maxsize=4096)
def waiting_s(arrivals_hz: float, *, recovery_ps: float, spare_ps: float = 0.0) -> float:
    """Integral of S from ``spare_ps`` on: beyond that after the dead time, how long a click takes.

    Parameters
    ----------
    arrivals_hz : float
        Candidate clicks per second, Poisson, > 0.
    recovery_ps : float
        tau, >= 0.
    spare_ps : float
    """
    tau_s, first_s = recovery_ps * 1e-12, spare_ps * 1e-12
    if tau_s == 0.0:
        return math.exp(-arrivals_hz * first_s) / arrivals_hz
    # Of slow recovery S is a Gaussian of the variance tau / r rather than exponential.
    reach_s = _WIDTHS / arrivals_hz + 8.0 * math.sqrt(2.0 * tau_s / arrivals_hz)
    times_s = first_s + np.linspace(0.0, reach_s, _NODES)
    return float(np.trapezoid(_survival(times_s, arrivals_hz, tau_s), times_s))


def registered_share(
    arrivals_hz: float, *, dead_time_ps: float, recovery_ps: float, silent_ps: float
) -> float:
    """Share of the candidates that are registered ``silent_ps`` or more after the click before.

    Parameters
    ----------
    arrivals_hz : float
        >= 0.
    dead_time_ps, recovery_ps : float
    silent_ps : float
        At least the dead time; that itself for all that are registered.
    """
    if not arrivals_hz:
        return 1.0
    spare_s = np.array([(silent_ps - dead_time_ps) * 1e-12])
    # The density of intervals is -dS/du: what is left of S at that time still comes.
    late = float(_survival(spare_s, arrivals_hz, recovery_ps * 1e-12)[0])
    mean_s = dead_time_ps * 1e-12 + waiting_s(arrivals_hz, recovery_ps=recovery_ps)
    return late / (arrivals_hz * mean_s)


def silent_share(
    arrivals_hz: float, *, dead_time_ps: float, recovery_ps: float, silent_ps: float
) -> float:
    """Share of the time in which there was no click in the last ``silent_ps``; as above."""
    if not arrivals_hz:
        return 1.0
    spare_ps = silent_ps - dead_time_ps
    mean_s = dead_time_ps * 1e-12 + waiting_s(arrivals_hz, recovery_ps=recovery_ps)
    return waiting_s(arrivals_hz, recovery_ps=recovery_ps, spare_ps=spare_ps) / mean_s


def _survival(
    times_s: NDArray[np.float64], arrivals_hz: float, tau_s: float
) -> NDArray[np.float64]:
    """S at times after the end of the dead time."""
    lost_s = tau_s * -np.expm1(-times_s / tau_s) if tau_s else 0.0
    survival: NDArray[np.float64] = np.exp(-arrivals_hz * (times_s - lost_s))
    return survival
