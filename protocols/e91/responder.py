"""E91 at the responder's end: what its rounds do otherwise than those of BBM92."""

from typing import Any, ClassVar

import numpy as np

from protocols.bbm92.alignment import Coincidences
from protocols.bbm92.responder import ResponderSession
from protocols.bbm92.responder_round import ResponderRound
from protocols.bbm92.rounds import Bits, Steps, received_bits
from protocols.bbm92.states import ResponderState as State
from protocols.bits import pack_bits
from protocols.e91.tested import Tested, is_tested, judge
from protocols.messages import Keep, Message, Outcomes, OutcomesReply
from protocols.tagbook import TagBook


class E91ResponderRound(ResponderRound):
    """Key of matches that neither user had turned for, tests of those that one had."""

    def __init__(self, *args: Any, book: TagBook, **options: Any) -> None:
        super().__init__(*args, book=book, **options)
        self._book = book
        self._tested = Tested(3)
        """Lanes, own bases and ports."""

    def _published(self, coincidences: Coincidences) -> Bits:
        """The bases, and behind them in which matches the analysers were turned."""
        turned = self._book.turned(coincidences.ids).astype(np.uint8)
        return np.concatenate((coincidences.bases, turned))

    def _sift(self, matched: Coincidences, mask: bytes) -> None:
        keep, tested = (
            received_bits(mask, 2 * matched.positions.size).astype(np.bool_).reshape(2, -1)
        )
        self._keep(matched, keep)
        self._tested.add(matched.lanes[tested], matched.bases[tested], matched.ports[tested])

    def _after_sifting(self) -> None:
        if is_tested(self):
            self._move(Keep, State.TESTING)
        else:
            self._sifted_by(Keep)

    def _act_on(self, body: Message) -> Steps:
        if isinstance(body, Outcomes):
            return self._on_outcomes(body)
        return super()._act_on(body)

    def _on_outcomes(self, body: Outcomes) -> Steps:
        """Publish the own outcomes; the round goes on if they violate Bell's inequality."""
        lanes, bases, ports = self._tested.columns
        theirs, their_ports = (
            received_bits(packed, lanes.size) for packed in (body.bases, body.ports)
        )
        self.book(tested_bits=ports.size)
        yield OutcomesReply(pack_bits(ports))
        yield from judge(self, lanes, (theirs, bases), (their_ports, ports))
        self._sifted_by(Outcomes)


class E91ResponderSession(ResponderSession):
    """The responder's end of a link that tests Bell's inequality."""

    ROUND: ClassVar[type[ResponderRound]] = E91ResponderRound
