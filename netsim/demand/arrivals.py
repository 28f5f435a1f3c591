"""When an application asks for key: what a kind of arrival processes is, and has to be told.

Those that come with netsim are in `netsim.demand.processes`. A third party's kind is a class with
`ArrivalKind` as its base, registered under a name in `netsim.demand.kinds.ARRIVALS` or by an entry
point of the group ``qnsp_netsim.arrivals``.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from netsim.units import ps_from_s

COUNTED_S = 24 * 3600.0
"""Light over which requests are counted, where their mean rate is not known."""


class ArrivalOptions(BaseModel):
    """Base of the options of a kind: frozen, unknown keys refused, no silent conversion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ArrivalKind(ABC):
    """A kind of arrival processes."""

    options: ClassVar[type[ArrivalOptions]] = ArrivalOptions
    """What a topology may say of one."""

    @abstractmethod
    def make(self, options: Any, rng: np.random.Generator) -> Iterator[int]:
        """Times of requests in ps, ascending, perhaps without end.

        Parameters
        ----------
        options : ArrivalOptions
            An instance of the kind's `options`.
        rng : Generator
            Of this application alone.

        Raises
        ------
        ValueError
            What the options name cannot be used.
        """

    def mean_hz(self, options: Any) -> float:
        """Requests per second in the long run; counted over the first day where nobody says."""
        stop_ps = ps_from_s(COUNTED_S)
        times_ps = self.make(options, np.random.default_rng(0))
        return sum(1 for _ in takewhile(lambda time_ps: time_ps < stop_ps, times_ps)) / COUNTED_S

    def rate_hz(self, values: Mapping[str, object]) -> float:
        """The same with the options that a topology gives; pydantic.ValidationError, ValueError."""
        return self.mean_hz(self.options.model_validate(dict(values)))

    def times_ps(self, values: Mapping[str, object], rng: np.random.Generator) -> Iterator[int]:
        """The same with the options that a topology gives; pydantic.ValidationError, ValueError."""
        return self.make(self.options.model_validate(dict(values)), rng)
