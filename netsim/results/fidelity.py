"""How deep a run simulates, and what it leaves out."""

from enum import StrEnum
from typing import assert_never

from netsim.errors import ConfigError


class Fidelity(StrEnum):
    """What is drawn one by one."""

    PHOTON = "photon"
    """Photons; everything else follows. The reference."""
    COINCIDENCE = "coincidence"
    """Clicks that belong to a coincidence of some lane, true or accidental."""
    RATE = "rate"
    """The sifted bits and errors of rounds, from the rates of the twin."""

    @classmethod
    def of(cls, name: str) -> "Fidelity":
        """The level of that name; ConfigError, with those there are, if it is none."""
        try:
            return cls(name)
        except ValueError as error:
            known = ", ".join(cls)
            raise ConfigError.of("fidelity", f"{name!r} is none of {known}") from error

    @property
    def has_keys(self) -> bool:
        """Whether the pools hold key, and not levels alone."""
        return self is not Fidelity.RATE

    @property
    def leaves_out(self) -> str:
        """What the level does not simulate, for the reader of its figures; empty for photons."""
        match self:
            case Fidelity.PHOTON:
                return ""
            case Fidelity.COINCIDENCE:
                return (
                    "only clicks in a lane's window or next to it are drawn, by the rates of the "
                    "devices, dead time included; singles are drawn by their rates; announcements "
                    "of other clicks are in no wire count, and in the bounds on forgeries by "
                    "formula; datagrams are as large as can be; no side peaks, and nothing that "
                    "one click has to do with two lanes; lanes without pairs, and links whose "
                    "clocks are not sure to be found, are not matched"
                )
            case Fidelity.RATE:
                return (
                    "sifted bits and errors of each round are drawn by the twin's rates, the leak "
                    "by a measurement of the error correction; no photons, clock search, messages, "
                    "delays or key bytes"
                )
            case _:
                assert_never(self)
