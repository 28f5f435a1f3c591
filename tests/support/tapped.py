"""Taps on the fake wire of `tests.support.two_ends`, and what must hold whatever they do."""

import zlib
from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from netsim.taps.chain import tap_chains
from netsim.taps.tap import TapPlan, Wire
from netsim.taps.view import StreamView
from protocols.bits import unpack_bits
from protocols.events import (
    Alarm,
    BlockDropped,
    BlockHeld,
    BlockPrepared,
    BlockUsable,
    Event,
)
from protocols.messages import Decision, Role, Vote
from tests.support.two_ends import LATENCY_PS, LINK, TwoEnds

Bits = NDArray[np.uint8]


class TappedEnds:
    """A link with attackers on it.

    Parameters
    ----------
    ends : TwoEnds
        The link, not yet run.
    plans : sequence of TapPlan
        The attackers.
    others : sequence of StreamView
        What they know of another link.
    seed : int
        Of their randomness.

    Attributes
    ----------
    strikes : int
        How often something else went on than what was sent, or something was injected.
    """

    def __init__(
        self,
        ends: TwoEnds,
        plans: Sequence[TapPlan],
        *,
        others: Sequence[StreamView] = (),
        seed: int = 1,
    ) -> None:
        self.ends = ends
        self.strikes = 0
        self.signed: defaultdict[tuple[Role, int], set[bytes]] = defaultdict(set)
        names = ("alice", "bob")
        wires = [Wire(LINK, names[role], role, partial(self._inject, role)) for role in Role]
        wires += [
            Wire("carol-dave", f"other{role}", role, lambda _datagram, _delay_ps: None, view)
            for role, view in zip(Role, others, strict=bool(others))
        ]
        self.chains = tap_chains(
            wires,
            plans,
            lambda name: np.random.default_rng([seed, zlib.crc32(name.encode())]),
            lambda: ends.now_ps,
        )
        ends.fault = self._see

    def _inject(self, sender: Role, datagram: bytes, delay_ps: int) -> None:
        self.strikes += 1
        at_ps = self.ends.now_ps + LATENCY_PS + delay_ps
        self.ends._at(at_ps, partial(self.ends._deliver, sender.peer, datagram))

    def _see(self, receiver: Role, datagram: bytes) -> list[tuple[int, bytes]]:
        chain = self.chains[receiver.peer]
        passing = chain.see(datagram, self.ends.now_ps)
        self.strikes += passing != [(0, datagram)]
        sighting = chain.wire.view.latest
        if sighting is not None and sighting.envelope is not None:
            body = sighting.envelope.body
            if isinstance(body, Vote | Decision):
                self.signed[receiver.peer, sighting.envelope.round].add(body.tag)
        return passing

    def faults(self, *, healed: bool = True) -> list[str]:
        """What is wrong after a run: with the blocks, with the pads, with the end."""
        found = block_faults(self.ends.events)
        found += [
            f"{role.name} signed {len(tags)} messages with one pad in round {number}"
            for (role, number), tags in self.signed.items()
            if len(tags) > 1
        ]
        if healed:
            found += end_faults(self.ends)
        return found


def block_faults(events: Sequence[tuple[Role, Event]]) -> list[str]:
    """Where invariant 1 is broken: a usable block is held or usable, bit for bit, at the peer."""
    blocks: dict[tuple[Role, int], tuple[str, Bits]] = {}
    found: list[str] = []
    for role, event in events:
        match event:
            case BlockPrepared() | BlockHeld():
                if (role, event.round) in blocks:
                    found.append(f"{role.name} made block {event.round} twice")
                blocks[role, event.round] = ("in doubt", unpack_bits(event.key, event.key_bits))
            case BlockUsable():
                bits = _all_bits(event)
                found += _usable_faults(role, event.round, bits, blocks)
                blocks[role, event.round] = ("usable", bits)
            case BlockDropped():
                if (role.peer, event.round) in blocks:
                    found.append(f"{role.name} dropped block {event.round}, which the peer has")
                del blocks[role, event.round]
            case _:
                pass
    return found


def _all_bits(event: BlockUsable) -> Bits:
    reserve = unpack_bits(event.reserve, 8 * len(event.reserve))
    return np.concatenate((reserve, unpack_bits(event.key, event.key_bits)))


def _usable_faults(
    role: Role, number: int, bits: Bits, blocks: dict[tuple[Role, int], tuple[str, Bits]]
) -> list[str]:
    where = f"block {number} usable at {role.name}"
    own, its = blocks.get((role, number)), blocks.get((role.peer, number))
    found = [] if own and own[0] == "in doubt" else [f"{where} was not in doubt before"]
    for name, block in (("itself", own), ("the peer", its)):
        if block is None:
            found.append(f"{where} is unknown to {name}")
        elif not np.array_equal(block[1], bits):
            found.append(f"{where} has other bits at {name}")
    return found


def end_faults(ends: TwoEnds) -> list[str]:
    """What the closing exchange should have made equal, and has not."""
    found = [] if ends.is_done else ["the link is not closed"]
    if ends.usable[0] != ends.usable[1]:
        found.append(f"usable blocks differ: {[sorted(blocks) for blocks in ends.usable]}")
    in_doubt = [len(store.state(LINK).in_doubt) for store in ends.stores]
    return found if in_doubt == [0, 0] else [*found, f"blocks in doubt: {in_doubt}"]


def alarms(ends: TwoEnds) -> list[str]:
    """All alarms that the ends have raised."""
    return [event.what for _, event in ends.events if isinstance(event, Alarm)]


def recorded_session(ends: TwoEnds) -> list[StreamView]:
    """What an attacker reads off a whole undisturbed session, per sender."""
    views = [StreamView(), StreamView()]

    def record(receiver: Role, datagram: bytes) -> list[tuple[int, bytes]]:
        views[receiver.peer].read(datagram)
        return [(0, datagram)]

    ends.fault = record
    ends.run()
    return views
