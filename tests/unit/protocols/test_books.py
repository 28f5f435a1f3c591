"""The books of a round begin at nothing; what follows from them is worked out."""

from protocols.books import RoundBooks


def test_a_round_of_which_nothing_is_known_has_nothing() -> None:
    """Every count is 0, no lane is known, and no secrecy is claimed."""
    books = RoundBooks()
    values = books._asdict()
    assert values.pop("lanes") == ()
    assert values.pop("secrecy_epsilon") is None
    assert set(values.values()) == {0}


def test_published_bits_are_no_raw_key() -> None:
    """10 sifted, 3 of them published."""
    assert RoundBooks(sifted_bits=10, sampled_bits=3).raw_bits == 7
