"""The tables of states: all can be reached, nothing moves beside them, and they can be drawn."""

from enum import Enum
from typing import Any

import pytest

from protocols.bbm92.states import (
    ANNOUNCER_LIFE,
    ANNOUNCER_ROUND,
    RESPONDER_LIFE,
    RESPONDER_ROUND,
    Cause,
    Life,
    Machine,
    mermaid,
)
from protocols.errors import LocalProtocolError
from protocols.messages import Close, Vote

MACHINES: dict[str, Machine[Any]] = {
    "announcer": ANNOUNCER_LIFE,
    "responder": RESPONDER_LIFE,
    "announcer's round": ANNOUNCER_ROUND,
    "responder's round": RESPONDER_ROUND,
}


def reached(machine: Machine[Any], start: Enum) -> set[Enum]:
    """States that can follow on ``start``, which is one."""
    found = {start}
    while more := {new for old, _, new in machine.moves if old in found} - found:
        found |= more
    return found


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_each_state_is_reached_and_has_one_end(machine: Machine[Any]) -> None:
    """From the first start every state, and from every state the last one; no move twice."""
    kind: type[Enum] = type(machine.starts[0])
    states = list(kind)
    assert reached(machine, machine.starts[0]) == set(states)
    assert all(states[-1] in reached(machine, state) for state in states)
    assert len(set(machine.moves)) == len(machine.moves)


def test_moves_of_the_table_alone() -> None:
    """A move that the table does not list is refused, by its names."""
    assert ANNOUNCER_LIFE.move(Life.CLOSING, Vote, Life.CLOSED) is Life.CLOSED
    assert ANNOUNCER_LIFE.allows(Life.CLOSING, Vote)
    assert not ANNOUNCER_LIFE.allows(Life.ENDING, Vote)
    with pytest.raises(LocalProtocolError, match="ENDING to CLOSED by Vote"):
        ANNOUNCER_LIFE.move(Life.ENDING, Vote, Life.CLOSED)
    with pytest.raises(LocalProtocolError, match="CLOSED to LIT by the peer has restarted"):
        ANNOUNCER_LIFE.move(Life.CLOSED, Cause.PEER_RESTARTED, Life.LIT)


def test_a_drawing_has_a_line_for_each_move() -> None:
    """A state diagram in Mermaid's language: where it starts, then every move with its cause."""
    machine = Machine(
        (Life.LIT, Life.CLOSED),
        (
            (Life.LIT, Cause.LIGHT_OVER, Life.ENDING),
            (Life.ENDING, Close, Life.CLOSED),
        ),
    )
    assert mermaid(machine).splitlines() == [
        "stateDiagram-v2",
        "    [*] --> LIT",
        "    [*] --> CLOSED",
        "    LIT --> ENDING: the light is over",
        "    ENDING --> CLOSED: Close",
    ]
