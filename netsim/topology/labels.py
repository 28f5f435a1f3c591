"""Names of wavelength channels: the ITU labels ``C0`` to ``C999`` and pairs of them."""

from typing import Annotated

from pydantic import AfterValidator, Field

MAX_LABEL_DIGITS = 3
"""ITU-T G.694.1 labels of the C and L bands have one to three digits."""


def _check_label(channel: str) -> str:
    digits = channel[1:]
    plain = digits.isascii() and digits.isdecimal() and len(digits) <= MAX_LABEL_DIGITS
    if not (channel.startswith("C") and plain and str(int(digits)) == digits):
        raise ValueError("a channel is an ITU label such as 'C38', from C0 to C999")
    return channel


Channel = Annotated[str, AfterValidator(_check_label)]
Pair = Annotated[tuple[Channel, Channel], Field(strict=False)]


def label_of(channel: str) -> int:
    """ITU label of a channel name: 38 of ``"C38"``."""
    return int(channel[1:])


def channel_of(label: int) -> str:
    """Channel name of an ITU label: ``"C38"`` of 38."""
    return f"C{label}"
