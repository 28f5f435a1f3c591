"""How deep a run simulates, and what it leaves out."""

from enum import StrEnum
from typing import assert_never


class Fidelity(StrEnum):
    """What is drawn one by one."""

    PHOTON = "photon"
    """Photons; everything else follows. The reference."""
    RATE = "rate"
    """The sifted bits and errors of rounds, from the rates of the twin."""

    @property
    def has_keys(self) -> bool:
        """Whether the pools hold key, and not levels alone."""
        return self is Fidelity.PHOTON

    @property
    def leaves_out(self) -> str:
        """What the level does not simulate, for the reader of its figures; empty for photons."""
        match self:
            case Fidelity.PHOTON:
                return ""
            case Fidelity.RATE:
                return (
                    "sifted bits and errors of each round are drawn by the twin's rates, the leak "
                    "by a measurement of the error correction; no photons, clock search, messages, "
                    "delays or key bytes"
                )
            case _:
                assert_never(self)
