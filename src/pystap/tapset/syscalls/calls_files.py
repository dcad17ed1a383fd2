"""System calls on files and file descriptors. Columns: see the package's text."""

from __future__ import annotations

ROWS = """
open   | filename=path@0 flags=s32@1 flags_str=open_flags@1 mode=u32@2 | filename flags_str open_mode@2,1
openat | dfd=s32@0 dfd_str=dirfd@0 filename=path@1 filename_unquoted=text@1 flags=s32@2 flags_str=open_flags@2 \
mode=u32@3 | dfd_str filename flags_str open_mode@3,2
close  | fd=s32@0 | fd
read   | fd=s32@0 buf_uaddr=pointer@1 count=long@2 | fd address_str@1 count
"""
