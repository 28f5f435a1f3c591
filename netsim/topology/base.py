"""Base and field types of all specs: what a number or a name in a topology file may be."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from netsim.units import MAX_RUN_PS, PS_PER_S

HUGE = 1e15
"""No device number is larger; the bound keeps products finite and times within int64."""

LEAST = 1e-300
"""No share is smaller, unless it is 0: it keeps their quotients finite."""


def check_computable(share: float) -> float:
    """Return ``share``; ValueError if it is so small that digits are lost."""
    if 0 < share < LEAST:
        raise ValueError(f"is too small to compute with; 0, or at least {LEAST:g}")
    return share


NonNegative = Annotated[float, Field(ge=0, le=HUGE)]
Positive = Annotated[float, Field(gt=0, le=HUGE)]
Probability = Annotated[float, Field(ge=0, le=1), AfterValidator(check_computable)]
Decibel = Annotated[float, Field(ge=0, le=300)]
LinewidthHz = Annotated[float, Field(ge=1, le=1e12)]
Radian = Annotated[float, Field(ge=-1e6, le=1e6)]
SecondInPs = Annotated[int, Field(ge=0, le=1_000_000_000_000)]
RunSeconds = Annotated[float, Field(ge=0, le=MAX_RUN_PS / PS_PER_S)]
"""A time in a run, which lasts 100 days at most."""


class Spec(BaseModel):
    """Base of all specs: frozen, unknown keys refused, no silent conversion, no NaN or infinity."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
    )


def check_name(name: str) -> str:
    """Return ``name``; ValueError if it is none."""
    if not name or not all(c.isascii() and (c.isalnum() or c in "_-") for c in name):
        raise ValueError(
            "a name consists of ASCII letters, digits, '_' and '-': files, links on the wire and "
            "certificates are named after it (description takes any text)"
        )
    return name


Name = Annotated[str, AfterValidator(check_name)]
