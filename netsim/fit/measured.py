"""Reads tables of measurements: rows of lanes, of users, of channels; knows no topology.

A table is a CSV file with a header; lines that begin with ``#`` are comments, blank cells were not
measured. Three kinds of table, told apart by their header; every column but the names is optional,
and each value but ``skr_bps`` may have a standard deviation in a column of its own:

lanes
    ``channels`` (``C38&C42``, any order), ``users`` (``A&B`` or ``alice&bob``; needed only where
    split channels make several lanes of the same channels), ``n_sift_hz`` (sifted bits per second),
    ``qber`` and ``visibility`` (shares, not per cent), ``skr_bps`` (asymptotic key rate);
    ``n_sift_sigma_hz``, ``qber_sigma``, ``visibility_sigma``.
users
    ``user``, ``singles_hz`` (all clicks of the four detectors per second); ``singles_sigma_hz``.
channels
    ``channel``, ``user`` (needed only where it is split), ``singles_hz`` (clicks of that user where
    no other channel is delivered) or ``relative_singles`` (the same in a unit of one's own: only
    ratios within the table count); ``singles_sigma_hz``, ``relative_singles_sigma``.
"""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from netsim.errors import ConfigError, Fault, suggestion

MAX_FILE_BYTES = 4 << 20
"""Ten thousand lanes fit."""

MAX_EXPONENT = 300
"""A zero may be written with any exponent; ten to the power of this one is a double."""

N_SIFT, QBER, VISIBILITY, SKR = "n_sift_hz", "qber", "visibility", "skr_bps"
SINGLES, RELATIVE_SINGLES = "singles_hz", "relative_singles"
SIGMAS = {
    N_SIFT: "n_sift_sigma_hz",
    QBER: "qber_sigma",
    VISIBILITY: "visibility_sigma",
    SINGLES: "singles_sigma_hz",
    RELATIVE_SINGLES: "relative_singles_sigma",
}
"""Column of the standard deviation of each column of values."""
RANGES = {
    N_SIFT: (0.0, math.inf),
    QBER: (0.0, 1.0),
    VISIBILITY: (-1.0, 1.0),
    SKR: (0.0, math.inf),
    SINGLES: (0.0, math.inf),
    RELATIVE_SINGLES: (0.0, math.inf),
}
KINDS = {
    "channels": ("users", N_SIFT, QBER, VISIBILITY, SKR),
    "channel": ("user", SINGLES, RELATIVE_SINGLES),
    "user": (SINGLES,),
}
"""Column that tells each kind of table, the first that is there, and what others there may be."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    Attributes
    ----------
    value : float
        In the unit of its column.
    sigma : float or None
        Standard deviation, if given.
    rounding : float
        Half a unit of the last digit printed: 0.0005 for ``0.014``.
    """

    value: float
    sigma: float | None
    rounding: float


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of one lane, user or channel.

    Attributes
    ----------
    where : str
        File and line.
    kind : str
        Column that names it: ``"channels"``, ``"user"`` or ``"channel"``.
    names : tuple of str
        The two channels of a lane, or the one user or channel.
    users : tuple of str
        The two users of a lane or the one of a channel as written, if they are given.
    figures : mapping
        Column to figure; blank cells are left out.
    """

    where: str
    kind: str
    names: tuple[str, ...]
    users: tuple[str, ...]
    figures: Mapping[str, Figure]


def read_measured(paths: Sequence[Path]) -> tuple[Row, ...]:
    """Read tables of lanes, users and channels.

    Raises
    ------
    ConfigError
        With every fault of every file, one line each, with its line number.
    """
    faults: list[Fault] = []
    rows = tuple(row for path in paths for row in _Table(path, faults).rows())
    if not faults and not any(row.figures for row in rows):
        faults.append(Fault(", ".join(map(str, paths)), "nothing is measured in there"))
    if faults:
        raise ConfigError(tuple(faults))
    return rows


class _Table:
    """One file, read cell by cell; what is wrong with it goes to a list of faults."""

    def __init__(self, path: Path, faults: list[Fault]) -> None:
        self._path, self._faults = path, faults

    def rows(self) -> Iterator[Row]:
        """All rows that could be read."""
        text = self._text()
        if text is None:
            return
        lines = self._lines(text)
        number, header = next(lines, (None, []))
        columns = [name.strip() for name in header]
        kind = self._kind(number, columns)
        if kind is None:
            return
        for line, cells in lines:
            if len(cells) > len(columns):
                self._fault(line, f"{len(cells)} cells, the header has {len(columns)}")
                continue
            row = self._row(line, kind, dict(zip(columns, map(str.strip, cells), strict=False)))
            if row is not None:
                yield row

    def _lines(self, text: str) -> Iterator[tuple[int, list[str]]]:
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip(" ,\t") and not line.lstrip().startswith("#"):
                yield number, self._cells(number, line)

    def _cells(self, number: int, line: str) -> list[str]:
        try:
            return next(csv.reader([line]))
        except csv.Error as error:
            self._fault(number, f"no CSV: {error}")
            return []

    def _text(self) -> str | None:
        """What is in the file; None where it cannot be read."""
        try:
            if self._path.is_fifo():
                self._fault(None, "a pipe, not a table")
                return None
            with self._path.open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
            if len(content) > MAX_FILE_BYTES:
                self._fault(None, f"larger than {MAX_FILE_BYTES >> 20} MiB, no table")
                return None
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            self._fault(None, "not UTF-8")
        except OSError as error:
            self._fault(None, f"cannot be read: {error.strerror or error}")
        return None

    def _kind(self, line: int | None, columns: list[str]) -> str | None:
        """Column that names the rows; None where the header is of no use."""
        kind = next((kind for kind in KINDS if kind in columns), None)
        if kind is None:
            one_of = ", ".join(KINDS)
            self._fault(line, f"the header needs one of the columns {one_of}: what a row is of")
            return None
        known = (kind, *KINDS[kind], *(SIGMAS[name] for name in KINDS[kind] if name in SIGMAS))
        unknown = [name for name in columns if name not in known]
        for name in unknown:
            meant = suggestion(name, known)
            hint = f"did you mean {meant}?" if meant else f"known are {', '.join(known)}"
            self._fault(line, f"unknown column {_shown(name)}; {hint}")
        repeated = [name for name in dict.fromkeys(columns) if columns.count(name) > 1]
        for name in repeated:
            self._fault(line, f"column {_shown(name)} is there twice")
        return None if unknown or repeated else kind

    def _row(self, line: int, kind: str, cells: dict[str, str]) -> Row | None:
        before = len(self._faults)
        names = self._names(line, kind, cells)
        users = self._users(line, kind, cells)
        figures = {name: self._figure(line, name, cells) for name in RANGES if cells.get(name)}
        for name, sigma in SIGMAS.items():
            if cells.get(sigma) and not cells.get(name):
                self._fault(line, f"{sigma}: of what? {name} is blank")
        if len(self._faults) > before:
            return None
        found = {name: figure for name, figure in figures.items() if figure is not None}
        return Row(f"{self._path}:{line}", kind, names, users, found)

    def _names(self, line: int, kind: str, cells: dict[str, str]) -> tuple[str, ...]:
        if kind == "channels":
            return self._two(line, kind, cells)
        if not cells.get(kind):
            self._fault(line, f"{kind}: missing")
        return (cells.get(kind, ""),)

    def _users(self, line: int, kind: str, cells: dict[str, str]) -> tuple[str, ...]:
        if kind == "channels":
            return self._two(line, "users", cells) if cells.get("users") else ()
        return (cells["user"],) if kind == "channel" and cells.get("user") else ()

    def _two(self, line: int, column: str, cells: dict[str, str]) -> tuple[str, ...]:
        names = tuple(name.strip() for name in cells.get(column, "").split("&"))
        if len(names) != 2 or not all(names):
            self._fault(line, f"{column}: {_shown(cells.get(column, ''))} are not two, as in X&Y")
        return names

    def _figure(self, line: int, name: str, cells: dict[str, str]) -> Figure | None:
        value = self._number(line, name, cells[name])
        spread = cells.get(SIGMAS.get(name, ""))
        sigma = self._number(line, SIGMAS[name], spread) if spread else None
        if value is None:
            return None
        low, high = RANGES[name]
        if not low <= value <= high:
            share = "; shares are not in per cent" if high == 1.0 else ""
            limit = f"below {low:g}" if value < low else f"above {high:g}"
            self._fault(line, f"{name}: {_shown(cells[name])} is {limit}{share}")
        if sigma is not None and sigma <= 0:
            self._fault(line, f"{SIGMAS[name]}: {_shown(str(spread))} is not above 0")
        return Figure(float(value), None if sigma is None else float(sigma), _rounding(value))

    def _number(self, line: int, column: str, text: str) -> Decimal | None:
        try:
            value = Decimal(text)
            if value.is_finite() and math.isfinite(float(value)):
                return value
        except (InvalidOperation, ValueError):
            pass
        self._fault(line, f"{column}: {_shown(text)} is no finite number")
        return None

    def _fault(self, line: int | None, message: str) -> None:
        place = str(self._path) if line is None else f"{self._path}:{line}"
        self._faults.append(Fault(place, message))


def _rounding(value: Decimal) -> float:
    exponent = int(value.as_tuple().exponent)
    return 0.5 * 10.0 ** min(exponent, MAX_EXPONENT)


def _shown(text: str) -> str:
    return ascii(text[:40])
