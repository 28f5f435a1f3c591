"""What is to be expected of a run whose network may change: mean rates, and what links agree on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from netsim.topology.network import Network
from netsim.topology.timeline import Epoch
from netsim.twin.agreement import LinkAgreement, agree
from netsim.twin.prediction import LanePrediction, Memory, Prediction, predict_epochs

Users = tuple[str, str]


class Outlook:
    """Of all states of a network together.

    Parameters
    ----------
    epochs : sequence of Epoch
        Of the whole run.
    memory : dict, optional
        As of `netsim.twin.prediction.predict_epochs`.

    Attributes
    ----------
    network : Network
        As it is at first.
    mean : Prediction
        Of all states, each with its length.
    """

    def __init__(self, epochs: Sequence[Epoch], memory: Memory | None = None) -> None:
        self.network = epochs[0].network
        self._memory: Memory = {} if memory is None else memory
        self.mean = predict_epochs(epochs, self._memory)
        self._epochs = epochs
        self._lanes = _by_link(self.mean)

    def lanes_of(self, users: Users) -> list[LanePrediction]:
        """Mean of each lane of a link."""
        return self._lanes.get(users, [])

    def agreement(self, users: Users) -> LinkAgreement:
        """What a link fixes beforehand: its terms by mean rates.

        Where these promise no key and a single state of the network does, the terms are those of
        the state that promises most, and no other counts.
        """
        return self._agreed(users)[0]

    def deciding_lanes(self, users: Users) -> Sequence[LanePrediction]:
        """Lanes that set the terms of a link: their mean, or those of the state with key."""
        return self._agreed(users)[1]

    def _agreed(self, users: Users) -> tuple[LinkAgreement, Sequence[LanePrediction]]:
        """Terms, and the lanes that set them."""
        lanes = self.lanes_of(users)
        agreed = agree(self.network, users, lanes)
        if agreed.expected_key_bits != 0 or len(self._states) == 1:
            return agreed, lanes
        total_ps = sum(state.length_ps for state in self._states)
        found = [
            (state.length_ps / total_ps, agree(state.network, users, its), its)
            for state in self._states
            for its in (state.lanes.get(users, []),)
        ]
        share, best, own_lanes = max(found, key=lambda each: each[0] * _key_bits(each[1]))
        if not share * _key_bits(best):
            return agreed, lanes
        bits = best.expected_key_bits
        told = replace(
            best,
            expected_key_bits=bits if bits is None else round(share * bits),
            notes=(*best.notes, f"key is expected in {100.0 * share:.3g} % of the light only"),
            match_rate_hz=agreed.match_rate_hz,
        )
        return told, own_lanes

    @cached_property
    def _states(self) -> list["_State"]:
        networks = {id(epoch.network): epoch.network for epoch in self._epochs}
        found = []
        for key, network in networks.items():
            epochs = [epoch for epoch in self._epochs if id(epoch.network) == key]
            length_ps = sum(epoch.length_ps for epoch in epochs)
            lanes = _by_link(predict_epochs(epochs, self._memory))
            found.append(_State(network, length_ps, lanes))
        return found


@dataclass(frozen=True, slots=True)
class _State:
    """A distinct network, how long it lasts in all, and its lanes by link."""

    network: Network
    length_ps: int
    lanes: dict[Users, list[LanePrediction]]


def _key_bits(agreed: LinkAgreement) -> int:
    """For comparing: 1 where the security variant does not say."""
    return 1 if agreed.expected_key_bits is None else agreed.expected_key_bits


def _by_link(prediction: Prediction) -> dict[Users, list[LanePrediction]]:
    lanes: dict[Users, list[LanePrediction]] = {}
    for lane in prediction.lanes:
        lanes.setdefault(lane.users, []).append(lane)
    return lanes
