"""What the trace of a run tells of its rounds, its alarms and what happened to its network."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from netsim.kernel.trace import FIXED_KEYS, EventName
from netsim.units import s_from_ps
from protocols.keylength.keyrate import binary_entropy

Json = Mapping[str, Any]

CHANGES = frozenset(
    {
        EventName.NETWORK_CHANGED,
        EventName.PROCESS_STOPPED,
        EventName.PROCESS_STARTED,
        EventName.LINK_LOCKED,
        EventName.LOCK_LOST,
        EventName.LANE_LOST,
        EventName.LANE_FOUND,
        EventName.SYNC_FAILED,
        EventName.ROUNDS_PAUSED,
        EventName.RUN_INTERRUPTED,
    }
)
ALARMS = frozenset({EventName.ALARM, EventName.RESERVE_EMPTY, EventName.REPORT_LOST})
KEYS = frozenset({EventName.KEY_TAKEN, EventName.KEY_RELAYED})
MAX_TEXT = 200


@dataclass(slots=True)
class RoundRecord:
    """One round of a link, as the announcer tells of it.

    Attributes
    ----------
    link : str
    block : int
    end_s : float
        When its key was decided on, or that there is none; a key is usable a round later.
    sifted_bits : int or None
        None until it came so far.
    parity_bits, key_bits : int or None
        Of rounds with key: what others have disclosed is in the ledger.
    qber : float or None
        Of rounds with key.
    reason : str
        Why there is no key; empty if there is, or if the round has not ended.
    """

    link: str
    block: int
    end_s: float = 0.0
    sifted_bits: int | None = None
    sampled_bits: int = 0
    parity_bits: int | None = None
    key_bits: int | None = None
    qber: float | None = None
    reason: str = ""

    @property
    def efficiency(self) -> float | None:
        """Parity bits over n h(QBER) of the bits that were corrected; None without errors."""
        if self.sifted_bits is None or self.parity_bits is None or not self.qber:
            return None
        shannon_bits = (self.sifted_bits - self.sampled_bits) * binary_entropy(self.qber)
        return self.parity_bits / shannon_bits if shannon_bits > 0.0 else None


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened.

    Attributes
    ----------
    time_s : float
    what : str
        Name of the event.
    where : str
        Link and end, if it has any.
    text : str
        What the event says, on one line.
    is_alarm : bool
    """

    time_s: float
    what: str
    where: str
    text: str
    is_alarm: bool


@dataclass(slots=True)
class Trace:
    """Rounds and moments of a run, and keys by application, in the order of time."""

    rounds: dict[tuple[str, int], RoundRecord] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)
    keys_s: dict[str, list[float]] = field(default_factory=dict)
    """When each application was given a key."""

    def ended(self) -> tuple[RoundRecord, ...]:
        """Rounds that ended, with key or with a reason."""
        return tuple(one for one in self.rounds.values() if one.key_bits is not None or one.reason)


def read_trace(events: Iterable[Json], announcers: Mapping[str, str]) -> Trace:
    """What the events of a run tell.

    Parameters
    ----------
    events : iterable of mapping
        In order of time.
    announcers : mapping
        Link to the end that tells of its rounds.
    """
    trace = Trace()
    for event in events:
        name, link, end = event.get("event"), event.get("link"), event.get("end")
        if name in CHANGES | ALARMS:
            trace.moments.append(_moment(event))
        if name in KEYS:
            times_s = trace.keys_s.setdefault(str(event["application"]), [])
            times_s.append(s_from_ps(event["time_ps"]))
        if isinstance(link, str) and end == announcers.get(link, ""):
            _take(trace, link, event)
    return trace


def _take(trace: Trace, link: str, event: Json) -> None:
    """What an announcer's event says of its round; nothing for events of another kind."""
    block = event.get("block")
    if not isinstance(block, int):
        return
    known = trace.rounds.get((link, block)) or RoundRecord(link, block)
    match event["event"]:
        case EventName.ROUND_STARTED:
            pass
        case EventName.ROUND_SIFTED:
            known.sifted_bits, known.end_s = event["sifted_bits"], s_from_ps(event["time_ps"])
        case EventName.ROUND_SAMPLED:
            known.sampled_bits = event["sampled_bits"]
        case EventName.ROUND_ABORTED | EventName.BLOCK_DROPPED:
            known.reason, known.end_s = str(event["reason"]), s_from_ps(event["time_ps"])
        case EventName.BLOCK_HELD:
            known.end_s = s_from_ps(event["time_ps"])
        case EventName.BLOCK_USABLE:
            known.qber, known.parity_bits = event["qber"], event["parity_bits"]
            known.key_bits = event["deposited_bits"]
        case _:
            return
    trace.rounds[link, block] = known


def _moment(event: Json) -> Moment:
    said = ", ".join(f"{key} {value}" for key, value in event.items() if key not in FIXED_KEYS)
    where = ", ".join(str(event[key]) for key in ("link", "end") if event.get(key))
    name = str(event["event"])
    time_s = s_from_ps(event["time_ps"])
    return Moment(time_s, name, where, said[:MAX_TEXT], name in ALARMS)
