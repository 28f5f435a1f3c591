"""Settings of the pages that `make docs` builds."""

from importlib import metadata

project = "qnsp-netsim"
author = "The qnsp-netsim maintainers"
release = metadata.version("qnsp-netsim")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"{project} {release}"
exclude_patterns = ["_build"]
napoleon_google_docstring = False
autodoc_typehints = "none"
default_role = "code"
myst_heading_anchors = 3
