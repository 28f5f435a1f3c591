"""Photons of double pulses behind an interferometer: at which port they come out, and when.

Late binding as in `netsim.physics.encodings.binding`. The time at which a pair was born tells its
pulse. Two photons on the same path, from the first pulse on the long one or from the second on the
short one, come in the middle slot of both users and cannot be told from those of the other pulse:
ports s, t = +-1 have there P(s, t) = (1 + s t V cos(phi_u + phi_v + phi_0)) / 4, and are uniform
everywhere else.
"""

import math

import numpy as np
from numpy.typing import NDArray

from netsim.frames import CONSUMED, UNMEASURED
from protocols.compiled import kernel
from protocols.tags import DETECTOR_BITS

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

_LOW_BITS = 2.0**53
"""`Generator.random` yields multiples of 2^-53; its two lowest bits choose path and port."""


@kernel
def measure_slots(
    rng: np.random.Generator,
    times_ps: NDArray[np.int64],
    pair_rows: NDArray[np.int64],
    ledger_process: NDArray[np.int64],
    ledger_outcome: NDArray[np.int64],
    ledger_phase_rad: NDArray[np.float64],
    ledger_contrast: NDArray[np.float64],
    pair_contrast: NDArray[np.float64],
    pair_phase_rad: NDArray[np.float64],
    way_ps: int,
    slot_ps: int,
    period_ps: int,
    late_ps: int,
    phase_rad: float,
    contrast: float,
) -> NDArray[np.int64]:
    """Arrivals of photons, packed; the ledger is updated.

    Parameters
    ----------
    rng : Generator
        One draw a photon, and one more for the second photon of a pair that interferes.
    times_ps, pair_rows : (N,) int64
        Of a frame, ``way_ps`` behind the source.
    ledger_process, ledger_outcome, ledger_phase_rad, ledger_contrast : (M,)
        See `netsim.frames.PairLedger`; the outcome is 4 * pulse + 2 * path + port.
    pair_contrast, pair_phase_rad : (P,) float64
        Of the processes.
    slot_ps, period_ps : int
        Of the pump.
    late_ps : int
        Of the long path.
    phase_rad, contrast : float
        Of the interferometer.

    Returns
    -------
    (N,) int64
        ``time_ps << 2 | port``.

    Raises
    ------
    ValueError
        If a pair is measured a third time.
    """
    arrivals = np.empty(times_ps.size, dtype=np.int64)
    for k in range(times_ps.size):
        bits = int(rng.random() * _LOW_BITS)
        path, port, row = bits & 1, (bits >> 1) & 1, pair_rows[k]
        if row >= 0:
            earlier = ledger_outcome[row]
            if earlier == CONSUMED:
                raise ValueError("a pair has two photons, but a third one was measured")
            if earlier == UNMEASURED:
                pulse = int((times_ps[k] - way_ps) % period_ps >= slot_ps)
                ledger_outcome[row] = 4 * pulse + 2 * path + port
                ledger_phase_rad[row] = phase_rad
                ledger_contrast[row] = contrast
            else:
                ledger_outcome[row] = CONSUMED
                is_same_path = ((earlier >> 1) & 1) == path
                if is_same_path and (earlier >> 2) + path == 1:
                    process = ledger_process[row]
                    visibility = pair_contrast[process] * ledger_contrast[row] * contrast
                    total_rad = phase_rad + ledger_phase_rad[row] + pair_phase_rad[process]
                    same = rng.random() < 0.5 * (1.0 + visibility * math.cos(total_rad))
                    port = (earlier & 1) if same else 1 - (earlier & 1)
        arrivals[k] = ((times_ps[k] + path * late_ps) << DETECTOR_BITS) | port
    return arrivals
