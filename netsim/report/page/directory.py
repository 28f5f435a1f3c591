"""The page of a directory, whatever a command has left in it."""

import json
from collections.abc import Callable
from pathlib import Path

from netsim.errors import ConfigError
from netsim.report.page.compare import compare_page
from netsim.report.page.distil import distil_page
from netsim.report.page.optimise import optimum_page
from netsim.report.page.plan import plan_page_of
from netsim.report.page.run import run_page
from netsim.report.page.sweep import sweep_page
from netsim.results.directory import MANIFEST, SUMMARY
from netsim.results.distilled import DISTIL
from netsim.studies.kept import COMPARISON
from netsim.studies.optimum import OPTIMUM
from netsim.studies.sweep import REQUEST, TABLE


def page_of(directory: Path) -> str:
    """The page of what is in ``directory``: a run, a study, distilled key; or of a plan's JSON.

    Raises
    ------
    ConfigError
        It holds none of them, or not all of one.
    """
    if directory.is_file():
        return plan_page_of(directory)
    return _maker(directory)(directory)


def _maker(directory: Path) -> Callable[[Path], str]:
    if (directory / COMPARISON).is_file():
        return compare_page
    if (directory / OPTIMUM).is_file():
        return optimum_page
    if (directory / REQUEST).is_file():
        return sweep_page
    if (directory / TABLE).is_file():
        raise ConfigError.of(
            directory,
            f"is a sweep of an earlier version, without {REQUEST}: give its command again, which "
            "keeps what is done",
        )
    if not (directory / MANIFEST).is_file() and _is_distilled(directory / SUMMARY):
        return distil_page
    return run_page


def _is_distilled(path: Path) -> bool:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(told, dict) and told.get("command") == DISTIL
