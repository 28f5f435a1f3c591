"""Basis choice by the beam splitter: balanced, or with one basis preferred."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from protocols.interfaces import Basis


class Symmetric(Basis):
    """Z and X with probability 1/2 each."""

    is_symmetric: ClassVar[bool] = True

    def faults(self, z_probabilities: Mapping[str, float]) -> Iterator[tuple[str, str]]:
        """Receivers that are not balanced."""
        for name, probability in z_probabilities.items():
            if probability != 0.5:
                yield (
                    name,
                    f"{probability:g} is not 0.5, and protocol.basis is symmetric; say biased",
                )


class Biased(Basis):
    """One basis more often than the other, by whatever share each receiver has.

    A basis that is never chosen leaves the other one's phase error unknown, and no key.
    """

    is_symmetric: ClassVar[bool] = False

    def faults(self, z_probabilities: Mapping[str, float]) -> Iterator[tuple[str, str]]:
        """Receivers that never choose one of the bases, or choose unlike the first one."""
        common = next(iter(z_probabilities.values()), 0.5)
        for name, probability in z_probabilities.items():
            if not 0.0 < probability < 1.0:
                yield (
                    name,
                    f"{probability:g} leaves one basis without light: no phase error is known",
                )
            elif probability != common:
                yield name, f"{probability:g} is not {common:g} as at the other users"
