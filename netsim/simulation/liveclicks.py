"""Clicks that count: those that come while no detector of their user is blind, as in a tag book."""

import numpy as np
from numpy.typing import NDArray

from netsim.frames import NEVER_PS, ClickFrame
from netsim.topology.specs import TopologySpec
from protocols.compiled import kernel
from protocols.tags import DETECTOR_BITS


@kernel
def _without_close(clicks: NDArray[np.int64], last_ps: int, dead_time_ps: int) -> NDArray[np.int64]:
    """Those of ascending ``clicks`` that come ``dead_time_ps`` or more after the one before."""
    live = np.empty(clicks.size, dtype=np.int64)
    size = np.uint64(0)
    for k in range(clicks.size):
        time_ps = clicks[k] >> DETECTOR_BITS
        if time_ps - last_ps >= dead_time_ps:
            live[size] = clicks[k]
            size += np.uint64(1)
        last_ps = time_ps
    return live[:size]


class LiveClicks:
    """Lets those clicks of a user through that come while none of its detectors is blind.

    The scorers of several links may ask for the same frame one after the other: it is worked out
    once.
    """

    def __init__(self, dead_time_ps: int) -> None:
        self._dead_time_ps = dead_time_ps
        self._last_ps = NEVER_PS
        self._asked: ClickFrame | None = None
        self._found: ClickFrame | None = None

    def of(self, frame: ClickFrame) -> ClickFrame:
        """A frame, the next or the latest, without clicks that closely follow another one."""
        if self._found is None or frame is not self._asked:
            self._asked, self._found = frame, self._filter(frame)
        return self._found

    def _filter(self, frame: ClickFrame) -> ClickFrame:
        if not frame.clicks.size or not self._dead_time_ps:
            return frame
        live = _without_close(frame.clicks, self._last_ps, self._dead_time_ps)
        self._last_ps = int(frame.clicks[-1]) >> DETECTOR_BITS
        return ClickFrame(frame.index, frame.stop_ps, live, frame.frames)


def live_clicks(hardware: TopologySpec) -> dict[str, LiveClicks]:
    """Of every user, by its dead times."""
    return {
        user.name: LiveClicks(hardware.receiver_of(user).dead_time_ps) for user in hardware.users
    }
