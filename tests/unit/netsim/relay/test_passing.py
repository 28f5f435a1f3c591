"""Who knows what of a relayed key: by what each user holds and hears, and by nothing else."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, combinations, pairwise

import numpy as np
import pytest

from netsim.relay.passing import Hop, Passed, arrives, pass_key
from protocols.relay import CHECK_BYTES, MAC_BITS, hop_bits

KEY_BITS = 16
ONE_PATH = (("ann", "bob", "cleo", "dan"),)
TWO_PATHS = (("ann", "bob", "dan"), ("ann", "cleo", "eve", "dan"))
THREE_PATHS = (*TWO_PATHS, ("ann", "fay", "dan"))

Ways = Sequence[tuple[str, ...]]


def hops_of(ways: Ways, rng: np.random.Generator) -> list[list[Hop]]:
    """With keys that both ends have."""
    paths = []
    for way in ways:
        keys = [(hop, rng.bytes(hop_bits(KEY_BITS) // 8)) for hop in pairwise(way)]
        paths.append([Hop(one, f"{one}-{other}".encode(), k, k) for (one, other), k in keys])
    return paths


def flipped(paths: list[list[Hop]], path: int, hop: int, bit: int) -> list[list[Hop]]:
    """The same with one bit of one hop's key flipped, at both ends."""
    key = bytearray(paths[path][hop].nearer)
    key[bit // 8] ^= 0x80 >> bit % 8
    copy = [list(hops) for hops in paths]
    copy[path][hop] = replace(copy[path][hop], nearer=bytes(key), farther=bytes(key))
    return copy


def bits_of(packed: bytes) -> list[int]:
    """One by one."""
    return np.unpackbits(np.frombuffer(packed, np.uint8)).tolist()


def heard(passed: Passed) -> bytes:
    """All ciphers."""
    return b"".join(message.cipher for message in passed.messages)


def rows_of(turned: list[list[int]]) -> list[int]:
    """A number for each bit that may be turned: bit k, whether the k-th pad bit turns it."""
    return [sum(bit << k for k, bit in enumerate(bits)) for bits in zip(*turned, strict=True)]


class Span(dict[int, int]):
    """What follows from some sums modulo 2, by elimination: rows by their highest bit."""

    def add(self, rows: Iterable[int]) -> int:
        """How many of the rows did not follow."""
        return sum(map(self._add, rows))

    def _add(self, row: int) -> bool:
        while row:
            highest = row.bit_length()
            if highest not in self:
                self[highest] = row
                return True
            row ^= self[highest]
        return False


class Knowledge:
    """What follows from what, measured: which bit of which hop's key turns which other bit.

    Pads add up modulo 2. So sums over bits of pads say everything of ciphers and key.
    """

    def __init__(self, ways: Ways) -> None:
        self.ways = ways
        paths = hops_of(ways, np.random.default_rng(1))
        self.places = [
            (path, hop, bit)
            for path, way in enumerate(ways)
            for hop in range(len(way) - 1)
            for bit in range(MAC_BITS, hop_bits(KEY_BITS))
        ]
        whole = pass_key(paths)
        others = [pass_key(flipped(paths, *place)) for place in self.places]
        self.ciphers = rows_of([bits_of(_sum(heard(whole), heard(other))) for other in others])
        self.key = rows_of([bits_of(_sum(whole.sent, other.sent)) for other in others])

    def held(self, users: Iterable[str]) -> Iterator[int]:
        """The bits that ``users`` hold: of all hops that they are an end of."""
        names = set(users)
        for k, (path, hop, _) in enumerate(self.places):
            if names & set(self.ways[path][hop : hop + 2]):
                yield 1 << k

    def unknown_bits(self, users: Iterable[str]) -> int:
        """How many bits of the key are as good as fair coins to ``users`` together."""
        known = Span()
        known.add(self.ciphers)
        known.add(self.held(users))
        return known.add(self.key)


def _sum(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def subsets(users: Sequence[str]) -> Iterable[tuple[str, ...]]:
    """All of them."""
    return chain.from_iterable(combinations(users, size) for size in range(len(users) + 1))


@pytest.mark.parametrize("ways", [ONE_PATH, TWO_PATHS, THREE_PATHS])
def test_one_user_of_every_path_knows_all_and_anyone_less_nothing(ways: Ways) -> None:
    """Every set of users on the way, and who only hears what is said."""
    knowledge = Knowledge(ways)
    between = [user for way in ways for user in way[1:-1]]
    for users in subsets(between):
        knows = all(set(users) & set(way[1:-1]) for way in ways)
        assert knowledge.unknown_bits(users) == (0 if knows else KEY_BITS)


@pytest.mark.parametrize("ways", [ONE_PATH, TWO_PATHS])
def test_who_knows_all_can_say_the_key(ways: Ways) -> None:
    """Out of the first pads that the user behind them holds."""
    paths = hops_of(ways, np.random.default_rng(2))
    passed = pass_key(paths)
    start = MAC_BITS // 8 + CHECK_BYTES
    shares = [np.frombuffer(hops[0].farther[start:], np.uint8) for hops in paths]
    assert np.bitwise_xor.reduce(shares).tobytes() == passed.sent == passed.received
    assert passed.is_accepted


def test_a_dishonest_user_is_found_where_another_path_is_honest() -> None:
    """Whoever it is, with a mask that would fit if its share were all."""
    for seed, user in enumerate(("bob", "cleo", "eve")):
        paths = hops_of(TWO_PATHS, np.random.default_rng(seed))
        assert arrives(paths, {user}) == (False, False)


def test_a_dishonest_user_of_the_only_path_is_not() -> None:
    """The ends use different keys: who is the only one has to be trusted with that."""
    for seed, user in enumerate(("bob", "cleo")):
        paths = hops_of(ONE_PATH, np.random.default_rng(seed))
        assert arrives(paths, {user}) == (True, False)


@pytest.mark.parametrize(("ways", "accepted"), [(ONE_PATH, True), (TWO_PATHS, False)])
def test_dishonest_users_of_one_path_do_not_undo_each_other(ways: Ways, accepted: object) -> None:
    """The ends have different keys as with one of them, whoever notices."""
    paths = hops_of(ways, np.random.default_rng(4))
    assert arrives(paths, ways[-1][1:-1]) == (accepted, False)


@pytest.mark.parametrize("bit", [0, 200, *range(MAC_BITS, MAC_BITS + 193, 64), -1])
def test_hop_keys_that_differ_are_found(bit: int) -> None:
    """Of any part, by a tag or in the end: the two ends of a hop do not have the same."""
    for path, hop in ((0, 0), (0, 1), (1, 2)):
        paths = hops_of(TWO_PATHS, np.random.default_rng(3))
        changed = flipped(paths, path, hop, bit % hop_bits(KEY_BITS))[path][hop]
        paths[path][hop] = replace(paths[path][hop], farther=changed.farther)
        assert not arrives(paths, ())[0]
