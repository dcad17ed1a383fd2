"""System calls on memory. Columns: see the package's text."""

from __future__ import annotations

ROWS = """
mmap2 | start=pointer@0 length=ulong@1 prot=s32@2 prot_str=mmap_prot@2 flags=s32@3 flags_str=mmap_flags@3 fd=s32@4 \
pgoffset=long@5 | start length prot_str flags_str fd pgoffset | hex
munmap | start=pointer@0 length=ulong@1 | start length
mprotect | addr=pointer@0 len=ulong@1 prot=s32@2 prot_str=mmap_prot@2 | addr len prot_str
mremap | old_address=pointer@0 old_size=ulong@1 new_size=ulong@2 flags=s32@3 flags_str=remap_flags@3 \
new_address=pointer@4 | old_address old_size new_size flags_str remap_address@4,3 | hex
msync | start=pointer@0 length=ulong@1 flags=s32@2 flags_str=memory_sync_flags@2 | start length flags_str
mincore | start=pointer@0 length=ulong@1 vec_uaddr=pointer@2 | start length vec_uaddr
madvise | start=pointer@0 length=ulong@1 advice=s32@2 advice_str=memory_advice@2 | start length advice_str
process_madvise | pidfd=s32@0 vec_uaddr=pointer@1 vlen=ulong@2 advice=s32@3 advice_str=memory_advice@3 flags=u32@4 | \
pidfd iovecs@1,2 vlen advice_str hex32@4
mlock | addr=pointer@0 len=ulong@1 | addr len
mlock2 | addr=pointer@0 len=ulong@1 flags=s32@2 flags_str=lock_flags@2 | addr len flags_str
munlock | addr=pointer@0 len=ulong@1 | addr len
mlockall | flags=s32@0 flags_str=lock_all_flags@0 | flags_str
munlockall | |
mseal | start=pointer@0 length=ulong@1 flags=ulong@2 | start length hex@2
remap_file_pages | start=pointer@0 size=ulong@1 prot=s32@2 prot_str=mmap_prot@2 pgoff=ulong@3 flags=s32@4 \
flags_str=mmap_flags@4 | start size prot_str pgoff flags_str
map_shadow_stack | addr=pointer@0 size=ulong@1 flags=u32@2 flags_str=shadow_stack_flags@2 | addr size flags_str | hex
pkey_alloc | flags=ulong@0 init_val=ulong@1 init_val_str=protection_key_rights@1 | hex@0 init_val_str
pkey_mprotect | addr=pointer@0 len=ulong@1 prot=s32@2 prot_str=mmap_prot@2 pkey=s32@3 | addr len prot_str pkey
pkey_free | pkey=s32@0 | pkey
mbind | start=pointer@0 len=ulong@1 mode=s32@2 mode_str=policy_mode@2 nmask_uaddr=pointer@3 maxnode=ulong@4 \
flags=u32@5 flags_str=bind_flags@5 | start len mode_str nodemask@3,4 maxnode flags_str
set_mempolicy | mode=s32@0 mode_str=policy_mode@0 nmask_uaddr=pointer@1 maxnode=ulong@2 | mode_str nodemask@1,2 \
maxnode
set_mempolicy_home_node | start=pointer@0 len=ulong@1 home_node=ulong@2 flags=ulong@3 | start len home_node hex@3
get_mempolicy | policy_uaddr=pointer@0 nmask_uaddr=pointer@1 maxnode=ulong@2 addr=pointer@3 flags=ulong@4 \
flags_str=get_policy_flags@4 | policy_uaddr nmask_uaddr maxnode addr flags_str
migrate_pages | pid=s32@0 maxnode=ulong@1 old_nodes=pointer@2 new_nodes=pointer@3 | pid maxnode nodemask@2,1 \
nodemask@3,1
move_pages | pid=s32@0 nr_pages=ulong@1 pages=pointer@2 nodes=pointer@3 status=pointer@4 flags=s32@5 \
flags_str=move_pages_flags@5 | pid nr_pages pages nodes status flags_str
membarrier | cmd=s32@0 cmd_str=membarrier_command@0 flags=u32@1 | cmd_str membarrier_flags@1 membarrier_processor@2,1
brk | brk=pointer@0 | brk | hex
cachestat | fd=u32@0 cstat_range_uaddr=pointer@1 cstat_uaddr=pointer@2 flags=u32@3 | s32@0 file_range@1 cstat_uaddr \
hex32@3
process_vm_readv | pid=s32@0 local_iov_uaddr=pointer@1 liovcnt=ulong@2 remote_iov_uaddr=pointer@3 riovcnt=ulong@4 \
flags=ulong@5 | pid iovecs@1,2 liovcnt iovecs@3,4 riovcnt flags
process_vm_writev | pid=s32@0 local_iov_uaddr=pointer@1 liovcnt=ulong@2 remote_iov_uaddr=pointer@3 riovcnt=ulong@4 \
flags=ulong@5 | pid written_iovecs@1,2 liovcnt iovecs@3,4 riovcnt flags
process_mrelease | pidfd=s32@0 flags=u32@1 | pidfd hex32@1
memfd_create | uname=path@0 uname_unquoted=text@0 flags=u32@1 flags_str=memfd_flags@1 | uname flags_str
memfd_secret | flags=u32@0 flags_str=memfd_secret_flags@0 | flags_str
userfaultfd | flags=s32@0 flags_str=userfaultfd_flags@0 | flags_str
"""
