"""E91 at the announcer's end: what its rounds do otherwise than those of BBM92."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.announcer import AnnouncerSession
from protocols.bbm92.announcer_round import AnnouncerRound
from protocols.bbm92.rounds import Bits, RoundDropped, Steps, received_bits
from protocols.bbm92.states import AnnouncerState as State
from protocols.bits import pack_bits
from protocols.e91.tested import MAX_TESTED, Tested, is_tested, judge
from protocols.messages import AbortReason, Matches, Message, Outcomes, OutcomesReply


class E91AnnouncerRound(AnnouncerRound):
    """Key of matches that neither user had turned for, tests of those that one had."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._tested = Tested(4)
        """Lanes, own bases and ports, the responder's bases."""

    def _sift(self, ids: NDArray[np.int64], lanes: NDArray[np.uint8], bases: bytes) -> Bits:
        """Masks of what is kept for key, and behind it of what is tested."""
        theirs, is_theirs_turned = received_bits(bases, 2 * ids.size).reshape(2, -1)
        detectors, claimed = self._claim(ids)
        turned = self._book.turned(ids).astype(np.uint8) + is_theirs_turned
        own = (detectors >> 1).astype(np.uint8)
        keep = claimed & (turned == 0) & self.wanted(lanes, own, theirs)
        tested = claimed & (turned == 1)
        self._keep(lanes, detectors, keep)
        self._tested.add(lanes[tested], own[tested], detectors[tested] & 1, theirs[tested])
        return np.concatenate((keep, tested)).astype(np.uint8)

    def _after_sifting(self) -> Steps:
        """Publish the outcomes of the tests: both ends have said what they are."""
        if not is_tested(self):
            yield from self._publish_sample(Matches)
            return
        _, bases, ports, _ = self._tested.columns
        if bases.size > MAX_TESTED:
            raise RoundDropped(AbortReason.TOO_MANY_BITS)
        self._move(Matches, State.TESTING)
        self.book(tested_bits=ports.size)
        yield Outcomes(pack_bits(bases), pack_bits(ports))

    def _act_on(self, body: Message) -> Steps:
        if isinstance(body, OutcomesReply):
            return self._on_reply(body)
        return super()._act_on(body)

    def _on_reply(self, body: OutcomesReply) -> Steps:
        lanes, bases, ports, theirs = self._tested.columns
        yield from judge(
            self, lanes, (bases, theirs), (ports, received_bits(body.ports, ports.size))
        )
        yield from self._publish_sample(OutcomesReply)


class E91AnnouncerSession(AnnouncerSession):
    """The announcer's end of a link that tests Bell's inequality."""

    ROUND: ClassVar[type[AnnouncerRound]] = E91AnnouncerRound
