"""A protocol that sifts in its own way: fewer bits, no key of what was never seen, refusals."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

import netsim
from netsim.errors import ConfigError
from protocols.bbm92.announcer import AnnouncerSession
from protocols.bbm92.announcer_round import AnnouncerRound
from protocols.bbm92.rounds import Bits
from protocols.bbm92.variant import Bbm92
from protocols.interfaces import Session, SessionStart
from protocols.messages import Role
from protocols.variants import PROTOCOLS, register

LIGHT_S = 4.0


class ZRound(AnnouncerRound):
    """Keeps Z alone."""

    def wanted(self, lanes: Bits, own: Bits, theirs: Bits) -> NDArray[np.bool_]:
        """Both in Z."""
        are_wanted: NDArray[np.bool_] = super().wanted(lanes, own, theirs) & (own == 0)
        return are_wanted


class ZSession(AnnouncerSession):
    """An announcer with such rounds."""

    ROUND = ZRound


class ZOnly(Bbm92):
    """BBM92 that keeps Z alone."""

    keeps_bases_alike = False

    def session(self, role: Role, start: SessionStart) -> Session:
        """The announcer decides; the responder is as usual."""
        return ZSession(start) if role is Role.ANNOUNCER else super().session(role, start)


@pytest.fixture(autouse=True)
def z_only() -> Iterator[None]:
    """Known while a test runs."""
    register("protocol", "z-only", ZOnly)
    yield
    del PROTOCOLS._registered["z-only"]
    PROTOCOLS._made.pop("z-only", None)


def test_half_is_kept_and_no_key_is_made_of_it() -> None:
    """Z alone is half within 5 sigma; its phase errors were never seen."""
    overrides = ["protocol.round_s=4", "protocol.protocol=z-only"]
    run = netsim.simulate("two_user", duration_s=LIGHT_S, overrides=overrides)
    (link,), (lane,) = run.links, run.lanes
    expected = lane.sifted_bits / 2
    assert abs(link.counts.sifted_bits - expected) < 5 * (lane.sifted_bits / 4) ** 0.5 + 40
    assert link.counts.deposited_bits == 0
    assert "1 no_key" in link.notes


def test_the_rate_level_refuses_it() -> None:
    """There nobody sifts, and key would be made of all matches."""
    overrides = ["protocol.protocol=z-only"]
    with pytest.raises(ConfigError, match="not at the rate level: rounds are drawn"):
        netsim.simulate("two_user", duration_s=LIGHT_S, overrides=overrides, fidelity="rate")


def test_proofs_that_need_both_bases_alike_refuse_it() -> None:
    """Before anything is simulated."""
    finite = ["protocol.protocol=z-only", "protocol.security=finite", "protocol.estimation=sample"]
    with pytest.raises(ConfigError, match="z-only"):
        netsim.load_topology("two_user", overrides=finite)
    mixed = ["protocol.protocol=z-only", "protocol.security=asymptotic-mixed"]
    with pytest.raises(ConfigError, match="z-only"):
        netsim.load_topology("two_user", overrides=mixed)
