"""What somebody on the fibres of a link learns of its key, bit by bit; no protocol ever sees it.

The eavesdropper has the notebooks of the observers on both fibres and reads all that is said
between the two users: times, matches, bases, the sample, the seed of amplification. To each sifted
bit she looks up the photon that left the source at that time, as the responder does; where she has
a note in the public basis it is her bit, elsewhere she guesses. Then she amplifies as the users do.
The simulator holds her bits against those of the announcer, to which errors are corrected. It lends
her one thing, the announcer's clock. Parities she does not use: they are charged by themselves.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from netsim.observers.notebook import UNKNOWN, Notebook
from netsim.physics.clock import GRID_PS, Clock
from netsim.results.knowledge import WORD_BITS, Knowledge
from netsim.taps.view import StreamView
from netsim.topology.network import Lane
from protocols.ascending import decode_ascending
from protocols.bits import leading_bits, packed_size_bytes, unpack_bits
from protocols.interfaces import Amplification
from protocols.messages import Amplify, Announce, Envelope, Keep, Matches, Role, Sample
from protocols.tagbook import TagBook

Bits = NDArray[np.uint8]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Sifted:
    """Sifted bits in the order in which they were kept; all (N,).

    Attributes
    ----------
    lanes : uint8
    bits : uint8
        Of the announcer.
    notes : int8
        What her notes say of them, or `UNKNOWN`.
    """

    lanes: Bits
    bits: Bits
    notes: NDArray[np.int8]

    @property
    def is_noted(self) -> NDArray[np.bool_]:
        """(N,) bool: whether she has a note in the public basis."""
        return np.not_equal(self.notes, UNKNOWN)

    @property
    def score(self) -> tuple[int, int]:
        """How many she has a note of, and how many of those are right."""
        is_right = self.is_noted & (self.notes == self.bits)
        return int(self.is_noted.sum()), int(is_right.sum())

    def chosen(self, index: NDArray[np.bool_] | Ints) -> "Sifted":
        """Some of them."""
        return Sifted(self.lanes[index], self.bits[index], self.notes[index])


def _joined(parts: Sequence[Sifted]) -> Sifted:
    if not parts:
        return Sifted(np.empty(0, np.uint8), np.empty(0, np.uint8), np.empty(0, np.int8))
    return Sifted(
        np.concatenate([part.lanes for part in parts]),
        np.concatenate([part.bits for part in parts]),
        np.concatenate([part.notes for part in parts]),
    )


def _unpublished(sifted: Sifted, body: Sample) -> Sifted:
    published = unpack_bits(body.mask, sifted.bits.size)
    return sifted.chosen(published == 0)


@dataclass(slots=True)
class _Round:
    """What has been said in a round so far."""

    tags: dict[int, Ints] = field(default_factory=dict)
    """Of the announcer's clicks, by announcement."""
    matches: dict[int, Matches] = field(default_factory=dict)
    parts: list[Sifted] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Fibres:
    """The lanes of a link and who has been on its fibres.

    Attributes
    ----------
    lanes : sequence of Lane
        By their numbers on the wire.
    delays_ps : sequence of int
        From the source to the announcer, by lane.
    notebooks : (sequence of Notebook, sequence of Notebook)
        On the announcer's and on the responder's fibre.
    window_ps : int
    """

    lanes: Sequence[Lane]
    delays_ps: Sequence[int]
    notebooks: tuple[Sequence[Notebook], Sequence[Notebook]]
    window_ps: int

    def bits(self, lanes: Bits, bases: Bits, times_ps: Ints) -> NDArray[np.int8]:
        """(N,) int8: the announcer's bits as far as notes tell them, or `UNKNOWN`.

        Parameters
        ----------
        lanes, bases : (N,) uint8
        times_ps : (N,) int64
            Of the announcer's clicks, true time.
        """
        found = np.full(lanes.size, UNKNOWN, dtype=np.int8)
        for number, lane in enumerate(self.lanes):
            at = np.flatnonzero(lanes == number)
            emitted_ps = times_ps[at] - self.delays_ps[number]
            for bits in self._by_notebook(lane, bases[at], emitted_ps):
                found[at] = np.where(found[at] == UNKNOWN, bits, found[at])
        return found

    def _by_notebook(self, lane: Lane, bases: Bits, emitted_ps: Ints) -> Iterator[NDArray[np.int8]]:
        """The responder's port is the announcer's bit in Z, and the opposite of it in X."""
        flips = (np.zeros(bases.size, dtype=np.int8), bases.astype(np.int8))
        for channel, notebooks, flip in zip(lane.channels, self.notebooks, flips, strict=True):
            for notebook in notebooks:
                ports = notebook.read(channel, emitted_ps, self.window_ps)
                its = ports[np.arange(bases.size), bases]
                yield np.where(its == UNKNOWN, its, its ^ flip)


@dataclass(frozen=True, slots=True, eq=False)
class Announcer:
    """The truth about the announcer: its clicks by number, and its clock.

    Attributes
    ----------
    book : callable
        Its present tag book.
    clock : Clock
    tick_ps : int
    """

    book: Callable[[], TagBook]
    clock: Clock
    tick_ps: int

    def true_ps(self, ticks: Ints) -> Ints:
        """(N,) int64: true times of ascending local ticks, to within 1 ps and the tick."""
        if not ticks.size:
            return ticks
        local_ps = ticks * self.tick_ps + self.tick_ps // 2
        first_ps, last_ps = (self.clock.true_ps(int(edge_ps)) for edge_ps in local_ps[[0, -1]])
        # The error of a clock is linear between the points of its grid.
        grid_ps = np.arange(first_ps // GRID_PS, last_ps // GRID_PS + 2) * GRID_PS
        knots_ps = np.array([self.clock.local_ps(int(point_ps)) for point_ps in grid_ps])
        since_ps = np.interp(local_ps - knots_ps[0], knots_ps - knots_ps[0], grid_ps - grid_ps[0])
        true_ps: Ints = grid_ps[0] + np.rint(since_ps).astype(np.int64)
        return true_ps


class Eavesdropper:
    """Listens to one link.

    Parameters
    ----------
    announcer : Announcer
    fibres : Fibres
    amplification : Amplification
        Of the link.
    rng : Generator
        For what she has to guess.

    Attributes
    ----------
    knowledge : Knowledge
        So far, without what the wire has disclosed.
    rounds : int
        That were amplified.
    """

    def __init__(
        self,
        announcer: Announcer,
        fibres: Fibres,
        amplification: Amplification,
        rng: Generator,
    ) -> None:
        self.knowledge = Knowledge()
        self.rounds = 0
        self._announcer = announcer
        self._fibres = fibres
        self._amplification = amplification
        self._rng = rng
        self._views = {role: StreamView() for role in Role}
        self._rounds: dict[int, _Round] = {}
        self._heard: dict[Role, tuple[int, int]] = {}
        """Epoch and number of the last datagram that was new, by sender."""

    def tapped(self, sender: Role, send: Callable[[bytes], None]) -> Callable[[bytes], None]:
        """A wire on which she hears what ``sender`` says."""

        def hear_and_send(datagram: bytes) -> None:
            self._hear(sender, datagram)
            send(datagram)

        return hear_and_send

    def _hear(self, sender: Role, datagram: bytes) -> None:
        view = self._views[sender]
        view.read(datagram)
        sighting = view.latest
        if sighting is None or sighting.envelope is None:
            return
        place = sighting.datagram.epoch, sighting.datagram.sequence
        epoch, number = self._heard.get(sender, (place[0], -1))
        if place[0] != epoch:
            self._rounds.clear()
        elif place[1] <= number:
            return  # said again
        self._heard[sender] = place
        self._take(sighting.envelope)

    def _take(self, envelope: Envelope) -> None:
        said = self._rounds.setdefault(envelope.round, _Round())
        match envelope.body:
            case Announce() as body:
                self._on_announce(said, envelope.sequence, body)
            case Matches() as body:
                said.matches[body.announcement] = body
            case Keep() as body:
                self._on_keep(said, body)
            case Sample() as body:
                said.parts = [_unpublished(_joined(said.parts), body)]
            case Amplify() as body:
                sifted = _joined(said.parts)
                if self._has_all(sifted, body):
                    self._on_amplify(sifted, body)
                self._forget(envelope.round)
            case _:
                pass

    def _on_announce(self, said: _Round, sequence: int, body: Announce) -> None:
        if sequence == 0:
            said.parts.clear()  # of a round of that number that has ended before
        book = self._announcer.book()
        first_id = book.id_from(body.start_ticks)
        said.tags[sequence] = book.tags_of(np.arange(first_id, first_id + body.count))

    def _on_keep(self, said: _Round, body: Keep) -> None:
        """Sifted bits of one announcement, if she has heard all that belongs to it."""
        tags = said.tags.pop(body.announcement, None)
        matches = said.matches.pop(body.announcement, None)
        if tags is None or matches is None:
            return
        sifted = self._kept(tags, matches, body)
        said.parts.append(sifted)
        noted_bits, right_bits = sifted.score
        self.knowledge += Knowledge(
            sifted_bits=sifted.bits.size,
            sifted_noted_bits=noted_bits,
            sifted_right_bits=right_bits,
        )

    def _kept(self, tags: Ints, matches: Matches, body: Keep) -> Sifted:
        keep = leading_bits(body.mask, matches.count).astype(np.bool_)
        positions = decode_ascending(matches.positions, count=matches.count, previous=0) - 1
        lanes = np.frombuffer(matches.lanes, dtype=np.uint8)[keep]
        bases = leading_bits(matches.bases, matches.count)[keep]
        tags = tags[positions[keep]]
        times_ps = self._announcer.true_ps(tags >> 2)
        notes = self._fibres.bits(lanes, bases, times_ps)
        return Sifted(lanes, (tags & 1).astype(np.uint8), notes)

    def _has_all(self, sifted: Sifted, body: Amplify) -> bool:
        """Whether she has heard the whole round: not one that a restart of an end has cut."""
        size = self._amplification.seed_size(sifted.bits.size, body.key_bits)
        return len(body.seed) == packed_size_bytes(size)

    def _on_amplify(self, sifted: Sifted, body: Amplify) -> None:
        """Lanes lie behind each other in what is amplified."""
        sifted = sifted.chosen(np.argsort(sifted.lanes, kind="stable"))
        noted_bits, right_bits = sifted.score
        guesses = self._rng.integers(0, 2, sifted.bits.size, dtype=np.uint8)
        hers = np.where(sifted.is_noted, sifted.notes, guesses).astype(np.uint8)
        right = self._amplified(hers, body) == self._amplified(sifted.bits, body)
        words = right[: right.size // WORD_BITS * WORD_BITS].reshape(-1, WORD_BITS)
        self.rounds += 1
        self.knowledge += Knowledge(
            amplified_bits=sifted.bits.size,
            noted_bits=noted_bits,
            right_bits=right_bits,
            final_bits=body.key_bits,
            final_right_bits=int(right.sum()),
            words=words.shape[0],
            words_right=int(words.all(axis=1).sum()),
        )

    def _amplified(self, bits: Bits, body: Amplify) -> Bits:
        size = self._amplification.seed_size(bits.size, body.key_bits)
        seed_bits = unpack_bits(body.seed, size)
        return self._amplification.amplify(bits, seed_bits=seed_bits, output_bits=body.key_bits)

    def _forget(self, number: int) -> None:
        """Rounds up to this one have been amplified, or never will be."""
        self._rounds = {key: said for key, said in self._rounds.items() if key > number}
