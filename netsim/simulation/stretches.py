"""What the twin expects of any stretch of a run: the network may change in the midst of it."""

from bisect import bisect_right
from collections.abc import Hashable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby, pairwise
from typing import TypeAlias, TypeVar

from netsim.simulation.wander import Wander
from netsim.topology.timeline import Epoch
from netsim.twin.cadence import CHANGING_PS
from netsim.twin.outlook import Outlook
from netsim.twin.prediction import Memory, Prediction, predict_epochs, predict_found

T = TypeVar("T")
Part: TypeAlias = tuple[int, int, T]
"""Start and stop (ps) of what does not change meanwhile."""

_TURNED = 64
"""Parts whose rates are kept where phases wander: of as many links with rounds of one length."""


def announced_together(parts: Sequence[Part[T]]) -> Iterator[Sequence[Part[T]]]:
    """Parts of a run that photons are announced in together, cut where announcements end.

    Of what is on or off within an announcement the parties cannot tell when it has been so.

    Parameters
    ----------
    parts : sequence of (int, int, T)
        Start, stop and state of consecutive parts; one alone is not cut.

    Yields
    ------
    sequence of (int, int, T)
        All of one announcement, or a part alone that fills several.
    """
    if len(parts) == 1:
        yield parts
        return
    pieces = (
        (since_ps, until_ps, state)
        for start_ps, stop_ps, state in parts
        for since_ps, until_ps in pairwise(_cuts_ps(start_ps, stop_ps))
    )
    for _, together in groupby(pieces, lambda piece: piece[0] // CHANGING_PS):
        yield list(together)


def _cuts_ps(start_ps: int, stop_ps: int) -> list[int]:
    """Where a part begins and ends, and the first and last announcement that it fills."""
    first_ps, last_ps = -(-start_ps // CHANGING_PS), stop_ps // CHANGING_PS
    inside = {edge * CHANGING_PS for edge in (first_ps, last_ps) if first_ps <= last_ps}
    return sorted({start_ps, *inside, stop_ps})


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

    def between(self, start_ps: int, stop_ps: int) -> Iterator[Part[Prediction]]:
        """Start, stop (ps) and rates of each part of [``start_ps``, ``stop_ps``).

        Settings that depend on time are those of the middle of each part.
        """
        first = max(0, bisect_right(self._starts_ps, start_ps) - 1)
        for epoch in self._epochs[first:]:
            part = Epoch(max(start_ps, epoch.start_ps), min(stop_ps, epoch.stop_ps), epoch.network)
            if epoch.start_ps >= stop_ps:
                return
            if part.length_ps > 0:
                yield part.start_ps, part.stop_ps, self._predict(part)

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
