"""Products of polynomials over GF(2) by the processor's carry-less multiplication.

Knows nothing of keys. Only the middle of the product is computed, as a Toeplitz matrix times a
vector, split in halves by the three-product identity of Karatsuba's kind [1]_::

    | Y0 |   | T1 T0 | | X0 |      P0 = (T0 + T1) X1      Y0 = P0 + P2
    |    | = |       | |    |,     P1 = (T1 + T2) X0,     Y1 = P1 + P2
    | Y1 |   | T2 T1 | | X1 |      P2 = T1 (X0 + X1)

down to blocks of a few 64-bit words, where the instruction takes over: PCLMULQDQ of x86, or
VPCLMULQDQ, which makes two products at once, where the processor has it. Operands are
little-endian: bit t of word a is coefficient 64 a + t.

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
NARROW, WIDE = 2, 4
"""Words in a vector register of PCLMULQDQ and of VPCLMULQDQ."""
BASE_WORDS = 32
"""Blocks up to this size are multiplied term by term (measured optimum: 24 to 32, both widths)."""
CALL_PRODUCTS = 120
"""What calling a block costs, in products of two words (measured)."""
WORKSPACE_FACTOR = 4
"""Words of workspace per word of a block, over all levels of the recursion."""

Words = NDArray[np.uint64]


def has_feature(feature: str) -> bool:
    """Whether compiled code may use a feature of the processor, by LLVM's name."""
    name, features = (getattr(config, key, None) for key in ("CPU_NAME", "CPU_FEATURES"))
    if name is not None or features is not None:
        return f"+{feature}" in (features or "").split(",")
    try:
        return bool(llvmlite.binding.get_host_cpu_features().get(feature, False))
    except RuntimeError:
        return False


IS_AVAILABLE = has_feature("pclmul")
VECTOR_WORDS = WIDE if IS_AVAILABLE and has_feature("avx") and has_feature("vpclmulqdq") else NARROW


def is_available() -> bool:
    """Whether compiled code may use PCLMULQDQ here."""
    return IS_AVAILABLE


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
    packed = np.packbits(bits, bitorder="little")
    words = np.zeros(count + 1, dtype="<u8")
    place, part = divmod(shift, WORD_BITS)
    words[place:].view(np.uint8)[: packed.size] = packed
    if part:
        # Shifted as words: as bits it would take eight times the memory.
        carried = words[:-1] >> np.uint64(WORD_BITS - part)
        words <<= np.uint64(part)
        words[1:] |= carried
    return words[:count].astype(np.uint64, copy=False)


@functools.lru_cache(maxsize=256)
def _block_words(rows: int, columns: int) -> int:
    """Cheapest block size, a few vectors times a power of two, for >= 1 row."""
    smallest = BASE_WORDS // 2 + WIDE
    candidates: list[int] = [
        *range(WIDE, smallest, WIDE),
        *(base << level for level in range(21) for base in range(smallest, BASE_WORDS + 1, WIDE)),
    ]

    def cost(block: int) -> float:
        level = ((block - 1) // BASE_WORDS).bit_length()
        products = ((block >> level) ** 2 + CALL_PRODUCTS) * math.pow(3.0, level)
        return -(-rows // block) * -(-columns // block) * products

    fitting: list[int] = [block for block in candidates if block <= 2 * max(rows, columns, 2)]
    return min(fitting, key=cost)


def sum_of_products(vector_words: int) -> Any:
    """What finds a sum of products in a kernel, in vectors of `NARROW` or `WIDE` words.

    The function takes ``left``, ``first``, ``right`` and ``count``, a multiple of ``vector_words``,
    and gives low and high word of the sum of ``left[first + k]`` times ``right[k]``. A vector is
    loaded at a time and all sums stay in vector registers: word by word, moving products into
    ordinary registers takes longer than multiplying.
    """

    def typed(
        typing_context: Any,  # noqa: ARG001
        left: Any,
        first: Any,  # noqa: ARG001
        right: Any,
        count: Any,  # noqa: ARG001
    ) -> Any:
        result = types.UniTuple(types.uint64, 2)  # type: ignore[no-untyped-call]
        return result(left, types.int64, right, types.int64), generate

    def generate(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
        left_words, first_word, right_words, stop = operands
        arrays = ((signature.args[0], left_words), (signature.args[2], right_words))
        data = [context.make_array(kind)(context, builder, value).data for kind, value in arrays]
        data[0] = builder.gep(data[0], [first_word])
        total = _generate_sum(builder, data, stop, vector_words)
        return context.make_tuple(builder, signature.return_type, total)

    return intrinsic(typed)


def _generate_sum(builder: Any, data: list[Any], stop: Any, vector_words: int) -> list[Any]:
    """A loop over vectors of words, whose products of like halves go into two sums."""
    vector = ir.VectorType(ir.IntType(WORD_BITS), vector_words)
    function = cgutils.get_or_insert_function(  # type: ignore[no-untyped-call]
        builder.module,
        ir.FunctionType(vector, [vector, vector, ir.IntType(8)]),
        INSTRUCTIONS[vector_words],
    )
    zeros = ir.Constant(vector, [0] * vector_words)
    sums = [cgutils.alloca_once_value(builder, zeros) for _ in HALVES]  # type: ignore[no-untyped-call]
    bounds = (stop.type(0), stop, stop.type(vector_words))
    with cgutils.for_range_slice(builder, *bounds) as (at, _):
        places = [builder.bitcast(builder.gep(part, [at]), vector.as_pointer()) for part in data]
        words = [builder.load(place, align=WORD_BITS // 8) for place in places]
        for kept, halves in zip(sums, HALVES, strict=True):
            product = builder.call(function, [*words, ir.IntType(8)(halves)])
            builder.store(builder.xor(builder.load(kept), product), kept)
    total = builder.xor(*map(builder.load, sums))
    each = [builder.extract_element(total, ir.IntType(32)(k)) for k in range(vector_words)]
    return [functools.reduce(builder.xor, each[half::2]) for half in range(2)]


INSTRUCTIONS = {NARROW: "llvm.x86.pclmulqdq", WIDE: "llvm.x86.pclmulqdq.256"}
HALVES = (0x00, 0x11)
"""Of the instruction: low words of each two, high words."""
sum_products = sum_of_products(VECTOR_WORDS)
"""As wide as the processor can."""


@kernel
def multiply_directly(toeplitz: Words, vector: Words, product: Words, workspace: Words) -> None:
    """Words k .. 2 k - 1 of ``toeplitz`` (2 k,) times ``vector`` (k,), term by term.

    k is a multiple of `VECTOR_WORDS`; ``workspace`` holds k words at least.
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
def add(left: Words, right: Words, total: Words) -> None:
    """Sums of like words; ``total`` (k,) may be one of the others, which have k words at least."""
    for k in range(total.size):
        total[k] = left[k] ^ right[k]


@kernel
def multiply(toeplitz: Words, vector: Words, product: Words, workspace: Words) -> None:
    """As `multiply_directly`, in halves; ``workspace`` holds 4 k words at least."""
    size = vector.size
    if size <= BASE_WORDS or size % (2 * VECTOR_WORDS) != 0:
        multiply_directly(toeplitz, vector, product, workspace)
        return
    half = size >> 1
    sums, part, rest = workspace[: 3 * half], workspace[3 * half : size * 2], workspace[size * 2 :]
    first, second = product[:half], product[half:]
    add(vector[:half], vector[half:], part)
    multiply(toeplitz[half : 3 * half], part, second, rest)
    add(toeplitz, toeplitz[half:], sums)
    multiply(sums[: 2 * half], vector[half:], first, rest)
    add(first, second, first)
    multiply(sums[half:], vector[:half], part, rest)
    add(part, second, second)


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
            add(part, product[row:], product[row : row + block])
