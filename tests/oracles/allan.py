"""Allan variances of what drifts, by spectra and by covariances; no code of netsim.

The Allan variance of a phase x read every step is <(x(t + 2 tau) - 2 x(t + tau) + x(t))^2> / (2
tau^2) [1]_; second differences at all times, not at every tau only, scatter less ("overlapping").
They are Gaussian here, so the variance of their mean square follows from their covariance c(j) at a
distance of j steps: 2 sum over j of (N - |j|) c(j)^2 / N^2 [2]_.

References
----------
.. [1] W. J. Riley, Handbook of Frequency Stability Analysis, NIST SP 1065 (2008), sections 5.2.2
   and 5.2.4; 4.1 has S_x of white noise of the frequency, Allan variance walk^2 / tau.
.. [2] L. Isserlis, Biometrika 12, 134 (1918): <a^2 b^2> - <a^2> <b^2> = 2 <a b>^2.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Spectrum = Callable[[Reals], Reals]
"""Takes radians a step and gives variance a radian a step (times 2 pi), both sides."""


class Estimate(NamedTuple):
    """An Allan variance, and the standard deviation of what so many readings tell of it."""

    value: float
    sigma: float


def second_differences(readings: Reals, lag: int) -> Reals:
    """(N - 2 lag,): at all times."""
    found: Reals = readings[2 * lag :] - 2.0 * readings[lag:-lag] + readings[: -2 * lag]
    return found


def measured(readings: Reals, lag: int, step_s: float) -> float:
    """Of readings a step apart, at tau = lag steps."""
    return float(np.mean(second_differences(readings, lag) ** 2)) / (2.0 * (lag * step_s) ** 2)


def by_spectrum(spectrum: Spectrum, lag: int, size: int, step_s: float) -> Estimate:
    """Of so many readings of a process whose second differences are stationary.

    Whose spectrum may be infinite at frequency 0: the middles of a grid are taken.
    """
    count = size - 2 * lag
    grid = 2 ** (2 * size).bit_length()
    frequencies = 2.0 * np.pi * (np.arange(grid) + 0.5) / grid
    differences = np.abs(1.0 - np.exp(-1j * frequencies * lag)) ** 4
    turned = np.exp(1j * np.pi * np.arange(count) / grid)
    covariances = (np.fft.ifft(differences * spectrum(frequencies))[:count] * turned).real
    weights = count - np.arange(count)
    squares = weights * covariances**2
    variance = 2.0 * (2.0 * squares.sum() - squares[0]) / count**2
    scale = 2.0 * (lag * step_s) ** 2
    return Estimate(covariances[0] / scale, float(np.sqrt(variance)) / scale)


def walk(sigma: float) -> Spectrum:
    """Sum of white kicks of this standard deviation a step."""
    return lambda frequencies: sigma**2 / np.abs(1.0 - np.exp(-1j * frequencies)) ** 2


def white(sigma: float) -> Spectrum:
    """White readings."""
    return lambda frequencies: np.full_like(frequencies, sigma**2)


def held(kick: float, reading: float, gains: tuple[float, float, float]) -> Spectrum:
    """What a sampled PID loop leaves of a walk, read before the loop answers.

    With z^-1 for a step back, u = C(z) (x + r) is what an answer takes off, and x (1 - z^-1) = k -
    z^-1 u: so x = (k - z^-1 C r) / (1 - z^-1 + z^-1 C).

    Parameters
    ----------
    kick, reading : float
        Standard deviations of k and r.
    gains : (float, float, float)
        Proportional, integral and derivative, all of them a step: C = p (1 - z^-1) + i + d (1 -
        z^-1)^2.
    """
    proportional, integral, derivative = gains

    def spectrum(frequencies: Reals) -> Reals:
        back = np.exp(-1j * frequencies)
        answer = proportional * (1 - back) + integral + derivative * (1 - back) ** 2
        left = np.abs(1 - back + back * answer) ** 2
        found: Reals = (kick**2 + np.abs(answer) ** 2 * reading**2) / left
        return found

    return spectrum


def of_walk(sigma_1s: float, tau_s: float) -> float:
    """In closed form: walk^2 / tau."""
    return sigma_1s**2 / tau_s


def of_ornstein_uhlenbeck(variance: float, kept: float, lag: int, step_s: float) -> float:
    """Of a phase of which a step keeps a share, in closed form: R(j) = variance kept^j.

    6 R(0) - 8 R(lag) + 2 R(2 lag) is the mean square of the second differences.
    """
    mean_square = variance * (6.0 - 8.0 * kept**lag + 2.0 * kept ** (2 * lag))
    return mean_square / (2.0 * (lag * step_s) ** 2)


def of_walk_set_back(sigma: float, period: int, lag: int, periods: int, step_s: float) -> Estimate:
    """Of a walk that begins at 0 again every period, of so many periods.

    Two readings of one period have in common what had been walked by the earlier one: their
    covariance is sigma^2 times the smaller of their numbers of kicks; others have none.

    Parameters
    ----------
    sigma : float
        Of a kick; the first reading of a period has had one.
    period, lag : int
        Steps.
    """
    reach = -(-2 * lag // period)
    times = np.arange((2 * reach + 1 + reach) * period)
    kicks = times % period + 1
    is_same = times[:, None] // period == times // period
    covariances = sigma**2 * np.where(is_same, np.minimum(kicks[:, None], kicks), 0)
    rows = second_differences(covariances, lag)
    twice: Reals = second_differences(rows.T, lag)
    middle = twice[reach * period : (reach + 1) * period]
    count = period * periods
    scale = 2.0 * (lag * step_s) ** 2
    mean = np.diagonal(twice)[reach * period : (reach + 1) * period].mean()
    sigma_of_mean = np.sqrt(2.0 * periods * (middle**2).sum()) / count
    return Estimate(float(mean) / scale, float(sigma_of_mean) / scale)
