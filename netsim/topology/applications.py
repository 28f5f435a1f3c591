"""Specs of applications that draw key, and of thresholds of the pools that they draw from.

Kinds of arrivals are those of `netsim.demand.kinds`.
"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from netsim.demand.kinds import ARRIVALS
from netsim.demand.terms import OnEmpty, Thresholds
from netsim.relay.terms import RelayTerms
from netsim.topology.base import Name, Spec
from netsim.topology.named import check_options, examples_of, known_in

MAX_KEY_BITS = 1 << 30

_Scalar = bool | int | float | str
OptionValue = _Scalar | Annotated[tuple[float, ...], Field(strict=False)]
Bits = Annotated[int, Field(ge=0, le=1 << 50)]
Users = Annotated[tuple[Name, Name], Field(strict=False)]


Trusted = Annotated[tuple[Name, ...], Field(strict=False)]


class RelaySpec(Spec):
    """How key comes over other users, who have to be trusted."""

    paths: Annotated[int, Field(ge=1, le=16)] = 1
    """Without a user in common, their shares added up: nobody on fewer than all of them knows the
    key."""
    through: Trusted | None = None
    """Who may be on the way; everybody if absent."""
    dishonest: Trusted = ()
    """Who on the way hands on something else, to see what comes of it."""

    @property
    def terms(self) -> RelayTerms:
        """As the relay has them."""
        through = None if self.through is None else frozenset(self.through)
        return RelayTerms(self.paths, through, frozenset(self.dishonest))


class ApplicationSpec(Spec):
    """Somebody at two users who asks for key again and again."""

    name: Name
    """Unique."""
    users: Users
    """Between whom: two that share a link, or with `relay` any."""
    key_bits: Annotated[int, Field(ge=1, le=MAX_KEY_BITS)]
    """Of each key."""
    arrivals: Annotated[str, known_in(ARRIVALS), examples_of(ARRIVALS)]
    """When it asks."""
    options: dict[Name, OptionValue] = Field(default_factory=dict)
    """What that kind of arrivals has to be told."""
    on_empty: Annotated[OnEmpty, Field(strict=False)] = OnEmpty.WAIT
    """What it does where there is too little key: wait, reject, or less-often, which below the
    pool's threshold also gives up every second request beforehand."""
    deadline_s: Annotated[float, Field(gt=0, le=1e7)] | None = None
    """A key that comes this late is of no use; any is if absent."""
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    """Of two that wait the higher one goes first."""
    relay: RelaySpec | None = None
    """Key comes over others where the users have no link, or too little key of their own."""

    @property
    def named(self) -> tuple[str, ...]:
        """All users that it names."""
        relay = RelaySpec() if self.relay is None else self.relay
        return (*self.users, *(relay.through or ()), *relay.dishonest)

    @model_validator(mode="after")
    def _check_options(self) -> Self:
        check_options(ARRIVALS, "arrivals", self.arrivals, self.options)
        return self


class PoolSpec(Spec):
    """Thresholds of the pools of one link: 0 <= minimum <= threshold <= maximum."""

    users: Users
    """Of the link."""
    minimum_bits: Bits = 0
    """Applications never draw the pool below it."""
    threshold_bits: Bits = 0
    """Below it the pool counts as low."""
    maximum_bits: Bits | None = None
    """What is deposited beyond it is wasted; no limit if absent."""

    @model_validator(mode="after")
    def _ascend(self) -> Self:
        highest_bits = self.threshold_bits if self.maximum_bits is None else self.maximum_bits
        if not self.minimum_bits <= self.threshold_bits <= highest_bits:
            raise ValueError("minimum_bits <= threshold_bits <= maximum_bits does not hold")
        return self

    @property
    def thresholds(self) -> Thresholds:
        """As the desk has them."""
        return Thresholds(self.minimum_bits, self.threshold_bits, self.maximum_bits)
