"""`python -m pystap` is `stap`."""

import sys

from .start import stap

sys.exit(stap())
