"""Specs of controllers: what the provider changes during a run by what links report."""

from typing import Annotated, Literal

from pydantic import Field

from netsim.topology.base import Spec


class BalanceSpec(Spec):
    """The provider shifts pump power so that the poorest link gains.

    How: `netsim.simulation.control`.
    """

    kind: Literal["balance-power"]
    """What it does."""
    step: Annotated[float, Field(gt=1, le=4)]
    """Ratio of the powers before and after a trial; it shrinks when no trial helps."""
    rounds: Annotated[int, Field(ge=1, le=1000)] = 2
    """Whole rounds that every link reports before a trial is judged."""


class RealignSpec(Spec):
    """The polarisations of both users' fibres are aligned when a link reports too many errors."""

    kind: Literal["realign"]
    """What it does."""
    qber: Annotated[float, Field(gt=0, lt=0.5)]
    """Of a round; more than this, or a round whose errors nobody could count, is too much."""


ControllerSpec = Annotated[BalanceSpec | RealignSpec, Field(discriminator="kind")]
"""Any of them; the key ``kind`` tells them apart."""
