/* SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
 *
 * The header of a record, from the current task, and the record's way to user space.
 */
#pragma once

#include "fields.h"

/* The buffer, with nothing of the record before. */
static __always_inline struct scratch *fresh(void)
{
	struct scratch *s = only(&scratches);
	if (s) {
		s->used = 0;
		s->path_flags = 0;
		s->header.flags = 0;
		s->header.result = 0;
		__builtin_memset(s->header.arguments, 0, sizeof(s->header.arguments));
	}
	return s;
}

/* A number as the host counts. */
static __always_inline u32 outside(struct pid *pid)
{
	return pid->numbers[0].nr;
}

/* A number as the pid's own namespace counts: of its `level` + 1 numbers, the last. */
static __always_inline struct upid *innermost(struct scratch *s, struct pid *pid, u32 level)
{
	u64 numbers = number(s, pid) + bpf_core_field_offset(struct pid, numbers);
	return (struct upid *)(numbers + level * bpf_core_type_size(struct upid));
}

static __always_inline u32 inside(struct scratch *s, struct pid *pid)
{
	u32 level = pid->level;
	return level ? BPF_CORE_READ(innermost(s, pid, level), nr) : outside(pid);
}

static __always_inline u32 namespace_of(struct scratch *s, struct pid *pid)
{
	u32 level = pid->level;
	return level ? BPF_CORE_READ(innermost(s, pid, level), ns, ns.inum) : pid->numbers[0].ns->ns.inum;
}

static __always_inline u32 terminal_of(struct task_struct *task)
{
	struct tty_struct *tty = task->signal->tty;
	if (!tty)
		return 0;
	u32 major = tty->driver->major, minor = tty->driver->minor_start + tty->index;
	return (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12);
}

/* Fills the header from the current task and hands the record over, or counts it as lost. */
__noinline int emit(u32 kind)
{
	struct scratch *s = only(&scratches);
	if (!s)
		return 0;
	struct task_struct *task = bpf_get_current_task_btf();
	struct header *h = &s->header;
	u32 used = s->used;
	if (used > DATA_SIZE)
		used = DATA_SIZE;

	h->size = sizeof(*h) + used;
	h->version = RECORD_VERSION;
	h->kind = kind;
	h->cpu = bpf_get_smp_processor_id();
	h->boot_ns = bpf_ktime_get_boot_ns();
	h->start_boot_ns = task->group_leader->start_boottime;
	struct task_struct *parent = task->real_parent;
	h->parent_start_boot_ns = parent->group_leader->start_boottime;
	h->cgroup_id = id_of(cgroup_of(task));
	h->thread = task->pid;
	h->process = task->tgid;
	h->parent = parent->tgid;

	struct signal_struct *signal = task->signal;
	h->process_group = outside(signal->pids[2]);
	h->session = outside(signal->pids[3]);
	h->process_inside = inside(s, signal->pids[1]);
	h->process_group_inside = inside(s, signal->pids[2]);
	h->session_inside = inside(s, signal->pids[3]);
	struct pid *pid = task->thread_pid;
	h->thread_inside = inside(s, pid);
	h->pid_namespace = namespace_of(s, pid);
	h->tty = terminal_of(task);

	const struct cred *cred = task->cred;
	h->uid = cred->uid.val;
	h->gid = cred->gid.val;
	h->effective_uid = cred->euid.val;
	h->effective_gid = cred->egid.val;
	bpf_core_read(&h->cap_inheritable, 8, &cred->cap_inheritable);
	bpf_core_read(&h->cap_permitted, 8, &cred->cap_permitted);
	bpf_core_read(&h->cap_effective, 8, &cred->cap_effective);
	h->user_namespace = cred->user_ns->ns.inum;
	h->login_uid = ~0U;
	h->audit_session = ~0U;
	if (bpf_core_field_exists(task->loginuid)) {
		h->login_uid = task->loginuid.val;
		h->audit_session = task->sessionid;
	}
	h->mount_namespace = 0;
	h->network_namespace = 0;
	h->network = 0;
	struct nsproxy *namespaces = task->nsproxy;
	if (namespaces) {
		h->mount_namespace = namespaces->mnt_ns->ns.inum;
		h->network_namespace = namespaces->net_ns->ns.inum;
		h->network = h->network_namespace;
		if (bpf_core_field_exists(namespaces->net_ns->net_cookie))
			h->network = namespaces->net_ns->net_cookie;
	}
	bpf_core_read(h->command, sizeof(h->command), &task->comm);

	if (bpf_ringbuf_output(&records, h, sizeof(*h) + used, BPF_RB_NO_WAKEUP)) {
		u64 *count = bpf_map_lookup_elem(&lost, &kind);
		if (count)
			(*count)++;
		return 0;
	}
	wake();
	return 0;
}
