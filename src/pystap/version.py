"""The version of pystap; pyproject.toml reads it from here."""

VERSION = "0.1.0"
