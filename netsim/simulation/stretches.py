"""What the twin expects of any stretch of a run: the network may change in the midst of it."""

from bisect import bisect_right
from collections.abc import Hashable, Iterator, Sequence
from functools import lru_cache

from netsim.simulation.wander import Wander
from netsim.topology.timeline import Epoch
from netsim.twin.outlook import Outlook
from netsim.twin.prediction import Memory, Prediction, predict_epochs, predict_found

_TURNED = 64
"""Parts whose rates are kept where phases wander: of as many links with rounds of one length."""


class Stretches:
    """Cuts a run at its epochs, and asks the twin once for each state of the network.

    Parameters
    ----------
    epochs : sequence of Epoch
        Of the whole run, without gaps.
    wander : Wander
        What phases do meanwhile.
    """

    def __init__(self, epochs: Sequence[Epoch], wander: Wander) -> None:
        self._epochs = epochs
        self._starts_ps = [epoch.start_ps for epoch in epochs]
        self._encodings = [spec.encoding for spec in epochs[0].network.topology.receivers.values()]
        self._known: dict[Hashable, Prediction] = {}
        self._memory: Memory = {}
        self._wander = wander
        self._turned = lru_cache(maxsize=_TURNED)(self._predict_turned)

    @property
    def is_steady(self) -> bool:
        """Whether no phase wanders: then parts may be asked for in any order."""
        return not self._wander.users

    def outlook(self) -> Outlook:
        """Of the whole run."""
        return Outlook(self._epochs, self._memory)

    def between(self, start_ps: int, stop_ps: int) -> Iterator[tuple[int, Prediction]]:
        """Length (ps) and rates of each part of [``start_ps``, ``stop_ps``).

        Settings that depend on time are those of the middle of each part.
        """
        first = max(0, bisect_right(self._starts_ps, start_ps) - 1)
        for epoch in self._epochs[first:]:
            part = Epoch(max(start_ps, epoch.start_ps), min(stop_ps, epoch.stop_ps), epoch.network)
            if epoch.start_ps >= stop_ps:
                return
            if part.length_ps > 0:
                yield part.length_ps, self._predict(part)

    def _predict(self, part: Epoch) -> Prediction:
        if self._wander.users:
            return self._turned(part.start_ps, part.stop_ps)
        return self._predict_still(part)

    def _predict_turned(self, start_ps: int, stop_ps: int) -> Prediction:
        """With phases as they wander, in the mean of a part of one epoch."""
        network = self._epochs[bisect_right(self._starts_ps, start_ps) - 1].network
        return predict_found(network, self._wander.coincidences(network, start_ps, stop_ps))

    def _predict_still(self, part: Epoch) -> Prediction:
        middle_ps = (part.start_ps + part.stop_ps) // 2
        settings = tuple(encoding.settings_at(middle_ps) for encoding in self._encodings)
        key: Hashable = (id(part.network), settings)
        if key not in self._known:
            self._known[key] = predict_epochs((part,), self._memory)
        return self._known[key]
