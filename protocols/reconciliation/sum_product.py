"""Decoding of quasi-cyclic LDPC codes: sum-product in layers, many checks at a time.

Finds the likeliest error pattern for a syndrome [1]_, one row of circulants after the other [2]_;
the ``lift`` checks of a row share no bit, so each step below is a loop over independent *lanes*
that the compiler turns into vector instructions. Knows nothing of messages.

Beliefs are log-likelihood ratios ln(P(right) / P(wrong)) in float32. A check with beliefs ``q_j``
tells bit ``k`` the belief ``2 atanh(sign * prod_{j != k} tanh(q_j / 2))``. Both functions are
computed by formulas of their own, of sums, products and divisions only, so that every IEEE
processor decodes alike: tanh(x/2) as a quotient of polynomials (fitted by least squares, error below
1e-6 for |x| < 16), 2 atanh(x) = ln((1 + x) / (1 - x)) by splitting off the exponent of the float
and a polynomial for the rest (fitted, error below 1e-5).

References
----------
.. [1] A. D. Liveris, Z. Xiong, C. N. Georghiades, Compression of binary sources with side
   information at the decoder using LDPC codes, IEEE Commun. Lett. 6, 440 (2002).
.. [2] D. E. Hocevar, A reduced complexity decoder architecture via layered decoding of LDPC codes,
   SiPS 2004.
"""

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

import numpy as np
from numpy.typing import NDArray

from protocols.compiled import lane_kernel

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]

ZERO, ONE, TWO = np.float32(0), np.float32(1), np.float32(2)
MAX_BELIEF = np.float32(15.99)
SCALE = np.float32(1 / 16)
P0, P1, P2, P3, P4 = (
    np.float32(c) for c in (7.99999996, 68.88434105, 117.40848564, 46.33086914, 2.08452296)
)
D1, D2, D3, D4 = (np.float32(c) for c in (29.94387285, 107.34566485, 89.92450721, 14.49422385))
"""tanh(8 y) = y (P0 + P1 y^2 + ...) / (1 + D1 y^2 + ...) for |y| < 1."""
MAX_PRODUCT = np.float32(0.9999998)
LN2 = np.float32(np.log(2.0))
L1, L2, L3, L4, L5, L6 = (
    np.float32(c * np.log(2.0))
    for c in (1.44251687, -0.7178959, 0.45688178, -0.27733778, 0.12188688, -0.02605618)
)
"""ln(1 + m) = L1 m + L2 m^2 + ... for 0 <= m < 1."""
MANTISSA_BITS, BIAS = np.int32(23), np.int32(127)
MANTISSA, EXPONENT_OF_ONE = np.int32(0x7FFFFF), np.int32(0x3F800000)


@lane_kernel
def syndrome(
    row_starts: NDArray[np.int64], columns: Ints, shifts: Ints, bits: Bytes, sums: Bytes
) -> None:
    """Parity of every check: ``sums`` (rows, lift) of ``bits`` (columns, lift)."""
    lift = bits.shape[1]
    for row in range(sums.shape[0]):
        for z in range(lift):
            sums[row, z] = 0
        for edge in range(row_starts[row], row_starts[row + 1]):
            column, shift = columns[edge], shifts[edge]
            rest = lift - shift
            for z in range(shift, lift):
                sums[row, z] ^= bits[column, z - shift]
            for z in range(shift):
                sums[row, z] ^= bits[column, z + rest]


@lane_kernel
def decode(
    row_starts: NDArray[np.int64],
    columns: Ints,
    shifts: Ints,
    wanted: Bytes,
    beliefs: Floats,
    errors: Bytes,
    max_iterations: int,
) -> int:
    """Find an error pattern with a given syndrome.

    Parameters
    ----------
    row_starts, columns, shifts
        Of a `protocols.reconciliation.peg.LiftedCode`.
    wanted : (rows, lift) uint8
        Syndrome of the errors.
    beliefs : (COLUMNS, lift) float32
        Prior ln(P(no error) / P(error)) of each bit, finite; overwritten by the posterior.
    errors : (COLUMNS, lift) uint8
        Becomes the pattern.

    Returns
    -------
    int
        Iterations, or -1 if there is still no pattern with this syndrome after ``max_iterations``.
    """
    rows, lift = wanted.shape
    longest = 0
    for row in range(rows):
        longest = max(longest, row_starts[row + 1] - row_starts[row])
    told = np.zeros((columns.size, lift), np.float32)
    heard = np.empty((longest, lift), np.float32)
    factors = np.empty((longest, lift), np.float32)
    products = np.empty((longest, lift), np.float32)
    running = np.empty(lift, np.float32)
    ratios = np.empty(lift, np.float32)
    mantissas = np.empty(lift, np.int32)
    sums = np.empty((rows, lift), np.uint8)
    for iteration in range(max_iterations + 1):
        _decide(beliefs, errors)
        syndrome(row_starts, columns, shifts, errors, sums)
        if np.array_equal(sums, wanted):
            return iteration
        if iteration == max_iterations:
            break
        for row in range(rows):
            start, stop = row_starts[row], row_starts[row + 1]
            _signs(wanted, row, running)
            for edge in range(start, stop):
                _gather(beliefs, columns[edge], shifts[edge], heard, edge - start)
                _multiply(edge - start, edge, heard, told, factors, products, running)
            _ones(running)
            for edge in range(stop - 1, start - 1, -1):
                k = edge - start
                _divide(k, products, factors, running, ratios)
                _normalise(ratios.view(np.int32), mantissas)
                _tell(
                    k, edge, ratios.view(np.int32), mantissas.view(np.float32), told, heard
                )
                _scatter(heard, k, shifts[edge], beliefs, columns[edge])
    return -1


@lane_kernel
def _decide(beliefs: Floats, errors: Bytes) -> None:
    for column in range(beliefs.shape[0]):
        for z in range(beliefs.shape[1]):
            errors[column, z] = np.uint8(beliefs[column, z] < ZERO)


@lane_kernel
def _signs(wanted: Bytes, row: int, running: Floats) -> None:
    for z in range(running.size):
        running[z] = ONE - TWO * np.float32(wanted[row, z])


@lane_kernel
def _ones(running: Floats) -> None:
    for z in range(running.size):
        running[z] = ONE


@lane_kernel
def _gather(beliefs: Floats, column: int, shift: int, heard: Floats, k: int) -> None:
    """Beliefs of the bits of a column, in the order of the checks."""
    lift = heard.shape[1]
    for z in range(shift, lift):
        heard[k, z] = beliefs[column, z - shift]
    rest = lift - shift
    for z in range(shift):
        heard[k, z] = beliefs[column, z + rest]


@lane_kernel
def _scatter(heard: Floats, k: int, shift: int, beliefs: Floats, column: int) -> None:
    """The inverse of `_gather`."""
    lift = heard.shape[1]
    rest = lift - shift
    for z in range(rest):
        beliefs[column, z] = heard[k, z + shift]
    for z in range(rest, lift):
        beliefs[column, z] = heard[k, z - rest]


@lane_kernel
def _multiply(
    k: int,
    edge: int,
    heard: Floats,
    told: Floats,
    factors: Floats,
    products: Floats,
    running: Floats,
) -> None:
    """Take back what the check has told, and multiply up tanh(q/2) from the first edge on."""
    for z in range(running.size):
        belief = heard[k, z] - told[edge, z]
        heard[k, z] = belief
        belief = belief if belief < MAX_BELIEF else MAX_BELIEF
        belief = belief if belief > -MAX_BELIEF else -MAX_BELIEF
        y = belief * SCALE
        u = y * y
        top = y * (P0 + u * (P1 + u * (P2 + u * (P3 + u * P4))))
        factor = top / (ONE + u * (D1 + u * (D2 + u * (D3 + u * D4))))
        factors[k, z] = factor
        product = running[z]
        products[k, z] = product
        running[z] = product * factor


@lane_kernel
def _divide(k: int, products: Floats, factors: Floats, running: Floats, ratios: Floats) -> None:
    """(1 + x) / (1 - x) with x the product over all edges but this, from the last edge on."""
    for z in range(running.size):
        after = running[z]
        x = products[k, z] * after
        running[z] = after * factors[k, z]
        x = x if x < MAX_PRODUCT else MAX_PRODUCT
        x = x if x > -MAX_PRODUCT else -MAX_PRODUCT
        ratios[z] = (ONE + x) / (ONE - x)


@lane_kernel
def _normalise(ratios: Ints, mantissas: Ints) -> None:
    """Floats as bits: the same mantissas, between 1 and 2."""
    for z in range(ratios.size):
        mantissas[z] = (ratios[z] & MANTISSA) | EXPONENT_OF_ONE


@lane_kernel
def _tell(k: int, edge: int, ratios: Ints, mantissas: Floats, told: Floats, heard: Floats) -> None:
    """Logarithm of the ratios: what the check tells the bit, and the bit's new belief."""
    for z in range(ratios.size):
        m = mantissas[z] - ONE
        exponent = np.float32((ratios[z] >> MANTISSA_BITS) - BIAS)
        message = exponent * LN2 + m * (L1 + m * (L2 + m * (L3 + m * (L4 + m * (L5 + m * L6)))))
        told[edge, z] = message
        heard[k, z] += message
