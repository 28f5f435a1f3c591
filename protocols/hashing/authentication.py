"""Information-theoretic authentication: Wegman-Carter tags made of Poly1305.

Knows nothing of pools or rounds: it gets 16-byte secrets and gives 16-byte tags.

Poly1305 with the 32-byte key ``r || s`` is ``(polynomial in r of the message) + s`` modulo 2^128
[1]_, [2]_. With ``r`` secret and kept, and a fresh uniform ``s`` for every tag (the *pad*), this is
a Wegman-Carter authenticator [3]_: forging a tag of L bytes succeeds with probability of at most
``8 ceil(L / 16) 2^-106`` [1]_, whatever the attacker computes. A pad used twice gives r away.

Composition in two levels. A round's messages are too many to keep, and both ends see those of the
two directions interleaved differently. So each direction has a `Transcript`: a digest of its
messages under a secret ``r`` of its own and the pad zero. Digests never cross the wire; two
different transcripts have the same one with probability ``8 ceil(L / 16) 2^-106`` at most (the
polynomial hash is almost universal). What crosses the wire is the `tag` of header and both
digests, under a third ``r`` and a fresh pad. The composition of almost-universal hashes is almost
universal with the sum of both epsilons [4]_, so a forgery succeeds with the `sum of the bounds
<forgery_bound>` of the two transcripts and of the outer tag.

References
----------
.. [1] D. J. Bernstein, The Poly1305-AES message-authentication code, FSE 2005, theorem 3.3.
.. [2] RFC 8439, section 2.5.
.. [3] M. N. Wegman, J. L. Carter, New hash functions and their use in authentication and set
   equality, J. Comput. Syst. Sci. 22, 265 (1981).
.. [4] D. R. Stinson, Universal hashing and authentication codes, Des. Codes Cryptogr. 4, 369
   (1994), on the composition of families.
"""

import hmac
from collections.abc import Iterable

from cryptography.hazmat.primitives.poly1305 import Poly1305

KEY_BYTES = 32
HALF_KEY_BYTES = 16
TAG_BYTES = 16
BLOCK_BYTES = 16
NO_PAD = bytes(HALF_KEY_BYTES)


def poly1305(key: bytes, message: bytes) -> bytes:
    """Poly1305 of ``message``: 16 bytes; ``key`` is r || s, 32 bytes (ValueError otherwise)."""
    hasher = _hasher(key)
    hasher.update(message)
    return hasher.finalize()


def tag(r: bytes, pad: bytes, message: bytes) -> bytes:
    """Wegman-Carter tag of ``message``.

    Parameters
    ----------
    r : bytes
        16 secret bytes, kept for many tags.
    pad : bytes
        16 secret bytes, for this tag only.
    message : bytes
        Must name direction, link and round, so that no tag fits elsewhere.

    Returns
    -------
    bytes
        16 of them.
    """
    return poly1305(_half(r) + _half(pad), message)


def verify(r: bytes, pad: bytes, message: bytes, signature: bytes) -> bool:
    """Whether ``signature`` is the `tag`, in a time that does not depend on where they differ."""
    return hmac.compare_digest(tag(r, pad, message), signature)


class Transcript:
    """Digest of a stream of messages, each behind its length: no two streams have the same bytes.

    Parameters
    ----------
    r : bytes
        16 secret bytes, of this stream only.
    """

    def __init__(self, r: bytes) -> None:
        self._hasher = _hasher(_half(r) + NO_PAD)

    def absorb(self, joined: bytes) -> None:
        """Append messages as `protocols.hashing.backlog.framed` joins them."""
        self._hasher.update(joined)

    def finish(self) -> bytes:
        """Digest, 16 bytes; once, and nothing can be absorbed after it. Keep it off the wire."""
        return self._hasher.finalize()


def forgery_probability(message_bytes: int) -> float:
    """Bound of [1]_ for one forgery attempt on a message of ``message_bytes`` (>= 0)."""
    if message_bytes < 0:
        raise ValueError(f"a message cannot have {message_bytes} bytes")
    return 8.0 * -(-message_bytes // BLOCK_BYTES) * 2.0**-106


def forgery_bound(message_bytes: Iterable[int]) -> float:
    """Sum of `forgery_probability` over the levels of one tag, [4]_, at most 1."""
    return min(1.0, sum(forgery_probability(size) for size in message_bytes))


def _half(secret: bytes) -> bytes:
    """``secret`` if it has 16 bytes; ValueError otherwise, which does not show it."""
    if len(secret) != HALF_KEY_BYTES:
        raise ValueError(f"a secret of {len(secret)} bytes, {HALF_KEY_BYTES} are needed")
    return secret


def _hasher(key: bytes) -> Poly1305:
    """Poly1305 of the library, the only place where it is made."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"a Poly1305 key of {len(key)} bytes, {KEY_BYTES} are needed")
    return Poly1305(key)
