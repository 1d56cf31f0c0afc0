// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// The sensor's programs: one for the exits of all system calls that somebody wants, told apart by the cookie
// they were attached with, and one for each tracepoint of the scheduler, of cgroups and of io_uring. Those
// for packets of the DNS are in `dns.h`.

#include "dns.h"
#include "emit.h"
#include "interest.h"

#define RESULT_LOWEST -4095
#define FMODE_READ 1
#define FMODE_WRITE 2
#define FMODE_CREATED (1 << 20)
#define O_ACCMODE 3
#define O_CREAT 0100
#define FD_HERE -100

char LICENSE[] SEC("license") = "Dual MIT/GPL";

static __always_inline bool is_wanted(struct task_struct *task, u32 kind)
{
	u32 which;
	struct interest *interest = active_interest(&which);
	return interest && task->tgid != own_process && of_kind(interest, kind) & of_place(interest, task);
}

/* ---- exits of system calls ---- */

struct exit_context {
	u64 common;
	s32 number;
	u32 padding;
	s64 result;
};

static __always_inline struct file *file_of(struct task_struct *task, s32 descriptor)
{
	struct fdtable *table = task->files->fdt;
	struct file *file = NULL;
	if (descriptor < 0 || descriptor >= table->max_fds)
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), table->fd + descriptor);
	return file;
}

static __always_inline void fill_arguments(struct scratch *s, struct task_struct *task)
{
	struct pt_regs *registers = (struct pt_regs *)bpf_task_pt_regs(task);
	u64 arguments[6] = ARGUMENTS(registers);
	__builtin_memcpy(s->header.arguments, arguments, sizeof(arguments));
}

static __always_inline u64 argument(struct scratch *s, u8 index)
{
	return s->header.arguments[index < 6 ? index : 0];
}

/* Appends what the caller named, and the directory that a relative name starts from. */
static __always_inline void append_named(struct scratch *s, struct task_struct *task, u8 directory, u8 name,
					 bool moves)
{
	u64 address = argument(s, name);
	char first = 0;
	bpf_probe_read_user(&first, 1, (void *)address);
	if (first != '/' || moves) {
		s32 descriptor = directory == HERE ? FD_HERE : (s32)argument(s, directory);
		struct file *file = descriptor == FD_HERE ? NULL : file_of(task, descriptor);
		if (file) {
			struct location location = location_of(file);
			append_directory(location.dentry, location.mount_point, TAG_DIRECTORY);
		} else {
			struct fs_struct *fs = task->fs;
			append_directory(number(s, fs->pwd.dentry), number(s, fs->pwd.mnt), TAG_DIRECTORY);
		}
	}
	append_name(address);
}

static __always_inline u64 of_access(struct interest *interest, bool reads, bool writes, bool creates)
{
	return (reads ? interest->reads : 0) | (writes ? interest->writes : 0) | (creates ? interest->creates : 0);
}

/* Appends the file that an open has opened; false if no clause wants it. */
static __always_inline bool append_opened(struct scratch *s, struct interest *interest, u32 which, u64 clauses,
					  struct file *file)
{
	u32 mode = BPF_CORE_READ(file, f_mode);
	clauses &= of_access(interest, mode & FMODE_READ || !(mode & FMODE_WRITE), mode & FMODE_WRITE,
			     mode & FMODE_CREATED);
	if (!clauses)
		return false;
	bool is_any = clauses & interest->any_path, is_below = clauses & interest->has_prefixes;
	struct location location = location_of(file);
	if (!is_any && !is_below && !(clauses & of_leaf(location.dentry, which)))
		return false;
	u32 at = begin_file(s, location);
	if (!is_any && is_below && !(clauses & of_path(which)))
		return false;
	fill_facts((u64)file, at);
	end(s);
	return true;
}

struct message {
	u64 name;
	u32 name_length;
	u32 padding;
	u64 vector;
	u64 vector_length;
};

/* Appends address and first buffer of a struct msghdr. */
static __always_inline void append_message(struct interest *interest, u64 address, u64 length)
{
	struct message message = {};
	u64 buffer[2] = {};
	bpf_probe_read_user(&message, sizeof(message), (void *)address);
	append_memory(message.name, message.name_length, SOCKADDR_MAX, TAG_ADDRESS);
	if (!interest->data_length || !message.vector_length)
		return;
	bpf_probe_read_user(buffer, sizeof(buffer), (void *)message.vector);
	append_memory(buffer[0], length < buffer[1] ? length : buffer[1], interest->data_length, TAG_DATA);
}

static __always_inline void append_address(struct scratch *s, struct shape *shape)
{
	u64 address = argument(s, shape->address), length = argument(s, shape->address + 1);
	if (shape->flags & SHAPE_LENGTH_BEHIND_POINTER) {
		u64 pointer = length;
		length = 0;
		bpf_probe_read_user(&length, 4, (void *)pointer);
	}
	append_memory(address, (u32)length, SOCKADDR_MAX, TAG_ADDRESS);
}

/* What a struct open_how says, in the places of the arguments that openat has for it. */
static __always_inline void read_how(struct scratch *s, u64 address, u64 length)
{
	u64 how[3] = {};
	if (length >= sizeof(how))
		bpf_probe_read_user(how, sizeof(how), (void *)address);
	s->header.arguments[2] = how[0];
	s->header.arguments[3] = how[1];
	s->header.arguments[4] = how[2];
}

SEC("tracepoint/syscalls")
int syscall_exit(struct exit_context *ctx)
{
	u32 which, row = bpf_get_attach_cookie(ctx);
	struct task_struct *task = bpf_get_current_task_btf();
	struct shape *shape = bpf_map_lookup_elem(&shapes, &row);
	struct interest *interest = active_interest(&which);
	if (!shape || !interest || task->tgid == own_process)
		return 0;
	s64 result = ctx->result;
	bool failed = result < 0 && result >= RESULT_LOWEST;
	if (!failed && shape->flags & SHAPE_ONLY_FAILED)
		return 0;
	u64 clauses = of_kind(interest, shape->kind) & (failed ? interest->failed : interest->succeeded);
	if (!clauses)
		return 0;
	clauses &= of_place(interest, task);
	if (!clauses)
		return 0;

	struct scratch *s = fresh();
	if (!s)
		return 0;
	if (shape->name != NONE && clauses & ~interest->plain_names) {
		fill_arguments(s, task);
		clauses &= of_naming(argument(s, shape->name), which);
		if (!clauses)
			return 0;
	}
	if (shape->flags & SHAPE_OPENS) {
		struct file *file = failed ? NULL : file_of(task, result);
		if (file && !append_opened(s, interest, which, clauses, file))
			return 0;
	}
	s->header.result = result;
	fill_arguments(s, task);
	if (shape->flags & SHAPE_HOW)
		read_how(s, argument(s, 2), argument(s, 3));

	if (!(shape->flags & SHAPE_OPENS) && shape->descriptor != NONE) {
		s32 descriptor = shape->descriptor == RESULT ? (s32)result : (s32)argument(s, shape->descriptor);
		struct file *file = file_of(task, descriptor);
		u64 sock = file ? socket_of(file) : 0;
		if (sock) {
			if (!(clauses & of_family(interest, BPF_CORE_READ((struct sock *)sock, __sk_common.skc_family))))
				return 0;
			append_socket(sock);
		} else if (file) {
			append_file((u64)file);
		}
	}
	if (shape->name != NONE)
		append_named(s, task, shape->directory, shape->name, shape->flags & SHAPE_MOVES);
	if (shape->second_name != NONE)
		append_named(s, task, shape->second_directory, shape->second_name, false);
	if (shape->address != NONE)
		append_address(s, shape);
	if (shape->data != NONE) {
		/* What was sent or received; of a refused sending, what was to be sent. */
		u64 length = failed ? argument(s, shape->data + 1) : result;
		if (shape->flags & SHAPE_MESSAGE)
			append_message(interest, argument(s, shape->data), failed ? 0 : length);
		else if (interest->data_length)
			append_memory(argument(s, shape->data), length, interest->data_length, TAG_DATA);
	}
	emit(shape->kind);
	return 0;
}

/* ---- processes ---- */

SEC("tp_btf/sched_process_exec")
int process_exec(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	struct linux_binprm *program = (void *)ctx[2];
	u32 which;
	struct interest *interest = active_interest(&which);
	if (!is_wanted(task, KIND_EXEC) || !interest)
		return 0;
	struct scratch *s = fresh();
	if (!s)
		return 0;
	append_file(number(s, program->file));
	append_kernel_name(number(s, program->filename), TAG_INTERPRETED);
	struct mm_struct *memory = task->mm;
	append_memory(memory->arg_start, memory->arg_end - memory->arg_start, ARGV_MAX, TAG_ARGV);
	struct fs_struct *fs = task->fs;
	append_directory(number(s, fs->pwd.dentry), number(s, fs->pwd.mnt), TAG_WORKING_DIRECTORY);
	append_cgroup(number(s, cgroup_of(task)->kn));
	if (interest->with_environment)
		append_memory(memory->env_start, memory->env_end - memory->env_start, ENV_MAX, TAG_ENV);
	emit(KIND_EXEC);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int process_fork(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0], *child = (void *)ctx[1];
	if (child->pid != child->tgid || !is_wanted(task, KIND_FORK))
		return 0;
	struct scratch *s = fresh();
	if (!s || !begin(s, TAG_CHILD))
		return 0;
	u32 at = s->used;
	if (at > DATA_LIMIT)
		return 0;
	struct child_facts *facts = (struct child_facts *)&s->data[at];
	facts->start_boot_ns = child->start_boottime;
	facts->thread = child->pid;
	facts->process = child->tgid;
	facts->process_inside = inside(s, child->thread_pid);
	facts->pid_namespace = namespace_of(s, child->thread_pid);
	struct nsproxy *namespaces = child->nsproxy;
	facts->mount_namespace = namespaces->mnt_ns->ns.inum;
	facts->network_namespace = namespaces->net_ns->ns.inum;
	facts->user_namespace = child->cred->user_ns->ns.inum;
	facts->reserved = 0;
	s->used = at + sizeof(*facts);
	end(s);
	append_cgroup(number(s, cgroup_of(child)->kn));
	emit(KIND_FORK);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int process_exit(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	struct signal_struct *signal = task->signal;
	/* A process is gone with its last thread. */
	if (signal->live.counter > 0 || !is_wanted(task, KIND_EXIT))
		return 0;
	struct scratch *s = fresh();
	if (!s)
		return 0;
	int code = signal->group_exit_code;
	s->header.result = code ? code : task->exit_code;
	emit(KIND_EXIT);
	return 0;
}

/* ---- cgroups: a container is known before its first process runs ---- */

static __always_inline int on_cgroup(u64 *ctx, u32 kind)
{
	struct cgroup *cgroup = (void *)ctx[0];
	if (!is_looked_at(cgroup) || !is_wanted(bpf_get_current_task_btf(), kind))
		return 0;
	struct scratch *s = fresh();
	if (!s)
		return 0;
	s->header.arguments[0] = id_of(cgroup);
	append_cgroup(number(s, cgroup->kn));
	emit(kind);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int cgroup_made(u64 *ctx)
{
	return on_cgroup(ctx, KIND_CGROUP_MADE);
}

SEC("tp_btf/cgroup_rmdir")
int cgroup_removed(u64 *ctx)
{
	return on_cgroup(ctx, KIND_CGROUP_REMOVED);
}

/* ---- io_uring: what no system call shows ---- */

SEC("tp_btf/io_uring_submit_req")
int io_uring_submitted(u64 *ctx)
{
	struct io_kiocb *request = (void *)ctx[0];
	if (!is_wanted(bpf_get_current_task_btf(), KIND_IO_URING))
		return 0;
	struct scratch *s = fresh();
	if (!s)
		return 0;
	s->header.arguments[0] = request->opcode;
	struct file *file = request->file;
	if (file) {
		u64 sock = socket_of(file);
		if (sock)
			append_socket(sock);
		else
			append_file(number(s, file));
	}
	emit(KIND_IO_URING);
	return 0;
}
