"""Taps on the fake wire of `tests.support.two_ends`."""

import zlib
from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import numpy as np

from netsim.taps.chain import tap_chains
from netsim.taps.tap import TapPlan, Wire
from netsim.taps.view import StreamView
from protocols.messages import Decision, Role, Vote
from tests.support.faults import block_faults, end_faults
from tests.support.links import LINK
from tests.support.two_ends import TwoEnds


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
        self.ends.inject(sender, datagram, delay_ps)

    def _see(self, receiver: Role, datagram: bytes) -> list[tuple[int, bytes]]:
        chain = self.chains[receiver.peer]
        passing = chain.see(datagram, self.ends.now_ps)
        self.strikes += passing != [(0, datagram)]
        sighting = chain.wire.view.latest
        if sighting is not None and sighting.envelope is not None:
            body = sighting.envelope.body
            if isinstance(body, Vote | Decision):
                self.signed[receiver.peer, body.pad].add(body.tag)
        return passing

    def faults(self, *, healed: bool = True) -> list[str]:
        """What is wrong after a run: with the blocks, with the pads, with the end."""
        found = block_faults(self.ends.events)
        found += [
            f"{role.name} signed {len(tags)} messages with pad {pad}"
            for (role, pad), tags in self.signed.items()
            if len(tags) > 1
        ]
        if healed:
            found += end_faults(self.ends)
        return found


def recorded_session(ends: TwoEnds) -> list[StreamView]:
    """What an attacker reads off a whole undisturbed session, per sender."""
    views = [StreamView(), StreamView()]

    def record(receiver: Role, datagram: bytes) -> list[tuple[int, bytes]]:
        views[receiver.peer].read(datagram)
        return [(0, datagram)]

    ends.fault = record
    ends.run()
    return views
