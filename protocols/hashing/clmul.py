"""Products of polynomials over GF(2) by the processor's carry-less multiplication.

Knows nothing of keys. Only the middle of the product is computed, as a Toeplitz matrix times a
vector, split in halves by the three-product identity of Karatsuba's kind [1]_::

    | Y0 |   | T1 T0 | | X0 |      P0 = (T0 + T1) X1      Y0 = P0 + P2
    |    | = |       | |    |,     P1 = (T1 + T2) X0,     Y1 = P1 + P2
    | Y1 |   | T2 T1 | | X1 |      P2 = T1 (X0 + X1)

down to blocks of a few 64-bit words, where the instruction (PCLMULQDQ, of x86) takes over. Its
operands are little-endian: bit t of word a is coefficient 64 a + t.

References
----------
.. [1] H. Fan, M. A. Hasan, A new approach to subquadratic space complexity parallel multipliers
   for extended binary fields, IEEE Trans. Comput. 56, 224 (2007).
"""

import functools
import math
from typing import Any

import llvmlite.binding  # type: ignore[import-untyped]
import numpy as np
from llvmlite import ir
from numba import config
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from protocols.compiled import kernel

WORD_BITS = 64
BASE_WORDS = 24
"""Blocks up to this size are multiplied term by term (measured optimum: 12 to 24)."""
CALL_PRODUCTS = 120
"""What calling a block costs, in products of two words (measured)."""
WORKSPACE_FACTOR = 5
"""Words of workspace per word of a block, over all levels of the recursion."""

Words = NDArray[np.uint64]


@functools.cache
def is_available() -> bool:
    """Whether compiled code may use PCLMULQDQ here."""
    name, features = (getattr(config, key, None) for key in ("CPU_NAME", "CPU_FEATURES"))
    if name is not None or features is not None:
        return "+pclmul" in (features or "")
    try:
        return bool(llvmlite.binding.get_host_cpu_features().get("pclmul", False))
    except RuntimeError:
        return False


def middle_product(
    seed_bits: NDArray[np.uint8], bits: NDArray[np.uint8], output_bits: int
) -> NDArray[np.uint8]:
    """Coefficients m - 1 .. m + l - 2 of the product of two polynomials over GF(2).

    Parameters
    ----------
    seed_bits : (l + m - 1,) uint8
        Zeros and ones.
    bits : (m,) uint8
        Zeros and ones, m >= 1.
    output_bits : int
        l, >= 1.

    Returns
    -------
    (l,) uint8
    """
    rows, columns = (-(-size // WORD_BITS) for size in (output_bits, bits.size))
    block = _block_words(rows, columns)
    rows, columns = (-(-size // block) * block for size in (rows, columns))
    # Shifted so that the first wanted coefficient is bit 0 of word `columns` of the product.
    shift = WORD_BITS * columns - bits.size + 1
    toeplitz = _words(seed_bits, rows + columns, shift)
    product = np.zeros(rows, dtype=np.uint64)
    workspace = np.empty((WORKSPACE_FACTOR + 1) * block, dtype=np.uint64)
    multiply_blocks(toeplitz, _words(bits, columns, 0), product, workspace, block)
    unpacked = np.unpackbits(product.astype("<u8").view(np.uint8), bitorder="little")
    return unpacked[:output_bits]


def _words(bits: NDArray[np.uint8], count: int, shift: int) -> Words:
    """``bits`` from bit ``shift`` of ``count`` little-endian words on, zeros around."""
    padded = np.zeros(count * WORD_BITS, dtype=np.uint8)
    padded[shift : shift + bits.size] = bits
    return np.packbits(padded, bitorder="little").view("<u8").astype(np.uint64)


def _block_words(rows: int, columns: int) -> int:
    """Cheapest block size, a small even number times a power of two, for >= 1 row."""
    smallest = 2 + BASE_WORDS // 2
    candidates: list[int] = [
        *range(2, smallest, 2),
        *(base << level for level in range(21) for base in range(smallest, BASE_WORDS + 1, 2)),
    ]

    def cost(block: int) -> float:
        level = ((block - 1) // BASE_WORDS).bit_length()
        products = ((block >> level) ** 2 + CALL_PRODUCTS) * math.pow(3.0, level)
        return -(-rows // block) * -(-columns // block) * products

    fitting: list[int] = [block for block in candidates if block <= 2 * max(rows, columns)]
    return min(fitting, key=cost)


def _sum_products(
    typing_context: Any,  # noqa: ARG001
    left: Any,
    first: Any,  # noqa: ARG001
    right: Any,
    count: Any,  # noqa: ARG001
) -> Any:
    """Low and high word of the sum of ``left[first + k]`` times ``right[k]``, for use in kernels.

    Two words are loaded at a time and all sums stay in vector registers: word by word, moving
    products into ordinary registers takes longer than multiplying. ``count`` is even.
    """

    def generate(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
        left_words, first_word, right_words, stop = operands
        arrays = ((signature.args[0], left_words), (signature.args[2], right_words))
        data = [context.make_array(kind)(context, builder, value).data for kind, value in arrays]
        data[0] = builder.gep(data[0], [first_word])
        total = _generate_sum(builder, data, stop)
        words = [builder.extract_element(total, ir.IntType(32)(k)) for k in range(2)]
        return context.make_tuple(builder, signature.return_type, words)

    result = types.UniTuple(types.uint64, 2)  # type: ignore[no-untyped-call]
    return result(left, types.int64, right, types.int64), generate


def _generate_sum(builder: Any, data: list[Any], stop: Any) -> Any:
    """A loop over pairs of words, whose products of like halves go into two sums."""
    pair = ir.VectorType(ir.IntType(WORD_BITS), 2)
    function = cgutils.get_or_insert_function(  # type: ignore[no-untyped-call]
        builder.module, ir.FunctionType(pair, [pair, pair, ir.IntType(8)]), "llvm.x86.pclmulqdq"
    )
    zeros = ir.Constant(pair, [0, 0])
    sums = [cgutils.alloca_once_value(builder, zeros) for _ in HALVES]  # type: ignore[no-untyped-call]
    bounds = (stop.type(0), stop, stop.type(2))
    with cgutils.for_range_slice(builder, *bounds) as (at, _):
        places = [builder.bitcast(builder.gep(part, [at]), pair.as_pointer()) for part in data]
        words = [builder.load(place, align=WORD_BITS // 8) for place in places]
        for kept, halves in zip(sums, HALVES, strict=True):
            product = builder.call(function, [*words, ir.IntType(8)(halves)])
            builder.store(builder.xor(builder.load(kept), product), kept)
    return builder.xor(*map(builder.load, sums))


HALVES = (0x00, 0x11)
"""Of the instruction: both low words, both high words."""
sum_products: Any = intrinsic(_sum_products)
"""`_sum_products` as seen from a kernel."""


@kernel
def multiply_directly(toeplitz: Words, vector: Words, product: Words, workspace: Words) -> None:
    """Words k .. 2 k - 1 of ``toeplitz`` (2 k,) times ``vector`` (k,), term by term, for even k.

    ``workspace`` holds k words at least.
    """
    size = vector.size
    backwards = workspace[:size]
    for k in range(size):
        backwards[k] = vector[size - 1 - k]
    carried = np.uint64(0)
    for first in range(size + 1):
        low, high = sum_products(toeplitz, first, backwards, size)
        if first > 0:
            product[first - 1] = low ^ carried
        carried = high


@kernel
def multiply(toeplitz: Words, vector: Words, product: Words, workspace: Words) -> None:
    """As `multiply_directly`, in even halves; ``workspace`` holds 5 k words at least."""
    size = vector.size
    if size <= BASE_WORDS or size & 3:
        multiply_directly(toeplitz, vector, product, workspace)
        return
    half = size >> 1
    sums = workspace[: 3 * half]
    both = workspace[3 * half : 4 * half]
    shared = workspace[4 * half : 5 * half]
    rest = workspace[5 * half :]
    for k in range(3 * half):
        sums[k] = toeplitz[k] ^ toeplitz[k + half]
    for k in range(half):
        both[k] = vector[k] ^ vector[k + half]
    first, second = product[:half], product[half:]
    multiply(toeplitz[half : 3 * half], both, shared, rest)
    multiply(sums[: 2 * half], vector[half:], first, rest)
    multiply(sums[half:], vector[:half], second, rest)
    for k in range(half):
        first[k] ^= shared[k]
        second[k] ^= shared[k]


@kernel
def multiply_blocks(
    toeplitz: Words, vector: Words, product: Words, workspace: Words, block: int
) -> None:
    """Add to ``product`` words K .. K + W - 1 of ``toeplitz`` (K + W,) times ``vector`` (K,).

    W (size of ``product``) and K are multiples of ``block``.
    """
    part, rest = workspace[:block], workspace[block:]
    for row in range(0, product.size, block):
        for column in range(0, vector.size, block):
            start = vector.size + row - column - block
            multiply(
                toeplitz[start : start + 2 * block], vector[column : column + block], part, rest
            )
            for k in range(block):
                product[row + k] ^= part[k]
