"""What the detectors of two recordings did, alone and together, and what a wrong map looks like."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from netsim.results.parts import Json
from netsim.units import s_from_ps

DETECTORS = ("Z0", "Z1", "X0", "X1")
SIGMAS = 5.0
"""What a share of errors must differ by from one half to say anything."""

BASES_EXCHANGED = (
    "outcomes agree between Z of one end and X of the other: exchange Z and X in --map-b"
)

Counts = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Counts by detector, as the maps name them, before any flip.

    Attributes
    ----------
    singles : ((4), (4)) int
        Tags of alice and of bob within the common light.
    coincidences : (4, 4) int
        Pairs of tags within the window: rows are alice's detectors, columns bob's.
    flip_x : bool
        Whether outcomes in X are expected to be opposite.
    light_ps : int
    late : tuple of (int, int, int)
        Detectors that answer at another time than the others of their end: 0 for alice or 1 for
        bob, the detector, and by how much later in ps.
    """

    singles: Counts
    coincidences: Counts
    flip_x: bool
    light_ps: int
    late: tuple[tuple[int, int, int], ...] = ()

    def singles_hz(self, end: int) -> tuple[float, ...]:
        """Rates of one end's detectors, alice's (0) or bob's (1)."""
        return tuple(count / s_from_ps(self.light_ps) for count in self.singles[end])

    def errors(self, basis: str) -> tuple[int, int]:
        """How many outcomes of both ends in ``"z"`` or ``"x"`` are not as expected, of how many."""
        low = 0 if basis == "z" else 2
        differ, bits = self._differing(low, low)
        return (bits - differ if basis == "x" and self.flip_x else differ), bits

    def error_rate(self, bases: str = "zx") -> float | None:
        """The same as a share, in one basis or both; None without any coincidence there."""
        errors, bits = map(sum, zip(*map(self.errors, bases), strict=True))
        return errors / bits if bits else None

    def _differing(self, row: int, column: int) -> tuple[int, int]:
        """Outcomes that differ, and all, of two bases by their first detectors."""
        block = [self.coincidences[row + i][column + j] for i in (0, 1) for j in (0, 1)]
        return block[1] + block[2], sum(block)

    @property
    def hints(self) -> tuple[str, ...]:
        """What to change where outcomes look exchanged or late; empty where they do not."""
        if self._are_bases_exchanged:
            return (BASES_EXCHANGED, *self._late_detectors())
        return (*self._exchanged_outcomes(), *self._late_detectors())

    def _late_detectors(self) -> Iterator[str]:
        if self.late:
            listed = ", ".join(
                f"{('alice', 'bob')[end]}'s {DETECTORS[detector]} {late_ps:+} ps"
                for end, detector, late_ps in self.late
            )
            yield (
                f"detectors answer at different times ({listed}): published times tell bits, which "
                "is not charged, and pairs are missed; take it off with --detector-delays"
            )

    @property
    def _are_bases_exchanged(self) -> bool:
        same = max(abs(_sigmas(*self._differing(low, low))) for low in (0, 2))
        across = min(abs(_sigmas(*self._differing(low, 2 - low))) for low in (0, 2))
        return across > SIGMAS > same

    def _exchanged_outcomes(self) -> Iterator[str]:
        if _sigmas(*self.errors("z")) > SIGMAS:
            share = _percent(self.error_rate("z"))
            yield f"{share} of the outcomes in Z differ: exchange Z0 and Z1 in --map-b"
        if _sigmas(*self.errors("x")) > SIGMAS:
            how, option = ("equal", "--no-flip-x") if self.flip_x else ("opposite", "--flip-x")
            yield f"{_percent(self.error_rate('x'))} of the outcomes in X are {how}: give {option}"

    def summary(self) -> Json:
        """What ``--json`` prints."""
        return {
            "detectors": list(DETECTORS),
            "coincidences": [list(row) for row in self.coincidences],
            "singles_hz": [list(self.singles_hz(end)) for end in (0, 1)],
            "qber": self.error_rate(),
            "late_ps": [list(late) for late in self.late],
            "qber_z": self.error_rate("z"),
            "qber_x": self.error_rate("x"),
            "hints": list(self.hints),
        }


def _sigmas(errors: int, bits: int) -> float:
    """How far above one half a share of errors lies, in standard deviations of a fair coin."""
    return (errors - bits / 2) / (math.sqrt(bits) / 2) if bits else 0.0


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
