"""pystap runs SystemTap scripts on eBPF."""

from .version import VERSION

__version__ = VERSION
