"""`netsim serve`: key managers that real clients talk to."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netsim.cli.options import with_options
from netsim.cli.shared import OverrideOption, Texts, check_duration, tell, warn
from netsim.errors import ConfigError, Fault

if TYPE_CHECKING:
    from netsim.topology.specs import TopologySpec

EXAMPLES = (
    "netsim serve two_user --state keys --light 120s",
    "netsim serve fan2025_four_user --state keys --pace 1 --light 1h --sae tunnel=alice",
    "netsim serve results --state keys --port 9443",
)
DEFAULT_LIGHT = "60s"
EXTRA_HINT = "needs aiohttp: pip install 'qnsp-netsim[serve]'"
MAX_PORT = 65_535


@dataclass(frozen=True, kw_only=True, slots=True)
class ServeArguments:
    """What to serve, and where."""

    source: Annotated[
        str,
        typer.Argument(
            metavar="TOPOLOGY|DIR",
            help="What to simulate (a TOML file or a shipped name), or what `netsim run --out` has "
            "kept: its key leaves it then.",
        ),
    ]
    state: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Where keys, certificates and the log are kept."),
    ]
    light: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help=f"Light to simulate at each start: 120s, 1h; 0 for none.  [default: "
            f"{DEFAULT_LIGHT}]",
        ),
    ] = None
    pace: Annotated[
        float | None,
        typer.Option(
            metavar="X", help="Simulated seconds per second; without it as fast as it goes."
        ),
    ] = None
    port: Annotated[
        int,
        typer.Option(
            min=0,
            max=MAX_PORT,
            help="Of the first user on loopback, those of the others follow; 0 for any free ones.",
        ),
    ] = 8443
    sae: Annotated[
        tuple[str, ...],
        typer.Option(
            metavar="ID=USER",
            help="One more application at a user, beside the one that is named like it. "
            "Repeatable.",
        ),
    ] = ()
    override: OverrideOption = ()


@with_options
def serve(options: ServeArguments) -> None:
    """Serve keys by ETSI GS QKD 014, each user's manager at a port of its own.

    Clients show a certificate of DIR/certificates, which is made at the first start. Ctrl-C or
    SIGTERM stops it; what is kept in DIR is there at the next start, and no key is given twice.
    """
    try:
        from netsim.delivery.serve import ServeRequest, serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "aiohttp":
            raise
        raise ConfigError.of("netsim serve", EXTRA_HINT) from error
    asked = _checked(options)
    request = ServeRequest(
        topology=asked.topology,
        finished=asked.finished,
        light_ps=asked.light_ps,
        pace=options.pace,
        state=options.state,
        port=options.port,
        saes=asked.saes,
    )
    serve(request, _say_where)


def _say_where(urls: Mapping[str, str]) -> None:
    """One line, at once: whoever reads it through a pipe waits for it."""
    places = ", ".join(f"{user} {url}" for user, url in urls.items())
    tell(f"listening: {places}")
    sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class _Asked:
    """Options, read."""

    topology: "TopologySpec"
    finished: Path | None
    light_ps: int
    saes: Mapping[str, str]


def _checked(options: ServeArguments) -> _Asked:
    """Everything that is wrong with the options at once, but for the topology."""
    from netsim.durations import parse_bound_ps
    from netsim.results.directory import TOPOLOGY
    from netsim.topology.load import load_topology

    finished = Path(options.source) if Path(options.source).is_dir() else None
    texts = Texts()
    light_ps = texts.read("--light", parse_bound_ps, options.light or DEFAULT_LIGHT)
    saes = dict(filter(None, [texts.read("--sae", _sae, text) for text in options.sae]))
    texts.raise_faults()
    if faults := tuple(_option_faults(options, finished)):
        raise ConfigError(faults)
    if finished is not None:
        return _Asked(load_topology(finished / TOPOLOGY), finished, 0, saes)
    topology = load_topology(options.source, overrides=options.override)
    if light_ps:
        check_duration(light_ps, topology)
        warn(topology, duration_ps=light_ps)
    return _Asked(topology, None, light_ps, saes)


def _option_faults(options: ServeArguments, finished: Path | None) -> Iterator[Fault]:
    if options.pace is not None and not 0 < options.pace < math.inf:
        yield Fault("--pace", f"{options.pace:g} is no pace above zero")
    if len(dict.fromkeys(options.sae)) < len(options.sae):
        yield Fault("--sae", "the same application twice")
    if finished is None:
        return
    simulated = {"--light": options.light, "--pace": options.pace, "--set": options.override}
    for option, value in simulated.items():
        if value:
            yield Fault(option, f"{finished} holds a finished run: nothing is simulated")


def _sae(text: str) -> tuple[str, str]:
    """ID=USER; an id may hold equal signs."""
    sae, equals, user = text.rpartition("=")
    if not equals or not sae:
        raise ValueError(f"{text!r} is not of the form ID=USER")
    return sae, user
