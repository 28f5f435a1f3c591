"""What must hold whatever somebody does to a link."""

from collections.abc import Sequence

import numpy as np

from protocols.bits import unpack_bits
from protocols.events import BlockDropped, BlockHeld, BlockPrepared, BlockUsable, Event
from protocols.messages import Role
from tests.support.two_ends import Bits, TwoEnds, all_bits


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
                bits = all_bits(event)
                found += _usable_faults(role, event.round, bits, blocks)
                blocks[role, event.round] = ("usable", bits)
            case BlockDropped():
                if (role.peer, event.round) in blocks:
                    found.append(f"{role.name} dropped block {event.round}, which the peer has")
                del blocks[role, event.round]
            case _:
                pass
    return found


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
    in_doubt = [len(store.state(ends.config.link).in_doubt) for store in ends.stores]
    return found if in_doubt == [0, 0] else [*found, f"blocks in doubt: {in_doubt}"]
