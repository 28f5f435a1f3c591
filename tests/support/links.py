"""Settings of the link that tests of the protocol run, and the insides of its ends."""

import math
from collections.abc import Mapping
from typing import Any

from protocols.bbm92.session import LinkSession
from protocols.endpoint import Endpoint
from protocols.link import PS_PER_S, LinkConfig, nested
from protocols.profile import Profile, Terms

LINK = "alice-bob"
TICK_PS = 10
FRAME_PS = PS_PER_S // 10


def link_config(**changes: object) -> LinkConfig:
    """Small link: rounds of one second, announcements of half a second; ``changes`` are flat.

    Its Cascade is the one that fails least: no test hangs on the luck of an error correction.
    """
    values: dict[str, object] = {
        "link": LINK,
        "announcer": "alice",
        "responder": "bob",
        "announcer_tick_ps": TICK_PS,
        "responder_tick_ps": TICK_PS,
        "window_ps": 2000,
        "umi_delay_ps": 10_000,
        "coherence_rate_per_s": 2 * math.pi * 200e6,
        "lane_delays_ps": (5_000_000,),
        "offset_bound_ps": 100_000_000,
        "rate_bound_ppm": 0.2,
        "allan_deviation_1s": 1e-10,
        "frame_ps": FRAME_PS,
        "frames_per_round": 10,
        "frames_per_announcement": 5,
        "protocol": "bbm92",
        "estimation": "reconciled",
        "reconciliation": "cascade-option4",
        "amplification": "toeplitz-fft",
        "security": "asymptotic",
        "authentication": "wegman-carter",
        "basis": "symmetric",
        "initial_qber": 0.05,
        "timeout_ps": 20 * PS_PER_S,
        "initial_pads": 16,
    }
    return link_of(values | changes)


def link_of(facts: Mapping[str, object]) -> LinkConfig:
    """The link whose `LinkConfig.flat` is ``facts``."""
    own = nested(facts)
    profile = own.pop("profile")
    terms = Terms(**profile.pop("terms"))
    return LinkConfig(**own, profile=Profile(**profile, terms=terms))


def session_of(end: Endpoint) -> LinkSession[Any]:
    """What plays the role of an endpoint, with its insides."""
    session = end._session
    assert isinstance(session, LinkSession)
    return session
