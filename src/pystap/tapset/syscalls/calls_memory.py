"""System calls on memory. Columns: see the package's text."""

from __future__ import annotations

ROWS = """
mmap2 | start=pointer@0 length=long@1 prot=s32@2 prot_str=mmap_prot@2 flags=s32@3 flags_str=mmap_flags@3 fd=s32@4 \
pgoffset=long@5 | address_str@0 length prot_str flags_str fd hex@5 | hex
"""
