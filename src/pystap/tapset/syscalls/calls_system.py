"""System calls on the machine: modules, mounts, limits of the kernel. Columns: see the package's text."""

from __future__ import annotations

ROWS = """
bdflush | func=s32@0 data=long@1 data_str=hex@1 | func data_str
delete_module | name_user=path@0 name_user_unquoted=text@0 flags=u32@1 flags_str=delete_module_flags@1 | name_user \
flags_str
finit_module | fd=s32@0 uargs=path@1 uargs_unquoted=text@1 flags=s32@2 flags_str=load_module_flags@2 | fd uargs \
flags_str
fsconfig | fd=s32@0 cmd=u32@1 cmd_str=fsconfig_command@1 key=path@2 value_uaddr=pointer@3 aux=s32@4 | fd cmd_str key \
fsconfig_value@3,1 aux
fsmount | fs_fd=s32@0 flags=u32@1 flags_str=fsmount_flags@1 attr_flags=u32@2 attr_flags_str=mount_attributes@2 | fs_fd \
flags_str attr_flags_str
fsopen | fs_name=path@0 flags=u32@1 flags_str=fsopen_flags@1 | fs_name flags_str
fspick | dfd=s32@0 dfd_str=dirfd@0 path=path@1 flags=u32@2 flags_str=fspick_flags@2 | dfd_str path flags_str
getrandom | buf=address_str@0 buf_unquoted=address_str@0 count=ulong@1 flags=u32@2 flags_str=random_flags@2 | buf \
count flags_str
init_module | umod_uaddr=pointer@0 len=ulong@1 uargs=path@2 uargs_unquoted=text@2 | address_str@0 len uargs
ioperm | from=ulong@0 num=ulong@1 turn_on=s32@2 | hex@0 num turn_on
iopl | level=u32@0 | level
ipc | call=u32@0 first=s32@1 second=s32@2 third=u32@3 ptr_uaddr=pointer@4 fifth=s32@5 | call first second third \
address_str@4 fifth
kexec_file_load | kernel_fd=s32@0 initrd_fd=s32@1 cmdline_len=ulong@2 cmdline=path@3 cmdline_unquoted=text@3 \
flags=ulong@4 flags_str=kexec_file_flags@4 | kernel_fd initrd_fd cmdline_len cmdline flags_str
kexec_load | entry=pointer@0 nr_segments=ulong@1 segments_uaddr=pointer@2 flags=ulong@3 flags_str=kexec_flags@3 | \
address_str@0 nr_segments address_str@2 flags_str
landlock_add_rule | ruleset_fd=s32@0 rule_type=u32@1 rule_type_str=landlock_rule@1 rule_attr_uaddr=pointer@2 \
rule_attr_str=landlock_attribute@2,1 flags=u32@3 | ruleset_fd rule_type_str rule_attr_str flags
landlock_create_ruleset | attr_uaddr=pointer@0 attr_str=landlock_ruleset@0,1 size=ulong@1 flags=u32@2 \
flags_str=landlock_create_flags@2 | attr_str size flags_str
landlock_restrict_self | ruleset_fd=s32@0 flags=u32@1 flags_str=landlock_restrict_flags@1 | ruleset_fd flags_str
listmount | req_uaddr=pointer@0 mnt_ids_uaddr=pointer@1 nr_mnt_ids=ulong@2 flags=u32@3 | address_str@0 address_str@1 \
nr_mnt_ids flags
lsm_get_self_attr | attr=u32@0 ctx=pointer@1 size=pointer@2 flags=u32@3 | lsm_attribute@0 address_str@1 address_str@2 \
flags
lsm_list_modules | ids_uaddr=pointer@0 size_uaddr=pointer@1 flags=u32@2 | address_str@0 address_str@1 flags
lsm_set_self_attr | attr=u32@0 ctx=pointer@1 size=u32@2 flags=u32@3 | lsm_attribute@0 address_str@1 size flags
modify_ldt | func=s32@0 ptr_uaddr=pointer@1 bytecount=ulong@2 | func address_str@1 bytecount
mount | source=path@0 source_unquoted=text@0 target=path@1 target_unquoted=text@1 filesystemtype=path@2 \
filesystemtype_unquoted=text@2 mountflags=ulong@3 mountflags_str=mount_flags@3 data=path@4 data_unquoted=text@4 | \
source target filesystemtype mountflags_str data
mount_setattr | dfd=s32@0 dfd_str=dirfd@0 path=path@1 flags=u32@2 flags_str=mount_setattr_flags@2 \
uattr_uaddr=pointer@3 uattr_str=mount_attr@3,4 usize=ulong@4 | dfd_str path flags_str uattr_str usize
move_mount | from_dfd=s32@0 from_dfd_str=dirfd@0 from_path=path@1 to_dfd=s32@2 to_dfd_str=dirfd@2 to_path=path@3 \
flags=u32@4 flags_str=move_mount_flags@4 | from_dfd_str from_path to_dfd_str to_path flags_str
ni_syscall | |
open_tree | dfd=s32@0 dfd_str=dirfd@0 path=path@1 flags=u32@2 flags_str=open_tree_flags@2 | dfd_str path flags_str
open_tree_attr | dfd=s32@0 dfd_str=dirfd@0 path=path@1 flags=u32@2 flags_str=open_tree_flags@2 uattr_uaddr=pointer@3 \
usize=ulong@4 | dfd_str path flags_str mount_attr@3,4 usize
pivot_root | new_root_str=path@0 new_root_str_unquoted=text@0 old_root_str=path@1 old_root_str_unquoted=text@1 | \
new_root_str old_root_str
reboot | magic=u32@0 magic_str=reboot_magic@0 magic2=u32@1 magic2_str=reboot_magic2@1 flag=u32@2 \
flag_str=reboot_command@2 arg_uaddr=pointer@3 | magic_str magic2_str flag_str reboot_argument@3,2
socketcall | call=s32@0 args_uaddr=pointer@1 | call address_str@1
statmount | req_uaddr=pointer@0 buf_uaddr=pointer@1 bufsize=ulong@2 flags=u32@3 | address_str@0 address_str@1 bufsize \
flags
swapoff | path_uaddr=pointer@0 path=path@0 path_unquoted=text@0 | path
swapon | path_uaddr=pointer@0 path=path@0 path_unquoted=text@0 swapflags=s32@1 swapflags_str=swap_flags@1 | path \
swapflags_str
sysctl | args=pointer@0 | address_str@0
sysctl32 | args=pointer@0 | address_str@0
sysfs | option=s32@0 arg1=ulong@1 arg2=ulong@2 | option sysfs_argument@1,0 sysfs_argument@2,0
sysinfo | info_uaddr=pointer@0 info_str=address_str@0 | info_str
syslog | type=s32@0 bufp_uaddr=pointer@1 len=s32@2 | syslog_action@0 address_str@1 len
tux | |
umount | target=path@0 target_unquoted=text@0 flags=s32@1 flags_str=umount_flags@1 | target flags_str
vm86_warning | |
"""
