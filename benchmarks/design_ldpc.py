"""Where the degree distributions of the LDPC codes come from, and how good they are.

``python benchmarks/design_ldpc.py`` prints, for each row of the table in
``protocols/reconciliation/ldpc_degrees.py`` and for regular codes with published thresholds, the
highest error rate that an endless code corrects. ``python benchmarks/design_ldpc.py 0.24`` searches
a row for 0.24 checks per bit (5 to 30 minutes, the longer the fewer checks).

*Density evolution* [1]_: the distribution of the log-likelihood ratio that a message carries, from
one decoding step to the next, on a graph without cycles, all errors being equal by symmetry. It is
kept on a grid; a value between two points of the grid is shared between them. *Differential
evolution* [2]_ varies shares and degrees until f is lowest at which a fixed number of steps is
enough: a finite code that needs few steps is a good one too.

References
----------
.. [1] T. Richardson, R. Urbanke, IEEE Trans. Inf. Theory 47, 599 (2001); thresholds in table II.
.. [2] R. Storn, K. Price, J. Global Optimization 11, 341 (1997).
"""

import math
import sys
import time

import numpy as np

from protocols.compiled import kernel
from protocols.keylength.keyrate import binary_entropy
from protocols.reconciliation.ldpc_degrees import ROWS, SCALE, SHARES

MAX_LLR = 18.0
CORRECTED = 1e-5
"""Error probability of a message at which the rest is certain."""
SEARCH_POINTS, CHECK_POINTS = 150, 300
"""Points of the grid on either side of zero: in the search, and for the figures of the table."""
SEARCH_STEPS, CHECK_STEPS = 150, 2000

REGULAR = {(3, 6): 0.084, (3, 5): 0.113, (3, 4): 0.167, (4, 8): 0.076, (4, 6): 0.116}
"""Degrees of bits and checks to the threshold on the binary symmetric channel [1]_."""


@kernel
def fill_box_sums(step, low, weight):
    """Point below, and distance from it, of the ratio that a check makes of points a and b."""
    for a in range(low.shape[0]):
        for b in range(a + 1):
            x, y = a * step, b * step
            out = y + math.log1p(math.exp(-x - y)) - math.log1p(math.exp(y - x))
            point = min(int(out / step), low.shape[0] - 2)
            low[a, b] = low[b, a] = point
            weight[a, b] = weight[b, a] = min(out / step - point, 1.0)


@kernel
def combine(left, right, low, weight):
    """Distribution of what a check makes of two messages; rows: sum, difference of the signs."""
    out = np.zeros_like(left)
    for a in range(low.shape[0]):
        sum_a, difference_a = left[0, a], left[1, a]
        for b in range(low.shape[0]):
            point, share = low[a, b], weight[a, b]
            mass, signed = sum_a * right[0, b], difference_a * right[1, b]
            out[0, point] += mass * (1.0 - share)
            out[0, point + 1] += mass * share
            out[1, point] += signed * (1.0 - share)
            out[1, point + 1] += signed * share
    return out


class Evolution:
    """Density evolution over the binary symmetric channel, with a kind of edges for each degree.

    A code that is grown in the order of degrees has the same number of edges of each kind at every
    check, or one more. That makes a great difference to a graph without structure, where the
    numbers scatter.

    Parameters
    ----------
    error_rate : float
        Of the channel.
    points : int
        Of the grid, on either side of zero.
    """

    def __init__(self, error_rate, points):
        self.error_rate, self.points = error_rate, points
        ratio = math.log((1.0 - error_rate) / error_rate)
        self.channel_point = max(1, round(ratio * points / MAX_LLR))  # exactly on the grid
        self.low = np.empty((points + 1, points + 1), dtype=np.int64)
        self.weight = np.empty((points + 1, points + 1))
        fill_box_sums(ratio / self.channel_point, self.low, self.weight)

    def steps(self, shares, checks_per_bit, limit):
        """Error probability of the messages of the bits of highest degree after each step."""
        degrees = sorted(shares)
        edges = [degree * shares[degree] / checks_per_bit for degree in degrees]
        message = np.zeros(2 * self.points + 1)
        message[self.points + self.channel_point] = 1.0 - self.error_rate
        message[self.points - self.channel_point] = self.error_rate
        messages, errors = [message] * len(degrees), []
        for _ in range(limit):
            messages = [
                self._at_bit(message, degree)
                for message, degree in zip(self._at_checks(messages, edges), degrees, strict=True)
            ]
            errors.append(message_error(messages[1 if len(messages) > 1 else 0]))
            stuck = len(errors) > 20 and errors[-1] > errors[-2] * (1 - 1e-5)
            if errors[-1] < CORRECTED or stuck:
                break
        return errors

    def _at_checks(self, messages, edges):
        """What checks send back, for each kind."""
        whole, others = [], []
        for message, count in zip(messages, edges, strict=True):
            kinds = neighbours(count)
            powers = self._powers(self._split(message), max(kinds))
            whole.append(sum(share * powers[number] for number, share in kinds.items()))
            others.append(
                sum(
                    share * number * powers[number - 1] for number, share in kinds.items() if number
                )
                / count
            )
        sent = []
        for k, message in enumerate(others):
            for other in whole[:k] + whole[k + 1 :]:
                message = self._combine(message, other)  # noqa: PLW2901 (a running product)
            sent.append(self._joined(message))
        return sent

    def _split(self, message):
        """Sum and difference of the masses of right and wrong signs, by magnitude."""
        right, wrong = message[self.points :].copy(), message[self.points :: -1].copy()
        right[0] /= 2
        wrong[0] /= 2
        return np.array([right + wrong, right - wrong])

    def _joined(self, parts):
        """The inverse of `_split`, with total mass 1."""
        out = np.zeros(2 * self.points + 1)
        out[self.points :] += (parts[0] + parts[1]) / 2
        out[self.points :: -1] += (parts[0] - parts[1]) / 2
        return out / out.sum()

    def _powers(self, one, last):
        """Check of 0 to ``last`` equal messages; of none: certainty."""
        nothing = np.zeros_like(one)
        nothing[:, -1] = 1.0
        powers = [nothing, one]
        for _ in range(last - 1):
            powers.append(self._combine(powers[-1], one))
        return powers

    def _combine(self, left, right):
        return combine(left, right, self.low, self.weight)

    def _at_bit(self, message, degree):
        """What bits of a degree send, from what checks have sent them."""
        points = self.points
        size = 1 << math.ceil(math.log2(2 * (points * degree + self.channel_point + 1)))
        wide, channel = np.zeros((2, size))
        wide[: points + 1] = message[points:]
        wide[-points:] = message[:points]
        channel[[self.channel_point, -self.channel_point]] = 1.0 - self.error_rate, self.error_rate
        out = np.fft.irfft(np.fft.rfft(wide) ** (degree - 1) * np.fft.rfft(channel), size)
        out, half = np.maximum(out, 0.0), size // 2
        cut = np.concatenate((out[size - points :], out[: points + 1]))
        cut[0] += out[half : size - points].sum()
        cut[-1] += out[points + 1 : half].sum()
        return cut / cut.sum()


def message_error(message):
    """Probability that its sign is wrong."""
    points = message.size // 2
    return message[:points].sum() + message[points] / 2


def neighbours(mean):
    """Shares of the whole numbers on either side of ``mean``."""
    low = math.floor(mean)
    shares = {low: 1.0 - mean + low, low + 1: mean - low}
    return {number: share for number, share in shares.items() if share > 1e-9}


def shannon_error_rate(checks_per_bit):
    """Error rate whose entropy is ``checks_per_bit``."""
    return bisect(lambda rate: binary_entropy(rate) < checks_per_bit, 0.0, 0.5)


def bisect(is_low, low, high, turns=50):
    """Where ``is_low`` changes from true to false."""
    for _ in range(turns):
        middle = (low + high) / 2
        low, high = (middle, high) if is_low(middle) else (low, middle)
    return low


def threshold(shares, checks_per_bit, points=CHECK_POINTS):
    """Highest error rate that is corrected."""
    limit = shannon_error_rate(checks_per_bit)

    def is_corrected(rate):
        errors = Evolution(rate, points).steps(shares, checks_per_bit, CHECK_STEPS)
        return errors[-1] < CORRECTED

    return bisect(is_corrected, limit / 2, limit, turns=11)


LOWEST = np.array([8.0, 36.0, 0.02, 0.01])
HIGHEST = np.array([14.0, 56.0, 0.3, 0.1])
"""Of the candidates: middle and highest degree, and the share of the bits of each."""
WORST, STEPS = 1.15, (0.03, 0.008, 0.002)
"""The search starts at this f, and lowers it by so much at a time."""


def shares_of(candidate, checks_per_bit):
    """Degree distribution that four numbers stand for; the staircase is full, the rest is 3."""
    middle, highest = (round(degree) for degree in candidate[:2])
    shares = {2: checks_per_bit * (ROWS - 1) / ROWS, 3: 0.0}
    shares |= {middle: float(candidate[2]), highest: float(candidate[3])}
    shares[3] = max(0.01, 1.0 - sum(shares.values()))
    total = sum(shares.values())
    return {degree: share / total for degree, share in shares.items()}


def best_efficiency(shares, checks_per_bit, known):
    """Lowest f at which `SEARCH_STEPS` correct, in `STEPS` from ``known``; infinite above it."""

    def is_reached(efficiency):
        rate = shannon_error_rate(checks_per_bit / efficiency)
        errors = Evolution(rate, SEARCH_POINTS).steps(shares, checks_per_bit, SEARCH_STEPS)
        return errors[-1] < CORRECTED

    if not is_reached(known):
        return np.inf
    for step in STEPS:
        while known - step > 1.0 and is_reached(known - step):
            known -= step
    return known


def search(checks_per_bit, *, population=16, generations=25, seed=1):
    """Differential evolution; gives the shares, and the f that they reach."""
    rng = np.random.Generator(np.random.PCG64DXSM(seed))
    candidates = LOWEST + (HIGHEST - LOWEST) * rng.random((population, LOWEST.size))
    costs = np.full(population, WORST)
    for _ in range(generations):
        for k in range(population):
            first, second, third = candidates[rng.choice(population, 3, replace=False)]
            base = first if rng.random() < 0.4 else candidates[costs.argmin()]
            moved = base + (0.4 + 0.5 * rng.random()) * (second - third)
            mixed = np.where(rng.random(LOWEST.size) < 0.8, moved, candidates[k])
            trial = np.clip(mixed, LOWEST, HIGHEST)
            found = best_efficiency(shares_of(trial, checks_per_bit), checks_per_bit, costs[k])
            if found <= costs[k]:
                candidates[k], costs[k] = trial, found
        print(
            f"# {costs.min():.3f} {shares_of(candidates[costs.argmin()], checks_per_bit)}",
            file=sys.stderr,
            flush=True,
        )
    return shares_of(candidates[costs.argmin()], checks_per_bit), float(costs.min())


def print_threshold(name, shares, checks_per_bit, known=""):
    """One line."""
    rate = threshold(shares, checks_per_bit)
    efficiency = checks_per_bit / binary_entropy(rate)
    print(f"{name:12} {rate:.4f}  f {efficiency:.4f}  {known}", flush=True)


def main():
    """Print thresholds, or search a row."""
    if len(sys.argv) > 1:
        checks_per_bit, start_s = float(sys.argv[1]), time.perf_counter()
        shares, efficiency = search(checks_per_bit)
        rounded = {degree: round(SCALE * share) for degree, share in shares.items()}
        print(f"{round(SCALE * checks_per_bit)}: {rounded},  # f {efficiency:.3f}")
        print_threshold(f"{checks_per_bit}", shares, checks_per_bit)
        print(f"{time.perf_counter() - start_s:.0f} s")
        return
    for (bit, check), known in REGULAR.items():
        print_threshold(f"({bit}, {check})", {bit: 1.0}, bit / check, f"published {known}")
    for row, others in SHARES.items():
        shares = {2: row * (ROWS - 1) / ROWS} | others
        total = sum(shares.values())
        print_threshold(
            f"{row / SCALE}", {degree: part / total for degree, part in shares.items()}, row / SCALE
        )


if __name__ == "__main__":
    main()
