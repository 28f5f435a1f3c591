"""Named streams of one seed."""

import numpy as np
import pytest

from netsim.kernel.rng import UNIFORMS_AT_ONCE, RngTree, Uniforms


def test_stream_depends_on_seed_and_name_alone() -> None:
    """What else was asked for, and when, changes nothing."""
    alone = RngTree(7).stream("alice/clock").random(5)
    tree = RngTree(7)
    tree.stream("bob/clock").random(3)
    assert np.array_equal(tree.stream("alice/clock").random(5), alone)


def test_streams_differ_by_name_and_seed() -> None:
    """Two names, or two seeds, give unrelated numbers."""
    tree = RngTree(7)
    draws = [tree.stream("a").random(), tree.stream("b").random(), RngTree(8).stream("a").random()]
    assert len(set(draws)) == 3


def test_name_is_given_once() -> None:
    """A second component under one name would draw the same numbers: refused."""
    tree = RngTree(7)
    tree.stream("alice/clock")
    with pytest.raises(ValueError, match="alice/clock"):
        tree.stream("alice/clock")


def test_seed_is_a_non_negative_integer() -> None:
    """Other seeds are refused."""
    with pytest.raises(ValueError, match="not negative"):
        RngTree(-1)
    with pytest.raises(TypeError):
        RngTree(1.0)  # type: ignore[arg-type]


def test_generator_is_the_one_that_kernels_are_tested_with() -> None:
    """PCG64DXSM, whose draws are the same compiled and interpreted."""
    assert RngTree(7).stream("a").bit_generator.__class__.__name__ == "PCG64DXSM"


def test_uniforms_are_the_numbers_of_the_generator() -> None:
    """One after the other, as if each had been drawn when it was asked for."""
    single, many = RngTree(3).stream("wire"), Uniforms(RngTree(3).stream("wire"))
    count = 2 * UNIFORMS_AT_ONCE + 1
    assert [many.random() for _ in range(count)] == [single.random() for _ in range(count)]
