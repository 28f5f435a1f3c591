"""What a user on the way of a key hands on who would have the two ends use different keys."""

from dataclasses import replace

from protocols.relay import Joined


def forged(share: bytes) -> bytes:
    """A share with another key, and with the mask that makes its check fit.

    It fits if there is no other share: who knows all of key and point knows what another key does
    to the check.
    """
    known = Joined.of([share])
    changed = replace(known, key=bytes([known.key[0] ^ 0x80, *known.key[1:]]))
    one, other = (int.from_bytes(each.claim, "big") for each in (known, changed))
    return replace(changed, mask=known.mask ^ one ^ other).share
