"""`netsim fit`: calibrate a topology.

scipy and tomlkit are imported here only when they are needed: they come with the extra ``fit``.
"""

# ruff: noqa: PLC0415  # imported where used, as said above

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netsim.cli.options import with_options
from netsim.cli.shared import EXIT_FAILED, note, say, stdout
from netsim.errors import ConfigError

if TYPE_CHECKING:
    from netsim.fit.results import Fit

INSTALL = "netsim fit needs {}, which this installation has not: pip install 'qnsp-netsim[fit]'"
EXAMPLES = (
    (
        "`netsim fit topologies/fan2025_table2.csv --topology fan2025_structured "
        "--free qnsp.source.brightness_hz_per_mw2 --free qnsp.source.contrast "
        "--free 'qnsp.channels.*.loss_db' -o fitted.toml`"
    ),
    (
        "the same and `--against topologies/fan2025_table2_printed.csv`: what the printed 585.0 of "
        "C50&C30 would do"
    ),
    (
        "`netsim fit topologies/fan2025_table2.csv topologies/fan2025_fig3a.csv "
        "--topology fan2025_structured --free 'qnsp.source.pairs.*.factor' "
        "--free 'qnsp.source.pairs.*.contrast' --free 'qnsp.channels.*.loss_db' "
        "--prior 'qnsp.source.pairs.*.factor=0.15' --prior 'qnsp.source.pairs.*.contrast=0.012' "
        "--relative-error 0.001 -o calibrated.toml`"
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class FitArguments:
    """What was measured, and which numbers to fit to it."""

    measured: Annotated[
        tuple[Path, ...],
        typer.Argument(metavar="MEASURED.csv...", help="Tables of measurements."),
    ]
    topology: Annotated[
        str,
        typer.Option(
            metavar="T",
            help="A TOML file or a shipped name: where the fit starts, and the centre of priors.",
        ),
    ]
    free: Annotated[
        tuple[str, ...],
        typer.Option(
            metavar="PATH",
            help="Numbers to fit, each on its own: a path as in --set of other commands, with * "
            "and ?; repeatable.",
        ),
    ] = ()
    common: Annotated[
        tuple[str, ...],
        typer.Option(
            metavar="PATH[,PATH...]",
            help="Numbers to fit as one: all that these paths mean get the same value; repeatable.",
        ),
    ] = ()
    prior: Annotated[
        tuple[str, ...],
        typer.Option(
            metavar="PATH=WIDTH",
            help="What is known beforehand: the number lies within WIDTH (one sigma) of its start; "
            "relative for rates and factors, dB for losses, absolute for contrasts and phases. The "
            "last that means a number counts; repeatable.",
        ),
    ] = ()
    relative_error: Annotated[
        float,
        typer.Option(metavar="SHARE", help="Relative error of figures without a sigma column."),
    ] = 0.01
    against: Annotated[
        tuple[Path, ...],
        typer.Option(
            metavar="OTHER.csv",
            help="Fit to these tables as well and set both side by side; repeatable.",
        ),
    ] = ()
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="OUT.toml",
            help="Write the fitted topology: the old text, fitted numbers in place, marked [fit].",
        ),
    ] = None
    force: Annotated[bool, typer.Option("--force", help="Replace OUT.toml if it is there.")] = False
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON, and nothing else there.")
    ] = False


@with_options
def fit(options: FitArguments) -> None:
    """Fit numbers of a topology to measured rates and error rates, by the analytic twin.

    Tables are CSV files with a header; blank cells were not measured, lines with # are comments.

    Lanes: `channels` (C38&C42), `users` (A&B), `n_sift_hz`, `qber`, `visibility`, `skr_bps`;
    `n_sift_sigma_hz`, `qber_sigma`, `visibility_sigma`. Of error rate and visibility one is met; an
    error rate that the key rate N [1 - 2.2 h(Q)] gives with more digits replaces the printed one.

    Users: `user`, `singles_hz`; `singles_sigma_hz`. Channels, with no other one delivered:
    `channel`, `user`, `singles_hz` or `relative_singles` (only ratios within the table count);
    `singles_sigma_hz`, `relative_singles_sigma`. Users of lanes and channels need not be given
    where no channel is split.

    Figures without a sigma count with --relative-error; with sigmas everywhere, fitted numbers
    carry one too. More free numbers than data are refused unless --prior says what is known; which
    combinations the data leave open is told in any case. Bounds are those of `netsim schema`. A
    search that does not converge ends with code 1.
    """
    _need("scipy", "tomlkit")
    _check_out(options.out, force=options.force)
    from netsim.fit.results import fit_json

    found = _fit_to(options.measured, options)
    other = _fit_to(options.against, options) if options.against else None
    for remark in dict.fromkeys((*found.remarks, *(other.remarks if other else ()))):
        note(f"warning: {remark}")
    if options.as_json:
        typer.echo(fit_json(found, other), nl=False)
    else:
        _print(found, other)
    if not found.is_converged:
        say("the fit did not converge; nothing is written")
        raise typer.Exit(EXIT_FAILED)
    _write(options.topology, found, options.out)


def _fit_to(tables: Sequence[Path], options: FitArguments) -> "Fit":
    from netsim.fit.calibrate import fit_topology

    return fit_topology(
        options.topology,
        tables,
        free=options.free,
        common=options.common,
        priors=options.prior,
        relative_error=options.relative_error,
    )


def _need(*modules: str) -> None:
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise ConfigError.of("fit", INSTALL.format(" and ".join(missing)))


def _check_out(out: Path | None, *, force: bool) -> None:
    if out is not None and out.exists() and not force:
        raise ConfigError.of(out, "is there already; give another name, or --force")
    if out is not None and not out.absolute().parent.is_dir():
        raise ConfigError.of(out, "its directory does not exist")


def _print(found: "Fit", other: "Fit | None") -> None:
    from netsim.fit.tables import print_fit

    print_fit(found, stdout(), against=other)


def _write(topology: str, found: "Fit", out: Path | None) -> None:
    if out is None:
        note("the fitted topology is not kept: give -o OUT.toml")
        return
    from netsim.fit.writing import fitted_text, topology_text
    from netsim.results.files import write_whole

    write_whole(out, fitted_text(topology_text(topology), found))
    note(f"the fitted topology is in {out}")
