"""The types of what a run directory holds: what passes here can be computed with.

Types and ranges of single values only; whether the values fit together is for the checks. Bytes go
in, and one line for what is wrong comes out.
"""

import json
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from netsim.results.fidelity import Fidelity

Count = Annotated[int, Field(ge=0, lt=2**63)]
Real = Annotated[float, Field(ge=-1e300, le=1e300)]
Rate = Annotated[float, Field(ge=0, le=1e15)]
Text = Annotated[str, Field(max_length=10_000)]
Name = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f/\\]{1,200}$")]
"""Of a user, a link, a channel: part of a file's name, perhaps."""
Pair = Annotated[tuple[Name, Name], Field(strict=False)]


class _Entry(BaseModel):
    """Strict types, no infinities; fields that nobody computes with may be there."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class TwinEntry(_Entry):
    """What the analytic twin expects of a lane."""

    sifted_hz: Real | None
    qber: Real | None
    skr_bps: Real | None


class PaperEntry(_Entry):
    """What a publication prints for a lane."""

    sifted_hz: Real | None
    visibility: Real | None
    qber: Real | None
    skr_bps: Real | None
    note: Text | None = None


class ChshEntry(_Entry):
    """A Bell test."""

    s: Real
    sigma: Real
    signs: list[int]
    equal: list[Count]
    different: list[Count]


class LaneEntry(_Entry):
    """A lane of the summary."""

    users: Pair
    channels: Pair
    coincidences: Count
    sifted_bits: Count
    sifted_hz: Real
    errors: Count
    qber: Real | None
    visibility: Real | None
    bias_bits: Count
    chsh: ChshEntry | None = None
    skr_asymptotic_bps: Real
    twin: TwinEntry
    paper: PaperEntry | None


class KnowledgeEntry(_Entry):
    """What those on the fibres of a link know."""

    sifted_bits: Count
    sifted_noted_bits: Count
    sifted_right_bits: Count
    amplified_bits: Count
    noted_bits: Count
    right_bits: Count
    disclosed_bits: Count
    final_bits: Count
    final_right_bits: Count
    words: Count
    words_right: Count


class LinkEntry(_Entry):
    """A link of the summary."""

    users: Pair
    blocks: Count
    blocks_failed: Count
    sifted_bits: Count
    leaked_bits: Count
    f_measured: Real | None
    f_charged: Real | None
    verification_bits: Count
    auth_spent_bits: Count
    deposited_bits: Count
    net_key_bps: Real
    messages: Count
    wire_bytes: Count
    round_trips: Count
    retransmissions: Count
    alarms: Count
    equal_blocks: Count
    unequal_blocks: Count
    lone_blocks: Count
    settle_ps: Count
    sampled_bits: Count
    security: Text
    epsilon: Real | None
    correctness_epsilon: Real
    secrecy_epsilon: Real | None
    failure_probability: Real
    assumptions: Text
    notes: Text
    eve: KnowledgeEntry | None = None


class UserEntry(_Entry):
    """A user of the summary."""

    name: Name
    singles_hz: Rate
    detectors_hz: list[Rate]


class RouteEntry(_Entry):
    """Keys by the users on their way."""

    over: list[list[Name]]
    keys: Count


class PaidEntry(_Entry):
    """What the pools of a link have paid for relays."""

    link: Name
    bits: Count


class RelayEntry(_Entry):
    """Relayed keys of an application."""

    paths: Annotated[int, Field(ge=1, le=1000)]
    routes: list[RouteEntry]
    paid: list[PaidEntry]
    lost: Count
    unequal: Count
    unnoticed_probability: Real


class ApplicationEntry(_Entry):
    """An application of the summary."""

    name: Name
    users: Pair
    key_bits: Count
    arrived: Count
    served: Count
    rejected: Count
    given_up: Count
    expired: Count
    waiting: Count
    waited_ps: Count
    longest_wait_ps: Count
    blocked_share: Real | None
    mean_wait_s: Real | None
    relay: RelayEntry | None = None


class PoolEntry(_Entry):
    """The pools of a link that applications draw from."""

    users: Pair
    offered_bits: Count
    taken_bits: Count
    wasted_bits: Count
    lowest_bits: Count | None
    low_ps: Count
    empty_ps: Count | None


class DemandEntry(_Entry):
    """All of them."""

    applications: list[ApplicationEntry]
    pools: list[PoolEntry]


class PerformanceEntry(_Entry):
    """How fast it went."""

    wall_s: Real
    tags: Count


class Summary(_Entry):
    """``summary.json``."""

    topology: Text
    seed: Count
    fidelity: Fidelity
    partial: bool
    lanes: list[LaneEntry]
    links: list[LinkEntry]
    users: list[UserEntry]
    demand: DemandEntry | None = None
    performance: PerformanceEntry


class DistilledBlock(_Entry):
    """A round with key of two recordings."""

    round: Count
    sifted_bits: Count
    leaked_bits: Count
    key_bits: Count


class DistilledAbort(_Entry):
    """A round without."""

    round: Count
    reason: Text


class DistilledSummary(_Entry):
    """``summary.json`` of ``netsim distil``, which has no other table beside it."""

    command: Literal["distil"]
    light_s: Annotated[float, Field(ge=0, le=1e9)]
    partial: bool
    blocks: list[DistilledBlock]
    aborts: list[DistilledAbort]
    sifted_bits: Count
    sampled_bits: Count
    leaked_bits: Count
    verification_bits: Count
    auth_spent_bits: Count
    key_bits: Count
    net_key_bps: Real
    unequal_blocks: Count
    alarms: list[Text]


class PaperSource(_Entry):
    """Where the figures of `PaperEntry` are from."""

    source: Text | None
    total_skr_bps: Real | None


class Manifest(_Entry):
    """``manifest.json``."""

    format: int
    topology: Text
    topology_sha256: Text
    seed: Count
    duration_ps: Annotated[int, Field(ge=0, lt=2**63)]
    fidelity: Fidelity
    partial: bool
    versions: dict[Text, Text]
    wall_s: Real
    paper: PaperSource


class Event(_Entry):
    """A line of the trace; what it lacks, or has in excess, is for the checks."""

    event: Name | None = None
    link: Name | None = None
    end: Name | None = None
    block: Annotated[int, Field(ge=-1, lt=2**63)] | None = None
    time_ps: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    forgery_probability: Real | None = None
    epsilon: Real | None = None
    untold: Count | None = None


StoredLinks = TypeAdapter(list[tuple[Count, Count]], config=ConfigDict(strict=True))
StoredBlocks = TypeAdapter(
    list[tuple[Count, Text, Count, Count, bytes | None, Count | None]],
    config=ConfigDict(strict=True),
)
StoredPads = TypeAdapter(list[tuple[bytes]], config=ConfigDict(strict=True))
StoredStock = TypeAdapter(list[tuple[Count, Count, Count]], config=ConfigDict(strict=True))
"""Rows of a store: rounds, states, pads, bits and key bytes."""

NAME: Final = TypeAdapter(Name)


def fault_of(error: ValidationError) -> str:
    """One line: what is wrong first, and how much else; it shows no value."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    where = ".".join(str(part)[:64] for part in found[0]["loc"])
    text = f"{where}: {found[0]['msg']}" if where else found[0]["msg"]
    text = text.encode("ascii", "backslashreplace").decode()
    return text if len(found) == 1 else f"{text} (and {len(found) - 1} more)"


def read_object(text: str, kind: type[BaseModel]) -> dict[str, Any]:
    """Parse a JSON object that must be of ``kind``.

    Raises
    ------
    ValueError
        It is not; the message says where.
    """
    try:
        loaded: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("is no JSON") from error
    try:
        kind.model_validate_json(text)
    except ValidationError as error:
        raise ValueError(fault_of(error)) from error
    return loaded
