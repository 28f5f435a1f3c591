"""What somebody on the fibres of a link knows of its key, counted bit by bit by the simulator."""

import math
from dataclasses import dataclass, fields

from protocols.keylength.keyrate import binary_entropy

WORD_BITS = 8
"""Final key is also compared in words of so many bits."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Counts over the rounds of a link; those of several runs add up.

    What was disclosed on the wire is known to everybody and is counted by itself.
    """

    sifted_bits: int = 0
    """All that were kept, in rounds without key and in samples, too."""
    sifted_noted_bits: int = 0
    """Those of which the observer's notes tell the outcome in the public basis."""
    sifted_right_bits: int = 0
    """Those among them that are as noted."""
    amplified_bits: int = 0
    """Bits of the rounds that were amplified; all that follows is of these."""
    noted_bits: int = 0
    right_bits: int = 0
    disclosed_bits: int = 0
    """Parities and verification, on the wire of these rounds."""
    final_bits: int = 0
    """Key that was left."""
    final_right_bits: int = 0
    """Bits of it that are right if the notes, and guesses where there are none, are amplified."""
    words: int = 0
    """Whole words of `WORD_BITS` of the final key."""
    words_right: int = 0
    """Words all bits of which are right."""

    def __add__(self, other: "Knowledge") -> "Knowledge":
        return Knowledge(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def removed_bits(self) -> int:
        """What amplification took away."""
        return self.amplified_bits - self.final_bits

    @property
    def noted_bits_of_information(self) -> float:
        """What the notes tell of the amplified bits: n (1 - h(share of wrong ones)), as counted."""
        if not self.noted_bits:
            return 0.0
        wrong = 1.0 - self.right_bits / self.noted_bits
        return self.noted_bits * (1.0 - binary_entropy(wrong))

    @property
    def is_covered(self) -> bool:
        """Whether amplification took as much as notes and wire tell; True without any key."""
        told_bits = self.noted_bits_of_information + self.disclosed_bits
        return self.final_bits == 0 or told_bits <= self.removed_bits

    @property
    def final_sigma(self) -> float:
        """Right bits of the final key beyond one half, in standard deviations of a fair coin."""
        return _sigmas(self.final_right_bits, self.final_bits, 0.5)

    @property
    def words_sigma(self) -> float:
        """Right words beyond 2^-`WORD_BITS` of them, in standard deviations of guesses."""
        return _sigmas(self.words_right, self.words, 0.5**WORD_BITS)

    def summary(self) -> dict[str, int | float | bool]:
        """The entry of ``summary.json``."""
        counts = {f.name: int(getattr(self, f.name)) for f in fields(self)}
        return counts | {
            "noted_bits_of_information": self.noted_bits_of_information,
            "removed_bits": self.removed_bits,
            "is_covered": self.is_covered,
            "final_sigma": self.final_sigma,
            "words_sigma": self.words_sigma,
        }

    def __str__(self) -> str:
        """One sentence, or two."""
        sifted = (
            f"observers note {self.sifted_noted_bits} of {self.sifted_bits} sifted bits, "
            f"{self.sifted_right_bits} of them rightly"
        )
        if not self.final_bits:
            return f"{sifted}; there is no key"
        how = "of the" if self.is_covered else "MORE THAN THE"
        return (
            f"{sifted}; of the key's own {self.amplified_bits} they have "
            f"{self.noted_bits_of_information:.0f} bit, and {self.disclosed_bits} from the wire, "
            f"{how} {self.removed_bits} that amplification removed; of {self.final_bits} final "
            f"bits they guess {self.final_right_bits} rightly ({self.final_sigma:+.1f} sigma)"
        )


def knowledge_from(entry: dict[str, int | float | bool] | None) -> Knowledge | None:
    """Inverse of `Knowledge.summary`; None where nobody was there."""
    if entry is None:
        return None
    return Knowledge(**{f.name: int(entry[f.name]) for f in fields(Knowledge)})


def _sigmas(hits: int, trials: int, probability: float) -> float:
    sigma = math.sqrt(trials * probability * (1.0 - probability))
    return (hits - trials * probability) / sigma if sigma else 0.0
