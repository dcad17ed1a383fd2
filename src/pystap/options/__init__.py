"""Command lines: `stap` (stap.py) and `staprun` (staprun.py), their checks, and the texts of -h and -V (help.py)."""

from .getopt import UsageError
from .stap import Options, parse_stap, settings_folder

__all__ = ["Options", "UsageError", "parse_stap", "settings_folder"]
