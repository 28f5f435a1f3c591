"""Privacy amplification: the modified Toeplitz family (I|T), by FFT or by carry-less product.

Knows nothing of how long a key may be. Layout, for n bits ``x``, l output bits ``y`` and the n - 1
seed bits ``s`` of the Toeplitz matrix T, all indices from 0 and all sums modulo 2::

    m = n - l
    y[i] = x[i] + sum_{j < m} T[i, j] x[l + j],    T[i, j] = s[i - j + m - 1]

so ``s[:m]`` backwards is the first row of T and ``s[m - 1:]`` its first column. The family is
universal_2 [1]_, with a seed of n - 1 bits instead of the n + l - 1 of a full Toeplitz matrix.
(Multiplication by odd integers is only 2-almost universal, and not offered.)

``y - x[:l]`` is the part m - 1 .. n - 2 of the product of the polynomials ``s`` and ``x[l:]``.

References
----------
.. [1] M. Hayashi, Exponential decreasing rate of leaked information in universal random privacy
   amplification, IEEE Trans. Inf. Theory 57, 3989 (2011), arXiv:0904.0308, on modified Toeplitz
   matrices; M. Hayashi, T. Tsurumaru, IEEE Trans. Inf. Theory 62, 2213 (2016), arXiv:1311.5322.
.. [2] N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., SIAM 2002, theorem
   24.2: the error of an FFT of length N grows with log2(N).
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.bits import check_bit_array
from protocols.hashing import clmul
from protocols.interfaces import Amplification

MAX_INPUT_BITS = 2**27
"""Where the argument for exactness in `toeplitz_amplify` has been made."""


def toeplitz_amplify(
    bits: NDArray[np.uint8], *, seed_bits: NDArray[np.uint8], output_bits: int
) -> NDArray[np.uint8]:
    """Hash ``bits`` with (I|T), by one cyclic convolution in float64.

    The convolution may be as short as n - 1: what wraps around falls on products 0 .. m - 2,
    which nobody reads. It is exact although it is made of floating-point numbers: sums are
    integers of at most m < 2^27, and the error of a product by FFT of length N is below
    about 6 log2(N) 2^-53 |s| |x| <= 6 * 27 * 2^-53 * 2^27 = 3e-6 [2]_ (measured: 5e-10 at 1e7),
    far from the 1/2 that would round wrongly.

    Parameters
    ----------
    bits : (N,) uint8
        Zeros and ones, N <= 2^27.
    seed_bits : (N - 1,) uint8
        Zeros and ones (none for N <= 1), fresh for every call and drawn after ``bits`` are fixed.
    output_bits : int
        0 to N.

    Returns
    -------
    (output_bits,) uint8

    Raises
    ------
    ValueError
        If a size or a value is not as above.
    """
    _check(bits, seed_bits, output_bits)
    head, tail = bits[:output_bits], bits[output_bits:]
    if head.size == 0 or tail.size == 0:
        return head.copy()
    length = fast_fft_length(seed_bits.size)
    spectrum = np.fft.rfft(seed_bits, length)
    spectrum *= np.fft.rfft(tail, length)
    sums = np.fft.irfft(spectrum, length)[tail.size - 1 : seed_bits.size]
    return head ^ (np.rint(sums).astype(np.int64) & 1).astype(np.uint8)


def toeplitz_amplify_clmul(
    bits: NDArray[np.uint8], *, seed_bits: NDArray[np.uint8], output_bits: int
) -> NDArray[np.uint8]:
    """Hash ``bits`` with (I|T), by carry-less multiplication; same bits as `toeplitz_amplify`.

    Falls back to `toeplitz_amplify` where the processor has no such instruction
    (`protocols.hashing.clmul.is_available`). Parameters, result and errors are the same.
    """
    if not clmul.is_available():
        return toeplitz_amplify(bits, seed_bits=seed_bits, output_bits=output_bits)
    _check(bits, seed_bits, output_bits)
    head, tail = bits[:output_bits], bits[output_bits:]
    if head.size == 0 or tail.size == 0:
        return head.copy()
    return head ^ clmul.middle_product(seed_bits, tail, head.size)


class ToeplitzFft(Amplification):
    """`toeplitz_amplify`."""

    is_universal: ClassVar[bool] = True

    def amplify(
        self, bits: NDArray[np.uint8], *, seed_bits: NDArray[np.uint8], output_bits: int
    ) -> NDArray[np.uint8]:
        """(I|T) by fast Fourier transform."""
        return toeplitz_amplify(bits, seed_bits=seed_bits, output_bits=output_bits)


class ToeplitzClmul(Amplification):
    """`toeplitz_amplify_clmul`: the same bits from the same seed."""

    is_universal: ClassVar[bool] = True

    def amplify(
        self, bits: NDArray[np.uint8], *, seed_bits: NDArray[np.uint8], output_bits: int
    ) -> NDArray[np.uint8]:
        """(I|T) by carry-less multiplication."""
        return toeplitz_amplify_clmul(bits, seed_bits=seed_bits, output_bits=output_bits)


def fast_fft_length(size: int) -> int:
    """Smallest 2^a 3^b 5^c >= ``size`` (>= 1), with c >= 2 for lengths from 2^12 on.

    Large powers of two are avoided because their strides meet in few cache sets: 2^20 takes 2.5
    times as long as 10^6.
    """
    if size < 2**12:
        return 1 << (size - 1).bit_length()
    best = 25 << (-(-size // 25) - 1).bit_length()
    for fives in range(2, 12):
        for threes in range(17):
            odd = 5**fives * 3**threes
            best = min(best, odd << max(0, (-(-size // odd) - 1).bit_length()))
    return best


def _check(bits: NDArray[np.uint8], seed_bits: NDArray[np.uint8], output_bits: int) -> None:
    """ValueError if they are no bits, or do not fit."""
    check_bit_array(bits)
    check_bit_array(seed_bits)
    if bits.size > MAX_INPUT_BITS:
        raise ValueError(f"{bits.size} bits are too many to amplify at once")
    if seed_bits.size != max(bits.size - 1, 0):
        raise ValueError(f"{bits.size} bits need one seed bit fewer, not {seed_bits.size}")
    if not 0 <= output_bits <= bits.size:
        raise ValueError(f"{bits.size} bits cannot become {output_bits}")
