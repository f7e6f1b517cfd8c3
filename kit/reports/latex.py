"""Tables as LaTeX, to paste into a paper."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kit.reports.table import Table, one_line

_ESCAPED = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{character: f"\\{character}" for character in "&%$#_{}"},
        "<": "$<$",
        ">": "$>$",
        "±": r"$\pm$",
        "Δ": r"$\Delta$",
        "η": r"$\eta$",
        "²": "$^2$",
        "—": "---",
        "…": r"\ldots{}",
    }
)
_SIGNED = re.compile(r"(?<![\w.$^-])([+-]\d[\d.]*)")  # a hyphen is not a minus sign


def latex_file(tables: Iterable[Table]) -> str:
    """Format tables one below the other, under a comment that names the package they need."""
    return "% needs \\usepackage{booktabs}\n" + "\n".join(map(latex, tables))


def latex(table: Table) -> str:
    """Format a table as a tabular with booktabs, with its title as a comment above."""
    title = f"% {one_line(table.title)}\n" if table.title else ""
    head, *rows = (" & ".join(map(_cell, row)) for row in (table.columns, *table.rows))
    body = "".join(f"{_guarded(row)} \\\\\n" for row in rows)
    return (
        f"{title}\\begin{{tabular}}{{l{'r' * (len(table.columns) - 1)}}}\n\\toprule\n{head} \\\\\n\\midrule\n"
        f"{body}\\bottomrule\n\\end{{tabular}}\n"
    )


def _cell(text: str) -> str:
    return _SIGNED.sub(r"$\1$", one_line(text).translate(_ESCAPED))


def _guarded(row: str) -> str:
    r"""Keep a bracket or a star from being read as an option of the \\ before it."""
    return f"{{}}{row}" if row.startswith(("[", "*")) else row
