"""All formats of time tags by suffix: built in, registered by a program, or installed.

A program adds its own::

    FORMATS.register("tdc", MyFormat)

A distribution declares an entry point, and nothing else::

    [project.entry-points."qnsp_netsim.tag_format"]
    tdc = "my_package:MyFormat"

Files that end with ``.tdc``, in any case, are then read by it.
"""

from pathlib import Path

from netsim.errors import ConfigError
from netsim.recordings.formats.interface import TagFormat
from protocols.registry import Registry, VariantError

FORMATS = Registry[TagFormat](
    "tag_format",
    TagFormat,  # type: ignore[type-abstract]  # only isinstance is asked of it
    {
        "a1": "netsim.recordings.formats.s_fifteen:SFifteenA1",
        "csv": "netsim.recordings.formats.csv_text:CsvText",
        "dump": "netsim.recordings.formats.swabian:SwabianDump",
        "npy": "netsim.recordings.formats.npy:Npy",
        "npz": "netsim.recordings.formats.npz:Npz",
        "ptu": "netsim.recordings.formats.ptu:Ptu",
        "qutag": "netsim.recordings.formats.qutag:QutagBinary",
        "ttbin": "netsim.recordings.formats.ttbin:Ttbin",
    },
)

COMPRESSIONS = ("gz", "bz2", "xz")
"""Of texts."""


def format_of(path: Path) -> TagFormat | None:
    """The format that the suffix of ``path`` stands for; None if there is none.

    Raises
    ------
    ConfigError
        There is one, but it cannot be loaded.
    """
    suffixes = [suffix.removeprefix(".").lower() for suffix in path.suffixes[-2:]]
    is_compressed = len(suffixes) > 1 and suffixes[-1] in COMPRESSIONS and suffixes[0] == "csv"
    name = "csv" if is_compressed else "".join(suffixes[-1:])
    if name not in FORMATS.names():
        return None
    try:
        return FORMATS.get(name)
    except VariantError as error:
        raise ConfigError.of(path, str(error)) from error


def suffixes() -> str:
    """The suffixes that are known, as in ``.csv, .npy or .npz``."""
    *others, last = (f".{name}" for name in FORMATS.names())
    return f"{', '.join(others)} or {last}"
