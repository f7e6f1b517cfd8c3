"""Settings of the documentation's site: Sphinx, built without a network; `invoke docs` builds it."""

from __future__ import annotations

import os
import re

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # the API's pages import kit, and with it TensorFlow

from sphinx.application import Sphinx

import kit

project = "kit"
version = release = kit.__version__
html_title = "kit"

extensions = [
    "myst_parser",  # pages are Markdown, so that they read on GitHub, too
    "sphinx.ext.autodoc",  # the Python API from its docstrings
    "sphinx.ext.napoleon",  # which are written in Google's style
]
exclude_patterns = ["README.md", "_build"]  # README.md is index.md for whoever reads the folder on GitHub

myst_heading_anchors = 4  # headings have the anchors that GitHub gives them
suppress_warnings = ["myst.header"]  # pages that are included begin below their first level

autodoc_member_order = "bysource"
autodoc_typehints = "description"  # beside what a docstring says of an argument, not in a signature of thirty lines
autodoc_typehints_description_target = "documented"
smartquotes_action = "D"  # dashes alone: quotes are copied into shells
default_role = "code"  # docstrings put code in single backticks
maximum_signature_line_length = 90  # characters: a longer one has a line for each argument

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["kit.css"]
html_show_copyright = False
html_show_sourcelink = False
html_copy_source = False

_OBJECT = re.compile(r"<[\w.]*?(\w+) object>")


def setup(app: Sphinx) -> None:
    """Show default values that are objects by their class."""
    app.connect("autodoc-process-signature", _plain_defaults)


def _plain_defaults(*event: object) -> tuple[str | None, object]:
    *_, signature, returned = event
    return (_OBJECT.sub(r"\1()", signature) if isinstance(signature, str) else None), returned
