"""System calls for interprocess communication and keys. Columns: see the package's text."""

from __future__ import annotations

ROWS = """
shmget | key=s32@0 size=ulong@1 shmflg=s32@2 shmflg_str=shared_get_flags@2 | ipc_key@0 size shmflg_str
shmat | shmid=s32@0 shmaddr_uaddr=pointer@1 shmflg=s32@2 shmflg_str=shared_attach_flags@2 | shmid shmaddr_uaddr \
shmflg_str | hex
compat_sys_shmat | shmid=s32@0 shmaddr_uaddr=pointer@1 shmflg=s32@2 shmflg_str=shared_attach_flags@2 | shmid \
shmaddr_uaddr shmflg_str | hex
shmdt | shmaddr_uaddr=pointer@0 | shmaddr_uaddr
shmctl | shmid=s32@0 cmd=s32@1 cmd_str=shared_command@1 buf_uaddr=pointer@2 | shmid cmd_str buf_uaddr
compat_sys_shmctl | shmid=s32@0 cmd=s32@1 cmd_str=shared_command@1 buf_uaddr=pointer@2 | shmid cmd_str buf_uaddr
msgget | key=s32@0 key_str=ipc_key@0 msgflg=s32@1 msgflg_str=ipc_flags@1 | key_str msgflg_str
msgsnd | msqid=s32@0 msgp_uaddr=pointer@1 msgsz=ulong@2 msgflg=s32@3 msgflg_str=ipc_message_flags@3 | msqid \
ipc_message@1,2 msgsz msgflg_str
compat_sys_msgsnd | msqid=s32@0 msgsz=s32@2 msgflg=s32@3 msgp_uaddr=pointer@1 msgflg_str=ipc_message_flags@3 | msqid \
ipc_message@1,2 msgsz msgflg_str
msgrcv | msqid=s32@0 msgp_uaddr=pointer@1 msgsz=ulong@2 msgtyp=long@3 msgflg=s32@4 msgflg_str=ipc_message_flags@4 | \
msqid msgp_uaddr msgsz msgtyp msgflg_str
compat_sys_msgrcv | msqid=s32@0 msgsz=s32@2 msgflg=s32@4 msgp_uaddr=pointer@1 msgtyp=long@3 \
msgflg_str=ipc_message_flags@4 | msqid msgp_uaddr msgsz msgtyp msgflg_str
msgctl | msqid=s32@0 cmd=s32@1 cmd_str=message_command@1 buf_uaddr=pointer@2 | msqid cmd_str buf_uaddr
compat_sys_msgctl | msqid=s32@0 cmd=s32@1 cmd_str=message_command@1 buf_uaddr=pointer@2 | msqid cmd_str buf_uaddr
semget | key=s32@0 key_str=ipc_key@0 nsems=s32@1 semflg=s32@2 semflg_str=ipc_flags@2 | key_str nsems semflg_str
semop | semid=s32@0 sops_uaddr=pointer@1 nsops=u32@2 | semid semaphore_operations@1,2 nsops
semtimedop | semid=s32@0 sops_uaddr=pointer@1 nsops=u32@2 timeout_uaddr=pointer@3 timeout_str=timespec@3 | semid \
semaphore_operations@1,2 nsops timeout_str
compat_sys_semtimedop | semid=s32@0 sops_uaddr=pointer@1 nsops=u32@2 timeout_uaddr=pointer@3 timeout_str=timespec@3 | \
semid semaphore_operations@1,2 nsops timeout_str
semctl | semid=s32@0 semnum=s32@1 cmd=s32@2 cmdstr=semaphore_command@2 arg=pointer@3 | semid semnum cmdstr arg
compat_sys_semctl | semid=s32@0 semnum=s32@1 cmd=s32@2 cmdstr=semaphore_command@2 arg=pointer@3 | semid semnum cmdstr \
arg
mq_open | name_uaddr=pointer@0 filename=path@0 filename_unquoted=text@0 u_attr_uaddr=pointer@3 oflag=s32@1 \
oflag_str=open_flags@1 mode=u32@2 | filename oflag_str open_mode@2,1 queue_attributes_if@3,1
mq_unlink | u_name_uaddr=pointer@0 u_name=path@0 u_name_unquoted=text@0 | u_name
mq_timedsend | mqdes=s32@0 msg_ptr_uaddr=pointer@1 msg_len=ulong@2 msg_prio=u32@3 abs_timeout_uaddr=pointer@4 | mqdes \
buffer@1,2 msg_len msg_prio timespec@4
mq_timedreceive | mqdes=s32@0 msg_ptr_uaddr=pointer@1 msg_len=ulong@2 msg_prio_uaddr=pointer@3 \
abs_timeout_uaddr=pointer@4 | mqdes msg_ptr_uaddr msg_len msg_prio_uaddr timespec@4
mq_notify | mqdes=s32@0 notification_uaddr=pointer@1 | mqdes signal_event@1
mq_getsetattr | mqdes=s32@0 u_mqstat_uaddr=pointer@1 u_omqstat_uaddr=pointer@2 | mqdes queue_attributes@1 \
u_omqstat_uaddr
add_key | type_uaddr=pointer@0 description_uaddr=pointer@1 payload_uaddr=pointer@2 plen=ulong@3 ringid=s32@4 | path@0 \
path@1 buffer@2,3 plen keyring@4
request_key | type_uaddr=pointer@0 type_str=path@0 type_str_unquoted=text@0 description_uaddr=pointer@1 \
description_str=path@1 description_str_unquoted=text@1 callout_info_uaddr=pointer@2 destringid=s32@3 | type_str \
description_str path@2 keyring@3
keyctl | option=s32@0 arg2=long@1 arg3=long@2 arg4=long@3 arg5=long@4 | key_option@0 key_argument_2@1,0 \
key_argument_3@2,0 key_argument_4@3,0 key_argument_5@4,0
"""
