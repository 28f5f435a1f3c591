"""A receiver in its place: when it hands out what it has seen."""

from functools import partial
from typing import cast

import numpy as np
import pytest

from netsim.devices.receiver import UserReceiver
from netsim.frames import ClickFrame, PhotonBundle
from netsim.kernel.simulator import Simulator
from netsim.physics.receiver import Receiver
from protocols.tags import TagFrame


class LateReceiver:
    """All clicks of a frame are over 50 ps after its end."""

    def receive(self, light: PhotonBundle, *, is_last: bool) -> tuple[TagFrame, ClickFrame]:
        """Nothing but watermarks."""
        assert is_last is (light.index == 1)
        none = np.empty(0, dtype=np.int64)
        stop_ps = light.stop_ps + 50
        return TagFrame(light.index, stop_ps, none), ClickFrame(light.index, stop_ps, none)


@pytest.mark.parametrize(("delay_ps", "expected_ps"), [(0, [150, 250]), (80, [180, 280])])
def test_clicks_are_handed_out_once_they_have_happened(
    delay_ps: int, expected_ps: list[int]
) -> None:
    """Not before their watermark, nor before their light is there; the end comes with the last."""
    sim, seen = Simulator(), list[tuple[int, int]]()
    receiver = UserReceiver(
        sim,
        cast("Receiver", LateReceiver()),
        lambda tags, _clicks: seen.append((tags.index, sim.now_ps)),
        duration_ps=200,
    )
    for k in range(2):
        light = PhotonBundle(k, 100 * k, 100 * (k + 1), ())
        sim.call_at(100 * (k + 1) + delay_ps, partial(receiver.deliver, light))
    sim.run(until=receiver.finished)
    assert seen == [(0, expected_ps[0]), (1, expected_ps[1])]
    assert sim.now_ps == expected_ps[1]
