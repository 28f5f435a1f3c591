"""Which frames the announcer publishes next, and in which round.

It counts frames and rounds and knows no clicks and no messages. A round is a number of frames that
is fixed before its first one. Rounds follow each other without a gap, except that an announcer who
has learnt that a whole round has sifted nothing goes dormant: frames are then published outside of
rounds, for the responder to find light by, and no round number is used up
until the responder has found some. The same happens for a number of rounds while they are paused,
whatever the responder finds.
"""

from dataclasses import dataclass

from protocols.link import LinkConfig


@dataclass(frozen=True, slots=True)
class Batch:
    """Frames [start, stop) of one announcement."""

    start: int
    stop: int
    round: int | None
    """None outside of rounds."""
    is_first: bool
    is_last: bool


class RoundSchedule:
    """Cuts the frames of a link into announcements and rounds.

    Parameters
    ----------
    config : LinkConfig
        Frames per round and announcement.
    last_round : int
        Highest round that has begun before, -1 if none.

    Attributes
    ----------
    is_dormant : bool
        Whether the next frames belong to no round; the owner sets it, and it takes effect when the
        round under way has been published.
    next_round : int
        Number that the next round will have.
    next_frame : int
        Where the next batch begins; 0 before the first frame has come.
    """

    def __init__(self, config: LinkConfig, last_round: int) -> None:
        self._per_round = config.frames_per_round
        self._per_batch = config.frames_per_announcement
        self.is_dormant = False
        self.next_round = last_round + 1
        self.next_frame = 0
        self._round_stop: int | None = None
        self._resume_frame = 0

    def pause(self, rounds: int) -> None:
        """Begin no round before so many could have been held behind the one under way."""
        self._resume_frame = max(self.next_frame, self._round_stop or 0) + rounds * self._per_round

    @property
    def _is_outside(self) -> bool:
        """Whether frames from the next one on belong to no round, if no round is under way."""
        return self.is_dormant or self.next_frame < self._resume_frame

    def has_batch(self, first_frame: int, frames: int) -> bool:
        """Whether `next_batch` would give one while there is light; parameters as there."""
        if self._round_stop is None:
            return frames > first_frame
        return self._stops(self._round_stop)[0] <= frames

    def _stops(self, round_stop: int) -> tuple[int, int]:
        """Where the next announcement ends, and the round that it is of."""
        start = self.next_frame
        if start == round_stop:
            round_stop = start + (self._per_batch if self._is_outside else self._per_round)
        return min(start + self._per_batch, round_stop), round_stop

    def next_batch(self, first_frame: int, frames: int, *, is_light_over: bool) -> Batch | None:
        """Next announcement, if all its frames are there.

        Parameters
        ----------
        first_frame, frames : int
            Frames [first_frame, frames) have been taken in.
        is_light_over : bool
            No more will come: what is there is published.
        """
        if self._round_stop is None:
            if frames <= first_frame:
                return None
            self.next_frame = self._round_stop = (
                -(-first_frame // self._per_round) * self._per_round
            )
        start, is_first = self.next_frame, self.next_frame == self._round_stop
        is_outside = is_first and self._is_outside
        stop, round_stop = self._stops(self._round_stop)
        if stop > frames and is_light_over:
            stop = frames
        if not start < stop <= frames:
            return None
        self.next_frame = stop
        if is_outside:
            self._round_stop = stop
            return Batch(start, stop, None, is_first=True, is_last=True)
        self._round_stop = round_stop
        self.next_round += is_first
        is_last = stop == round_stop or (is_light_over and stop == frames)
        return Batch(start, stop, self.next_round - 1, is_first, is_last)
