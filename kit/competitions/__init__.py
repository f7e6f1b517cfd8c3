"""Competitions: what their pages say of files, labels, metric and cells, one TOML file each."""

from kit.competitions.competition import Competition, competition_names, read_competition
from kit.competitions.fetched_folder import Filled, fill

__all__ = ["Competition", "Filled", "competition_names", "fill", "read_competition"]
