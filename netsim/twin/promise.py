"""What a link's own run needs before it makes key: light for its clocks, pads for its votes."""

import math
from collections.abc import Iterator, Sequence

from netsim.twin.prediction import LanePrediction
from protocols.messages import TAG_BYTES
from protocols.profile import Profile
from protocols.variants import AUTHENTICATIONS

TAGS_PER_ROUND = 2
"""A vote and a decision."""


def coincidences_hz(lanes: Sequence[LanePrediction]) -> float:
    """Of all lanes of a link, whatever the bases."""
    return math.fsum(lane.coincidences_hz for lane in lanes)


def is_lockable(lanes: Sequence[LanePrediction]) -> bool:
    """Whether a link of these lanes has the light to find its clocks by."""
    return not any(_dimness(lanes))


def _dimness(lanes: Sequence[LanePrediction]) -> Iterator[str]:
    """Why clocks are not sure to be found, if that is so."""
    lights = [lane.light for lane in lanes]
    if not any(light.finds_clocks for light in lights):
        best = max(lights, key=lambda light: light.coincidences_hz / light.lockable_hz)
        yield (
            f"{best.coincidences_hz:.3g} coincidences/s on the best lane, and clocks are "
            f"hardly found below {best.lockable_hz:.3g}"
        )


def authentication_bits(profile: Profile) -> int:
    """Key that the tags of one round use up at either end."""
    uses_pads = AUTHENTICATIONS.get(profile.authentication).uses_pads
    return 8 * TAG_BYTES * TAGS_PER_ROUND if uses_pads else 0


def shortfalls(
    lanes: Sequence[LanePrediction], profile: Profile, key_bits: int | None, round_s: float
) -> Iterator[str]:
    """Why a round that should hold ``key_bits`` adds nothing to a pool, if that is so."""
    dimness = list(_dimness(lanes))
    if dimness:
        yield f"no key expected: {dimness[0]}"
    elif key_bits and key_bits <= authentication_bits(profile):
        yield (
            f"rounds of {round_s:g} s are too short: authentication takes "
            f"{authentication_bits(profile)} bits, a round makes {key_bits}"
        )
