"""System calls on files and file descriptors. Columns: see the package's text."""

from __future__ import annotations

ROWS = """
access | pathname=path@0 pathname_unquoted=text@0 mode=s32@1 mode_str=access_mode@1 | pathname mode_str
acct | filename=path@0 filename_unquoted=text@0 | filename
chdir | path=path@0 path_unquoted=text@0 | path
chmod | path=path@0 path_unquoted=text@0 mode=u16@1 | path octal@1
chown | path=path@0 path_unquoted=text@0 owner=s32@1 group=s32@2 | path owner@1 owner@2
chown16 | path=path@0 path_unquoted=text@0 owner=s16@1 group=s16@2 | path owner group
chroot | path=path@0 path_unquoted=text@0 | path
close | fd=s32@0 | fd
close_range | fd=u32@0 max_fd=u32@1 flags=u32@2 flags_str=close_range_flags@2 | fd max_fd flags_str
copy_file_range | fd_in=s32@0 off_in=pointer@1 fd_out=s32@2 off_out=pointer@3 len=ulong@4 flags=u32@5 | fd_in \
offset_pointer@1 fd_out offset_pointer@3 len flags
creat | pathname=path@0 pathname_unquoted=text@0 mode=u16@1 | pathname octal@1
dup | oldfd=s32@0 | oldfd
dup2 | oldfd=s32@0 newfd=s32@1 flags=zero flags_str=no_flags | oldfd newfd
dup3 | oldfd=s32@0 newfd=s32@1 flags=s32@2 flags_str=dup_flags@2 | oldfd newfd flags_str
eventfd | count=u32@0 flags=zero flags_str=no_flags | count
eventfd2 | count=u32@0 flags=s32@1 flags_str=eventfd_flags@1 | count flags_str
faccessat | dirfd=s32@0 dirfd_str=dirfd@0 pathname=path@1 pathname_unquoted=text@1 mode=s32@2 mode_str=access_mode@2 | \
dirfd_str pathname mode_str
faccessat2 | dirfd=s32@0 dirfd_str=dirfd@0 pathname=path@1 pathname_unquoted=text@1 mode=s32@2 mode_str=access_mode@2 \
flags=s32@3 flags_str=faccessat_flags@3 | dirfd_str pathname mode_str flags_str
fadvise64 | fd=s32@0 offset=long@1 len=long@2 advice=s32@3 advice_str=file_advice@3 | fd offset len advice_str
compat_fadvise64 | fd=s32@0 offset=offset64@1,2 len=u32@3 advice=s32@4 advice_str=file_advice@4 | fd offset len \
advice_str
fadvise64_64 | fd=s32@0 offset=long@1 len=long@2 advice=s32@3 advice_str=file_advice@3 | fd offset len advice_str
compat_fadvise64_64 | fd=s32@0 offset=offset64@1,2 len=offset64@3,4 advice=s32@5 advice_str=file_advice@5 | fd offset \
len advice_str
fallocate | fd=s32@0 mode=s32@1 mode_str=fallocate_mode@1 offset=long@2 len=long@3 | fd mode_str offset len
compat_fallocate | fd=s32@0 mode=s32@1 mode_str=fallocate_mode@1 offset=offset64@2,3 len=offset64@4,5 | fd mode_str \
offset len
fanotify_init | flags=u32@0 flags_str=fanotify_flags@0 event_f_flags=u32@1 event_f_flags_str=open_flags@1 | flags_str \
event_f_flags_str
fanotify_mark | fanotify_fd=s32@0 flags=u32@1 mask=ulong@2 dirfd=s32@3 pathname=path@4 pathname_unquoted=text@4 \
flags_str=fanotify_mark_flags@1 mask_str=fanotify_mask@2 dirfd_str=dirfd@3 | fanotify_fd flags_str mask_str dirfd_str \
pathname
fanotify_mark/32 | fanotify_fd=s32@0 flags=u32@1 mask=offset64@2,3 dirfd=s32@4 pathname=path@5 \
pathname_unquoted=text@5 flags_str=fanotify_mark_flags@1 mask_str=fanotify_mask@2 dirfd_str=dirfd@4 | fanotify_fd \
flags_str mask_str dirfd_str pathname
fchdir | fd=s32@0 | fd
fchmod | fildes=s32@0 mode=u16@1 | fildes octal@1
fchmodat | dirfd=s32@0 dirfd_str=dirfd@0 pathname=path@1 pathname_unquoted=text@1 mode=u16@2 | dirfd_str pathname \
octal@2
fchmodat2 | dirfd=s32@0 dirfd_str=dirfd@0 pathname=path@1 mode=u16@2 flags=u32@3 flags_str=at_flags@3 | dirfd_str \
pathname octal@2 flags_str
fchown | fd=s32@0 owner=s32@1 group=s32@2 | fd owner@1 owner@2
fchown16 | fd=s32@0 owner=s16@1 group=s16@2 | fd owner group
fchownat | dirfd=s32@0 dirfd_str=dirfd@0 pathname=path@1 pathname_unquoted=text@1 owner=s32@2 group=s32@3 flags=s32@4 \
flags_str=at_flags@4 | dirfd_str pathname owner@2 owner@3 flags_str
fcntl | fd=s32@0 cmd=s32@1 cmd_str=fcntl_command@1 arg=long@2 | fd cmd_str fcntl_argument@2,1
fdatasync | fd=s32@0 | fd
fgetxattr | filedes=s32@0 name_str=path@1 name_str_unquoted=text@1 value_uaddr=pointer@2 size=ulong@3 | filedes \
name_str address_str@2 size
file_getattr | dfd=s32@0 dfd_str=dirfd@0 dfd_str_unquoted=dirfd@0 filename=pointer@1 filename_str=path@1 \
filename_str_unquoted=text@1 ufattr=pointer@2 usize=ulong@3 at_flags=u32@4 | dfd_str filename_str address_str@2 usize \
at_flags@4
file_setattr | dfd=s32@0 dfd_str=dirfd@0 dfd_str_unquoted=dirfd@0 filename=pointer@1 filename_str=path@1 \
filename_str_unquoted=text@1 ufattr=pointer@2 usize=ulong@3 at_flags=u32@4 | dfd_str filename_str address_str@2 usize \
at_flags@4
flistxattr | filedes=s32@0 list_uaddr=pointer@1 size=ulong@2 | filedes address_str@1 size
flock | fd=s32@0 operation=s32@1 | fd lock_operation@1
fremovexattr | filedes=s32@0 name_uaddr=pointer@1 name_str=path@1 name_str_unquoted=text@1 | filedes name_str
fsetxattr | filedes=s32@0 name_uaddr=pointer@1 name_str=path@1 name_str_unquoted=text@1 value_uaddr=pointer@2 \
size=ulong@3 value_str=buffer@2,3 flags=s32@4 flags_str=xattr_flags@4 | filedes name_str value_str size flags_str
fstat | filedes=s32@0 buf_uaddr=pointer@1 | filedes address_str@1
fstatat | dirfd=s32@0 dirfd_str=dirfd@0 path=path@1 path_unquoted=text@1 buf_uaddr=pointer@2 flags=s32@3 \
flags_str=at_flags@3 | dirfd_str path address_str@2 flags_str
fstatfs | fd=s32@0 buf_uaddr=pointer@1 | fd address_str@1
fstatfs64 | fd=s32@0 sz=ulong@1 buf_uaddr=pointer@2 | fd sz address_str@2
fsync | fd=s32@0 | fd
ftruncate | fd=s32@0 length=long@1 | fd length
ftruncate64 | fd=s32@0 length=long@1 | fd length
compat_ftruncate64 | fd=s32@0 length=offset64@1,2 | fd length
futimesat | dirfd=s32@0 dirfd_str=dirfd@0 filename_uaddr=pointer@1 filename=path@1 filename_unquoted=text@1 \
tvp_uaddr=pointer@2 tvp_str=timevals@2 | dirfd_str filename tvp_str
compat_futimesat | dirfd=s32@0 dirfd_str=dirfd@0 filename_uaddr=pointer@1 filename=path@1 filename_unquoted=text@1 \
tvp_uaddr=pointer@2 tvp_str=timevals@2 | dirfd_str filename tvp_str
getcwd | buf_uaddr=pointer@0 size=ulong@1 | address_str@0 size
getdents | fd=s32@0 dirp_uaddr=pointer@1 count=u32@2 | fd address_str@1 count
getxattr | path=path@0 path_unquoted=text@0 name_str=path@1 name_str_unquoted=text@1 value_uaddr=pointer@2 \
size=ulong@3 | path name_str address_str@2 size
getxattrat | dfd=s32@0 dfd_str=dirfd@0 path=path@1 at_flags=u32@2 name_str=path@3 uargs_uaddr=pointer@4 usize=ulong@5 \
| dfd_str path at_flags@2 name_str address_str@4 usize
inotify_add_watch | fd=s32@0 mask=u32@2 mask_str=inotify_mask@2 path_uaddr=pointer@1 path=path@1 path_unquoted=text@1 \
| fd path mask_str
inotify_init | flags=zero |
inotify_init1 | flags=s32@0 | inotify_flags@0
inotify_rm_watch | fd=s32@0 wd=s32@1 | fd wd
ioctl | fd=s32@0 request=u32@1 argp=pointer@2 | fd ioctl_command@1 hex@2
lchown | path=path@0 path_unquoted=text@0 owner=s32@1 group=s32@2 | path owner@1 owner@2
lchown16 | path=path@0 path_unquoted=text@0 owner=s16@1 group=s16@2 | path owner group
lgetxattr | path=path@0 path_unquoted=text@0 name_str=path@1 name_str_unquoted=text@1 value_uaddr=pointer@2 \
size=ulong@3 | path name_str address_str@2 size
link | oldpath=path@0 oldpath_unquoted=text@0 newpath=path@1 newpath_unquoted=text@1 | oldpath newpath
linkat | olddirfd=s32@0 olddirfd_str=dirfd@0 oldpath=path@1 oldpath_unquoted=text@1 newdirfd=s32@2 \
newdirfd_str=dirfd@2 newpath=path@3 newpath_unquoted=text@3 flags=s32@4 flags_str=at_flags@4 | olddirfd_str oldpath \
newdirfd_str newpath flags_str
listxattr | path_uaddr=pointer@0 path=path@0 path_unquoted=text@0 list_uaddr=pointer@1 size=ulong@2 | path \
address_str@1 size
listxattrat | dfd=s32@0 dfd_str=dirfd@0 path=path@1 at_flags=u32@2 list_uaddr=pointer@3 size=ulong@4 | dfd_str path \
at_flags@2 address_str@3 size
llistxattr | path_uaddr=pointer@0 path=path@0 path_unquoted=text@0 list_uaddr=pointer@1 size=ulong@2 | path \
address_str@1 size
llseek | fd=s32@0 offset_high=u32@1 offset_low=u32@2 result_uaddr=pointer@3 whence=s32@4 whence_str=whence@4 | fd \
offset_high offset_low address_str@3 whence_str
lookup_dcookie | cookie=ulong@0 buffer_uaddr=pointer@1 len=ulong@2 | cookie address_str@1 len
compat_lookup_dcookie | cookie=offset64@0,1 buffer_uaddr=pointer@2 len=u32@3 | cookie address_str@2 len
lremovexattr | path_uaddr=pointer@0 path=path@0 path_unquoted=text@0 name_uaddr=pointer@1 name_str=path@1 \
name_str_unquoted=text@1 | path name_str
lseek | fildes=s32@0 offset=long@1 whence=s32@2 whence_str=whence@2 | fildes offset whence_str
lsetxattr | path_uaddr=pointer@0 path=path@0 path_unquoted=text@0 name_uaddr=pointer@1 name_str=path@1 \
name_str_unquoted=text@1 value_uaddr=pointer@2 size=ulong@3 value_str=buffer@2,3 flags=s32@4 flags_str=xattr_flags@4 | \
path name_str value_str size flags_str
lstat | path=path@0 path_unquoted=text@0 buf_uaddr=pointer@1 | path address_str@1
mkdir | pathname_uaddr=pointer@0 pathname=path@0 pathname_unquoted=text@0 mode=u16@1 | pathname octal@1
mkdirat | dirfd=s32@0 dirfd_str=dirfd@0 pathname=path@1 pathname_unquoted=text@1 mode=u16@2 | dirfd_str pathname \
octal@2
mknod | pathname=path@0 pathname_unquoted=text@0 mode=u16@1 mode_str=file_mode@1 dev=u32@2 | pathname mode_str \
mknod_device@2,1
mknodat | dirfd=s32@0 dirfd_str=dirfd@0 pathname=path@1 pathname_unquoted=text@1 mode=u16@2 mode_str=file_mode@2 \
dev=u32@3 | dirfd_str pathname mode_str mknod_device@3,2
name_to_handle_at | dfd=s32@0 dfd_str=dirfd@0 pathname=path@1 pathname_unquoted=text@1 handle_uaddr=pointer@2 \
mnt_id_uaddr=pointer@3 flags=s32@4 flags_str=handle_flags@4 | dfd_str pathname handle_size@2 address_str@3 flags_str
open | filename=path@0 flags=s32@1 mode=u32@2 flags_str=open_flags@1 filename_unquoted=text@0 | filename flags_str \
open_mode@2,1
open_by_handle_at | mount_dfd=s32@0 mount_dfd_str=dirfd@0 handle_uaddr=pointer@1 flags=s32@2 flags_str=open_flags@2 | \
mount_dfd_str file_handle@1 flags_str
openat | dfd=s32@0 dfd_str=dirfd@0 filename=path@1 filename_unquoted=text@1 flags=s32@2 flags_str=open_flags@2 \
mode=u32@3 | dfd_str filename flags_str open_mode@3,2
openat2 | dfd=s32@0 dfd_str=dirfd@0 filename=path@1 filename_unquoted=text@1 how_uaddr=pointer@2 how_str=open_how@2,3 \
size=ulong@3 | dfd_str filename how_str size
pipe | flags=zero flag_str=no_flags fildes_uaddr=pointer@0 pipe0=user_s32@0 pipe1=user_s32_next@0 | address_str@0 | | \
fildes_uaddr=pointer@0 pipe0=user_s32@0 pipe1=user_s32_next@0
pipe2 | flags=s32@1 flag_str=pipe_flags@1 fildes_uaddr=pointer@0 pipe0=user_s32@0 pipe1=user_s32_next@0 | \
address_str@0 flag_str | | fildes_uaddr=pointer@0 pipe0=user_s32@0 pipe1=user_s32_next@0
pread | offset=long@3 fd=s32@0 buf_uaddr=pointer@1 count=ulong@2 | fd address_str@1 count offset
pread/32 | offset=offset64@3,4 fd=s32@0 buf_uaddr=pointer@1 count=ulong@2 | fd address_str@1 count offset
preadv | fd=s32@0 vector_uaddr=pointer@1 count=long@2 offset=long@3 | fd iovecs@1,2 count offset
preadv/32 | fd=s32@0 vector_uaddr=pointer@1 count=long@2 offset=offset64@3,4 | fd iovecs@1,2 count offset
preadv2 | fd=s32@0 vector_uaddr=pointer@1 count=long@2 offset=long@3 flags=s32@5 flags_str=rw_flags@5 | fd iovecs@1,2 \
count offset flags_str
preadv2/32 | fd=s32@0 vector_uaddr=pointer@1 count=long@2 offset=offset64@3,4 flags=s32@5 flags_str=rw_flags@5 | fd \
iovecs@1,2 count offset flags_str
pwrite | fd=s32@0 buf_uaddr=pointer@1 count=ulong@2 buf_str=buffer@1,2 offset=long@3 | fd buf_str count offset
pwrite32 | fd=s32@0 buf_uaddr=pointer@1 count=ulong@2 buf_str=buffer@1,2 offset=offset64@3,4 | fd buf_str count offset
pwritev | fd=s32@0 vector_uaddr=pointer@1 count=long@2 offset=long@3 | fd written_iovecs@1,2 count offset
pwritev/32 | fd=s32@0 vector_uaddr=pointer@1 count=long@2 offset=offset64@3,4 | fd written_iovecs@1,2 count offset
pwritev2 | fd=s32@0 vector_uaddr=pointer@1 count=long@2 offset=long@3 flags=s32@5 flags_str=rw_flags@5 | fd \
written_iovecs@1,2 count offset flags_str
pwritev2/32 | fd=s32@0 vector_uaddr=pointer@1 count=long@2 offset=offset64@3,4 flags=s32@5 flags_str=rw_flags@5 | fd \
written_iovecs@1,2 count offset flags_str
quotactl | cmd=s32@0 cmd_str=quota_command@0 special=pointer@1 special_str=path@1 special_str_unquoted=text@1 id=s32@2 \
addr_uaddr=pointer@3 | cmd_str special_str id address_str@3
quotactl_fd | fd=s32@0 cmd=s32@1 cmd_str=quota_command@1 id=s32@2 addr_uaddr=pointer@3 | fd cmd_str id address_str@3
read | fd=s32@0 buf_uaddr=pointer@1 count=ulong@2 | fd address_str@1 count
readahead | fd=s32@0 offset=long@1 count=ulong@2 | fd offset count
compat_readahead | fd=s32@0 offset=offset64@1,2 count=ulong@3 | fd offset count
readdir | fd=s32@0 dirent=pointer@1 count=u32@2 | fd address_str@1 count
readlink | path=path@0 path_unquoted=text@0 buf_uaddr=pointer@1 bufsiz=s32@2 | path address_str@1 bufsiz
readlinkat | dfd=s32@0 dfd_str=dirfd@0 path=path@1 path_unquoted=text@1 buf_uaddr=pointer@2 bufsiz=s32@3 | dfd_str \
path address_str@2 bufsiz
readv | vector_uaddr=pointer@1 count=long@2 fd=s32@0 | fd iovecs@1,2 count
removexattr | path=path@0 path_unquoted=text@0 name_str=path@1 name_str_unquoted=text@1 | path name_str
removexattrat | dfd=s32@0 dfd_str=dirfd@0 path=path@1 at_flags=u32@2 name_str=path@3 | dfd_str path at_flags@2 \
name_str
rename | oldpath=path@0 oldpath_unquoted=text@0 newpath=path@1 newpath_unquoted=text@1 | oldpath newpath
renameat | olddfd=s32@0 olddfd_str=dirfd@0 oldname=pointer@1 oldname_str=path@1 oldname_str_unquoted=text@1 \
newdfd=s32@2 newdfd_str=dirfd@2 newname=pointer@3 newname_str=path@3 newname_str_unquoted=text@3 | olddfd_str \
oldname_str newdfd_str newname_str
renameat2 | olddfd=s32@0 olddfd_str=dirfd@0 oldname=pointer@1 oldname_str=path@1 oldname_str_unquoted=text@1 \
newdfd=s32@2 newdfd_str=dirfd@2 newname=pointer@3 newname_str=path@3 newname_str_unquoted=text@3 flags=u32@4 \
flags_str=rename_flags@4 | olddfd_str oldname_str newdfd_str newname_str flags_str
rmdir | pathname=path@0 pathname_unquoted=text@0 | pathname
sendfile | out_fd=s32@0 in_fd=s32@1 offset_uaddr=pointer@2 count=ulong@3 | out_fd in_fd offset_pointer@2 count
setxattr | path_uaddr=pointer@0 path=path@0 path_unquoted=text@0 name_uaddr=pointer@1 name_str=path@1 \
name_str_unquoted=text@1 value_uaddr=pointer@2 size=ulong@3 value_str=buffer@2,3 flags=s32@4 flags_str=xattr_flags@4 | \
path name_str value_str size flags_str
setxattrat | dfd=s32@0 dfd_str=dirfd@0 path=path@1 at_flags=u32@2 name_str=path@3 uargs_uaddr=pointer@4 usize=ulong@5 \
| dfd_str path at_flags@2 name_str address_str@4 usize
splice | fd_in=s32@0 off_in=pointer@1 fd_out=s32@2 off_out=pointer@3 len=ulong@4 flags=u32@5 flags_str=splice_flags@5 \
| fd_in offset_pointer@1 fd_out offset_pointer@3 len flags_str
stat | filename_uaddr=pointer@0 filename=path@0 filename_unquoted=text@0 buf_uaddr=pointer@1 | filename address_str@1
statfs | path=path@0 path_unquoted=text@0 buf_uaddr=pointer@1 | path address_str@1
statfs64 | path=path@0 path_unquoted=text@0 sz=ulong@1 buf_uaddr=pointer@2 | path sz address_str@2
statx | dfd=s32@0 dfd_str=dirfd@0 filename_uaddr=pointer@1 filename=path@1 filename_unquoted=text@1 flags=u32@2 \
flags_str=statx_flags@2 mask=u32@3 mask_str=statx_mask@3 buf_uaddr=pointer@4 | dfd_str filename flags_str mask_str \
address_str@4
symlink | oldpath=path@0 oldpath_unquoted=text@0 newpath=path@1 | oldpath newpath
symlinkat | oldname=pointer@0 oldname_str=path@0 oldname_str_unquoted=text@0 newdfd=s32@1 newdfd_str=dirfd@1 \
newname=pointer@2 newname_str=path@2 newname_str_unquoted=text@2 | oldname_str newdfd_str newname_str
sync | |
sync_file_range | fd=s32@0 offset=long@1 nbytes=long@2 flags=u32@3 flags_str=sync_range_flags@3 | fd offset nbytes \
flags_str
sync_file_range/32 | fd=s32@0 offset=offset64@1,2 nbytes=offset64@3,4 flags=u32@5 flags_str=sync_range_flags@5 | fd \
offset nbytes flags_str
syncfs | fd=s32@0 | fd
tee | fdin=s32@0 fdout=s32@1 len=ulong@2 flags=u32@3 | fdin fdout len splice_flags@3
truncate | path_uaddr=pointer@0 path=path@0 path_unquoted=text@0 length=long@1 | path length
compat_truncate64 | path_uaddr=pointer@0 path=path@0 path_unquoted=text@0 length=offset64@1,2 | path length
umask | mask=u32@0 | octal@0 | octal
unlink | pathname_uaddr=pointer@0 pathname=path@0 pathname_unquoted=text@0 | pathname
unlinkat | dfd=s32@0 dfd_str=dirfd@0 pathname=pointer@1 pathname_str=path@1 pathname_str_unquoted=text@1 flag=s32@2 \
flag_str=unlinkat_flags@2 | dfd_str pathname_str flag_str
ustat | dev=u32@0 ubuf_uaddr=pointer@1 | device@0 address_str@1
ustat32 | dev=u32@0 ubuf_uaddr=pointer@1 | device@0 address_str@1
utime | filename_uaddr=pointer@0 filename=path@0 filename_unquoted=text@0 buf_uaddr=pointer@1 actime=user_long@1 \
modtime=user_long_next@1 | filename utimbuf@1
compat_utime | filename_uaddr=pointer@0 filename=path@0 filename_unquoted=text@0 buf_uaddr=pointer@1 actime=user_s32@1 \
modtime=user_s32_next@1 | filename utimbuf@1
utimensat | dfd=s32@0 dfd_str=dirfd@0 filename_uaddr=pointer@1 filename=path@1 filename_unquoted=text@1 \
tsp_uaddr=pointer@2 flags=s32@3 flags_str=at_flags@3 tsp_str=timespecs@2 | dfd_str filename tsp_str flags_str
compat_utimensat | dfd=s32@0 dfd_str=dirfd@0 filename_uaddr=pointer@1 filename=path@1 filename_unquoted=text@1 \
tsp_uaddr=pointer@2 flags=s32@3 flags_str=at_flags@3 tsp_str=timespecs@2 | dfd_str filename tsp_str flags_str
utimes | filename_uaddr=pointer@0 filename=path@0 filename_unquoted=text@0 tvp_uaddr=pointer@1 \
tvp_uaddr_str=timevals@1 | filename tvp_uaddr_str
compat_sys_utimes | filename=path@0 filename_unquoted=text@0 timeval=pointer@1 tvp_uaddr_str=timevals@1 | filename \
tvp_uaddr_str
vmsplice | fd=s32@0 iov=pointer@1 nr_segs=ulong@2 flags=u32@3 flags_str=splice_flags@3 | fd written_iovecs@1,2 \
nr_segs flags_str
compat_vmsplice | fd=s32@0 iov=pointer@1 nr_segs=ulong@2 flags=u32@3 flags_str=splice_flags@3 | fd written_iovecs@1,2 \
nr_segs flags_str
write | fd=s32@0 buf_uaddr=pointer@1 count=ulong@2 buf_str=buffer@1,2 | fd buf_str count
writev | vector_uaddr=pointer@1 count=long@2 fd=s32@0 | fd written_iovecs@1,2 count
"""
