"""`python -m pystap` is `stap`."""

import sys

from .cli import main

sys.exit(main())
