"""Two real processes distil key over TCP: the endpoints, without any simulator."""

import argparse
import asyncio
import json
from pathlib import Path

from examples.two_processes.inputs import InputError, write_secret
from examples.two_processes.peer import End, Peer, distil
from protocols.messages import Role

EXIT_FAILED, EXIT_BAD_INPUT = 1, 2


def main(arguments: list[str] | None = None) -> None:
    """Command line of the example."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        if options.command == "secret":
            write_secret(options.path)
        else:
            _run(parser, options)
    except InputError as error:
        parser.exit(EXIT_BAD_INPUT, f"{parser.prog}: {error}\n")
    except OSError as error:
        parser.exit(EXIT_FAILED, f"{parser.prog}: no connection: {error}\n")


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    peer = asyncio.run(distil(_end(options)))
    report = {
        "blocks": peer.blocks,
        "aborted": peer.aborted,
        "alarms": peer.alarms,
        "closed": peer.is_closed,
    }
    print(json.dumps(report, sort_keys=True))
    if not peer.is_closed:
        parser.exit(EXIT_FAILED, f"{parser.prog}: {_why_open(peer)}\n")


def _end(options: argparse.Namespace) -> End:
    return End(
        Role[options.role.upper()],
        options.link,
        options.secret,
        options.tags,
        options.host,
        options.port,
        options.patience,
    )


def _why_open(peer: Peer) -> str:
    if any("tag" in what for what in peer.alarms):
        return "the link did not close, tags were wrong: have both ends the same secret?"
    return "the link did not close: the peer has gone, or stands still"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="examples.two_processes", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    secret = commands.add_parser("secret", help="write a fresh pre-shared secret, for one run")
    secret.add_argument("path", type=Path, help="file to write; both ends read the same")
    run = commands.add_parser(
        "run",
        help="run one end of a link",
        description="Run one end of a link. The announcer listens, the responder connects.",
        epilog="example: python -m examples.two_processes run --link run/tags/alice-bob.json "
        "--secret secret.bin --role announcer --tags run/tags/alice.npy --port 7001",
    )
    run.add_argument("--link", type=Path, required=True, help="link description (JSON)")
    run.add_argument(
        "--secret", type=Path, required=True, help="the same at both ends, for one run"
    )
    run.add_argument(
        "--role",
        choices=[role.name.lower() for role in Role],
        required=True,
        help="the first user of the link's name announces, the second responds",
    )
    run.add_argument("--tags", type=Path, required=True, help="int64 .npy: ticks << 2 | detector")
    run.add_argument("--host", default="127.0.0.1", help="where the announcer listens")
    run.add_argument("--port", type=_port, required=True, help="of the announcer")
    run.add_argument(
        "--patience",
        type=float,
        default=60.0,
        help="seconds without a peer or progress, then it gives up",
    )
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 1 << 16:
        raise argparse.ArgumentTypeError(f"{port} is no port")
    return port
