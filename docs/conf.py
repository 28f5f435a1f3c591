"""Settings of the pages that `make docs` builds, and what is made for them."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from sphinx.application import Sphinx

from netsim.topology.reference import topology_markdown

HERE = Path(__file__).parent
MADE = HERE / "made"
"""What is made for the pages: tables of topologies, what examples and commands print and draw."""
DRAWN = r"<!-- drawn -->\n```sh\n(.*?)^```$"
"""Commands of a page that draw its pictures; one block a page."""

project = "qnsp-netsim"
author = "The qnsp-netsim maintainers"
release = metadata.version("qnsp-netsim")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"{project} {release}"
exclude_patterns = ["_build", "made"]
napoleon_google_docstring = False
autodoc_typehints = "none"
default_role = "code"
myst_heading_anchors = 3


def write_tables(_app: Sphinx) -> None:
    """Write the tables of docs/topology.md, from the schema."""
    MADE.mkdir(exist_ok=True)
    (MADE / "topology.md").write_text(topology_markdown(), encoding="utf-8")


def run_examples(_app: Sphinx) -> None:
    """Run every script of examples/ in a folder of its own and keep what it prints."""
    environment = os.environ | {"PYTHONPATH": str(HERE.parent), "MPLBACKEND": "agg"}
    for script in sorted((HERE.parent / "examples").glob("[a-z]*.py")):
        folder = MADE / script.stem
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "output.txt").open("w", encoding="utf-8") as output:
            words = [sys.executable, str(script)]
            subprocess.run(words, cwd=folder, env=environment, stdout=output, check=True)


def draw_pictures(_app: Sphinx) -> None:
    """Run what pages say that their pictures were made by, each page in a folder of its own."""
    environment = os.environ | {"PYTHONPATH": str(HERE.parent), "COLUMNS": "100"}
    for page in sorted(HERE.glob("*.md")):
        folder = MADE / page.stem
        for block in re.findall(DRAWN, page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            for line in block.splitlines():
                words = [sys.executable, "-m", *shlex.split(line)]
                subprocess.run(
                    words, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True
                )


def setup(app: Sphinx) -> None:
    """Called by sphinx."""
    app.connect("builder-inited", write_tables)
    app.connect("builder-inited", run_examples)
    app.connect("builder-inited", draw_pictures)
