"""What the example reads: every file is checked before the first message is sent.

It raises one error with one line for whatever is wrong with a file. It also sees to it that a
pre-shared secret signs one run of each role only; it knows no endpoint and no connection.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from protocols.bbm92.config import LinkConfig
from protocols.bbm92.rounds import LinkSecrets
from protocols.clockprior import MAX_SEARCH_BINS, search_bins
from protocols.errors import LocalProtocolError
from protocols.messages import Role
from protocols.tags import DETECTOR_BITS, TagFrame
from protocols.variants import KINDS

SECRET_PADS = 64
"""Pads per direction in a fresh secret."""
MAX_FRAMES = 1 << 22
MAX_TIME_PS = 1 << 62
"""Times and durations beyond this do not fit beside each other into 64 bits."""

_POSITIVE = frozenset(
    {
        *("announcer_tick_ps", "responder_tick_ps", "window_ps", "coherence_rate_per_s"),
        *("frame_ps", "frames_per_round", "frames_per_announcement", "verification_bits"),
        *("timeout_ps", "resend_ps", "initial_qber", "abort_qber", "epsilon"),
    }
)
_SIGNED = frozenset({"clock_zero_ps"})


class InputError(Exception):
    """A file that the example cannot use; all arguments are positional, so that it pickles.

    Parameters
    ----------
    path : Path
        The file.
    reason : str
        One line.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what goes wrong with the file itself into an `InputError`."""
    try:
        yield
    except OSError as error:
        raise InputError(path, f"cannot be read: {error.strerror or error}") from error


# Link description ---------------------------------------------------------------------------------


def read_link(path: Path) -> LinkConfig:
    """Link description: the fields of `LinkConfig` as a JSON object; all of it is public.

    Raises
    ------
    InputError
        No such file, no such field, a value of another type or one that no link can have.
    """
    with _reading(path):
        text = path.read_bytes()
    try:
        config = TypeAdapter(LinkConfig).validate_json(text, strict=True)
        names = TypeAdapter(dict[str, object]).validate_json(text)
    except ValidationError as error:
        raise InputError(path, _first_of(error)) from error
    if unknown := sorted(names.keys() - {field.name for field in fields(LinkConfig)}):
        raise InputError(path, f"{unknown[0][:64]!a}: unknown field")
    if reason := _impossible(config):
        raise InputError(path, reason)
    return config


def _first_of(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]


def _impossible(config: LinkConfig) -> str | None:
    """The first field with a value that no link can have, and why."""
    for field in fields(LinkConfig):
        value = getattr(config, field.name)
        if isinstance(value, int | float):
            least = -MAX_TIME_PS if field.name in _SIGNED else 0
            is_positive = value > 0 or field.name not in _POSITIVE
            if not (is_positive and least <= value < MAX_TIME_PS):
                return f"{field.name}: {value:.6g} is out of range"
    delays_ps = config.lane_delays_ps
    if not delays_ps or list(delays_ps) != sorted(set(delays_ps)):
        return "lane_delays_ps: at least one, ascending"
    if max(map(abs, delays_ps)) >= MAX_TIME_PS:
        return "lane_delays_ps: out of range"
    if config.frame_ps < max(config.announcer_tick_ps, config.responder_tick_ps):
        return "frame_ps: is shorter than a tick"
    if search_bins(config.offset_bound_ps, config.rate_bound_ppm) > MAX_SEARCH_BINS:
        return "offset_bound_ps, rate_bound_ppm: no search for the other clock would end"
    return _unknown_variant(config)


def _unknown_variant(config: LinkConfig) -> str | None:
    for kind, registry in KINDS.items():
        try:
            registry.get(getattr(config, kind))
        except LocalProtocolError as error:
            return str(error)
    return None


# Tags ---------------------------------------------------------------------------------------------


def read_tags(path: Path, tick_ps: int) -> NDArray[np.int64]:
    """Recorded tags: (N,) int64 ``ticks << 2 | detector``, ascending.

    Raises
    ------
    InputError
        The file holds anything else.
    """
    try:
        with _reading(path):
            tags = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, MemoryError) as error:
        raise InputError(path, "is no .npy file of tags") from error
    if not isinstance(tags, np.ndarray) or tags.ndim != 1 or tags.dtype != np.int64:
        raise InputError(path, "holds no one-dimensional array of int64")
    if np.any(tags[1:] < tags[:-1]):
        raise InputError(path, "the tags are not in ascending order")
    limit = MAX_TIME_PS // tick_ps
    if tags.size and not -limit < int(tags[0]) <= int(tags[-1]) < limit:
        raise InputError(path, "a time does not fit into 64 bits of picoseconds")
    return tags


def cut_frames(
    config: LinkConfig, tags: NDArray[np.int64], tick_ps: int, path: Path
) -> Iterator[TagFrame]:
    """Frames of the tags from ``path``, by the user's own clock; InputError if far too many."""
    frame_ticks = config.frame_ps // tick_ps
    if not tags.size:
        return iter(())
    start_ticks = int(tags[0]) >> DETECTOR_BITS
    frames = ((int(tags[-1]) >> DETECTOR_BITS) - start_ticks) // frame_ticks + 1
    if frames > MAX_FRAMES:
        raise InputError(path, f"the tags cover {frames} frames, more than {MAX_FRAMES}")
    stops = start_ticks + frame_ticks * np.arange(1, frames + 1, dtype=np.int64)
    cuts = np.searchsorted(tags, stops << DETECTOR_BITS)
    return (
        TagFrame(index, int(stop_ticks), tags[low:high])
        for index, (stop_ticks, low, high) in enumerate(
            zip(stops, [0, *cuts[:-1]], cuts, strict=True)
        )
    )


# Secret -------------------------------------------------------------------------------------------


def write_secret(path: Path) -> None:
    """Write a fresh secret, readable by its owner alone; InputError if ``path`` exists."""
    size = LinkSecrets.size_bytes(SECRET_PADS)
    try:
        _write_new(path, secrets.token_bytes(size))
        for role in Role:  # marks of a former secret of this name
            mark_of(path, role).unlink(missing_ok=True)
    except FileExistsError as error:
        raise InputError(path, "exists already; secrets are never overwritten") from error
    except OSError as error:
        raise InputError(path, f"cannot be written: {error.strerror or error}") from error


def read_secret(path: Path, config: LinkConfig, role: Role) -> bytes:
    """The secret of a link that ``role`` has not used yet.

    Raises
    ------
    InputError
        It is of another size than the link needs, or it has been used.
    """
    with _reading(path):
        secret = path.read_bytes()
    size = LinkSecrets.size_bytes(config.initial_pads)
    if len(secret) != size:
        raise InputError(path, f"holds {len(secret)} bytes, the link needs {size}")
    if mark_of(path, role).exists():
        raise _used(path, role)
    return secret


def claim_secret(path: Path, role: Role) -> None:
    """Mark the secret as used by ``role``, on the disk, before the first of its pads signs.

    A pad that signs twice forges for anybody. Each role has its own mark beside the file, because
    both ends may read one file. It cannot see copies of the file in other places.

    Raises
    ------
    InputError
        ``role`` has used it before, or no mark can be left.
    """
    try:
        _write_new(mark_of(path, role), b"")
    except FileExistsError as error:
        raise _used(path, role) from error
    except OSError as error:
        raise InputError(path, f"cannot be marked as used: {error.strerror or error}") from error


def mark_of(path: Path, role: Role) -> Path:
    """File that says that ``role`` has used the secret at ``path``."""
    return path.with_name(f"{path.name}.used-by-{role.name.lower()}")


def _used(path: Path, role: Role) -> InputError:
    return InputError(
        path,
        f"the {role.name.lower()} has used it: pads sign once; "
        "write a fresh one (python -m examples.two_processes secret) for both ends",
    )


def _write_new(path: Path, content: bytes) -> None:
    """Make a file that did not exist, and see it and its name on the disk."""
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(handle)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
