// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// Denies what a rule says: executions before the first instruction of the new program, connections before the
// first packet. Tells of each denial in a ring of its own.

#include "deny.h"

#define SIGKILL 9
#define EPERM 1
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_ICMPV6 58
#define STEPS_MAX 64
#define GO_ON 1 /* for programs of cgroups; 0 refuses */
#define REFUSE 0
/* Where the flags of a record say which rule it was: its number + 1. */
#define RULE_SHIFT 16
#define ARGUMENTS_MAX 24
#define ARGUMENT_MAX 512

char LICENSE[] SEC("license") = "Dual MIT/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * HOOKS);
	__type(key, u32);
	__type(value, struct decision);
} decisions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} active SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u64);
	__type(value, struct place_of_container);
} places SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct text_key);
	__type(value, struct of_text);
} texts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 32768);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct network_key);
	__type(value, u64);
} networks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4 * 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct port_key);
	__type(value, u64);
} ports SEC(".maps");

/* Not per CPU: on a kernel that preempts, another task may be judged on this CPU in between. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WALKS);
	__type(key, u32);
	__type(value, struct walk);
} walks SEC(".maps");

/* The buffer for records is of the CPU: whoever is told of in between is only counted. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} telling SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, u32);
	__type(value, u64);
} counters SEC(".maps");

static __always_inline void count(u32 what)
{
	u64 *counter = bpf_map_lookup_elem(&counters, &what);
	if (counter)
		__sync_fetch_and_add(counter, 1);
}

/* The kinds of the system calls by which a connection and a sending are told. Set by the loader. */
const volatile u32 connect_kind = 0;
const volatile u32 sending_kind = 0;

/* ---- what holds ---- */

/* Everything that is known of what is judged. */
struct facts {
	u64 hold;
	u64 of_host, of_container; /* hold as well, the ones or the others: `may_be_host` */
	u64 unknown;      /* of a new container: what may hold goes on, and is counted */
	u64 untraceable;  /* of a path nobody can follow: what may hold is denied */
	u32 hook;
	u32 which;
	bool is_host;
	bool may_be_host; /* and may be in a container that found no room */
	bool is_spared;
	bool may_be_spared;
};

static __always_inline struct decision *decision_of(struct facts *facts, u32 hook)
{
	u32 *which = only(&active);
	if (!which)
		return NULL;
	facts->which = *which & 1;
	facts->hook = hook;
	u32 key = facts->which * HOOKS + hook;
	struct decision *decision = bpf_map_lookup_elem(&decisions, &key);
	return decision && decision->count ? decision : NULL;
}

/* The first process of the host, Seawall and what it starts. */
static __always_inline bool is_exempt(struct task_struct *task)
{
	return task->tgid == 1 || task->tgid == own_process || task->real_parent->tgid == own_process;
}

/* Whether paths mean what the host's administrator has put there: the mount namespace was made with his rights (the
 * host's own, and that of a service), not by a user who may mount in a user namespace of his own. */
#define FIRST_USER_NAMESPACE 0xEFFFFFFDU /* PROC_USER_INIT_INO */
static __always_inline bool has_mounts_of_host(struct task_struct *task)
{
	return BPF_CORE_READ(task, nsproxy, mnt_ns, user_ns, ns.inum) == FIRST_USER_NAMESPACE;
}

/* Where containers found no room, what is not known and has other mounts than the host may be in one. */
static __always_inline bool may_be_forgotten(struct task_struct *task)
{
	u32 what = COUNT_PLACES;
	u64 *forgotten = bpf_map_lookup_elem(&counters, &what);
	return forgotten && *forgotten && BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum) != host_mount_namespace;
}

static __always_inline void add_place(struct facts *facts, struct decision *decision, struct task_struct *task)
{
	u64 cgroup = id_of(cgroup_of(task));
	struct place_of_container *place = bpf_map_lookup_elem(&places, &cgroup);
	if (!place) {
		if (may_be_forgotten(task)) {
			facts->may_be_host = true;
			facts->of_host = decision->of_host;
			facts->of_container = decision->of_container;
			facts->unknown |= decision->of_known;
			return;
		}
		facts->hold |= decision->of_host;
		facts->is_host = has_mounts_of_host(task);
		return;
	}
	if (place->state == PLACE_PROTECTED) {
		facts->is_spared = true;
	} else if (place->state == PLACE_KNOWN) {
		u32 which = facts->which & 1, hook = facts->hook;
		if (hook < HOOKS)
			facts->hold |= place->atoms[which][hook];
	} else {
		facts->hold |= decision->of_container;
		facts->unknown |= decision->of_known;
		facts->may_be_spared = decision->flags & NEW_ARE_SPARED;
	}
}

/* The number + 1 of the rule that denies, or 0. */
static __always_inline u32 judged(struct facts *facts, struct decision *decision)
{
	u64 hold = facts->hold | facts->of_container, unknown = facts->unknown, untraceable = facts->untraceable;
	u64 as_host = facts->hold | facts->of_host;
	u32 clauses = decision->count;
	bool is_undecided = false;
	if (facts->is_spared)
		return 0;
	for (u32 at = 0; at < CLAUSES_MAX; at++) {
		if (at >= clauses)
			break;
		struct clause *clause = &decision->clauses[at];
		if (facts->may_be_host && !(clause->must & ~(as_host | untraceable)) && !(clause->must_not & as_host))
			return clause->rule + 1;
		u64 missing = clause->must & ~(hold | untraceable);
		if (clause->must_not & hold || missing & ~unknown)
			continue;
		if (!missing && !(clause->must_not & unknown) && !facts->may_be_spared)
			return clause->rule + 1;
		is_undecided = true;
	}
	if (is_undecided)
		count(COUNT_UNDECIDED);
	return 0;
}

/* ---- paths ---- */

static __always_inline struct walk *take_walk(u32 *taken)
{
	u32 first = bpf_get_smp_processor_id();
	for (u32 attempt = 0; attempt < 8; attempt++) {
		*taken = (first + attempt * 8) & (WALKS - 1);
		struct walk *walk = bpf_map_lookup_elem(&walks, taken);
		if (walk && !__sync_val_compare_and_swap(&walk->is_taken, 0, 1))
			return walk;
	}
	return NULL;
}

/* Reads the path of a file from the beginning of the mount namespace that it is in: no `chroot` shortens it. */
__noinline int walk_path(u32 taken, u64 dentry, u64 mount_point)
{
	struct walk *walk = bpf_map_lookup_elem(&walks, &taken);
	if (!walk)
		return 0;
	walk->at = PATH_ROOM;
	walk->is_whole = 0;
	walk->is_elsewhere = 0;
	u64 mount_root = (u64)BPF_CORE_READ((struct vfsmount *)mount_point, mnt_root);
	for (u32 step = 0; step < STEPS_MAX; step++) {
		if (dentry == mount_root) {
			struct mount *mount = (void *)mount_point - bpf_core_field_offset(struct mount, mnt);
			struct mount *above = BPF_CORE_READ(mount, mnt_parent);
			if (above == mount || !above) {
				walk->is_whole = 1;
				break;
			}
			dentry = (u64)BPF_CORE_READ(mount, mnt_mountpoint);
			mount_point = (u64)above + bpf_core_field_offset(struct mount, mnt);
			mount_root = (u64)BPF_CORE_READ((struct vfsmount *)mount_point, mnt_root);
			continue;
		}
		struct dentry *of = (struct dentry *)dentry;
		u64 parent = (u64)BPF_CORE_READ(of, d_parent);
		if (parent == dentry || !parent) {
			walk->is_elsewhere = 1;
			break;
		}
		u32 length = BPF_CORE_READ(of, d_name.len);
		u32 at = walk->at;
		if (length > 255 || at > PATH_ROOM || at < length + 1)
			break;
		at = (at - length - 1) & (PATH_ROOM - 1);
		u8 *to = &walk->path[at];
		to[0] = '/';
		bpf_probe_read_kernel(to + 1, length & 255, BPF_CORE_READ(of, d_name.name));
		walk->at = at;
		dentry = parent;
	}
	return 0;
}

static __always_inline void begin_key(struct walk *walk, u32 which)
{
	walk->key.bits = 8 * (2 + TEXT_MAX);
	walk->key.which = which;
	walk->key.reserved = 0;
}

static __always_inline struct of_text *path_of(struct walk *walk, u32 which)
{
	u32 at = walk->at;
	if (at > PATH_ROOM)
		return NULL;
	begin_key(walk, which);
	bpf_probe_read_kernel(walk->key.text, TEXT_MAX, &walk->path[at]);
	return bpf_map_lookup_elem(&texts, &walk->key);
}

static __always_inline u64 of_name(struct walk *walk, u32 which, u64 dentry)
{
	u32 length = BPF_CORE_READ((struct dentry *)dentry, d_name.len);
	if (length >= TEXT_MAX)
		length = TEXT_MAX;
	begin_key(walk, which);
	__builtin_memset(walk->key.text, 0, TEXT_MAX);
	bpf_probe_read_kernel(walk->key.text, length, BPF_CORE_READ((struct dentry *)dentry, d_name.name));
	struct of_text *text = bpf_map_lookup_elem(&texts, &walk->key);
	return text ? text->atoms : 0;
}

static __always_inline bool spares(struct facts *facts, struct of_text *text)
{
	return text && text->flags & TEXT_PROTECTED_ON_HOST && facts->is_host;
}

static __always_inline bool is_memfd(u64 dentry)
{
	char name[6] = {};
	bpf_probe_read_kernel(name, sizeof(name), BPF_CORE_READ((struct dentry *)dentry, d_name.name));
	return name[0] == 'm' && name[1] == 'e' && name[2] == 'm' && name[3] == 'f' && name[4] == 'd' && name[5] == ':';
}

static __always_inline void add_file(struct facts *facts, struct decision *decision, u64 address)
{
	struct file *file = (struct file *)address;
	struct location location = location_of(file);
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	if (BPF_CORE_READ(inode, i_sb, s_magic) == OVERLAYFS_MAGIC)
		facts->hold |= decision->properties[is_upper(inode) ? IS_UPPER : IS_LOWER];
	u32 taken;
	struct walk *walk = take_walk(&taken);
	if (!walk) {
		facts->untraceable |= decision->of_paths;
		return;
	}
	walk_path(taken, location.dentry, location.mount_point);
	if (walk->is_whole) {
		struct of_text *text = path_of(walk, facts->which);
		facts->hold |= text ? text->atoms : 0;
		facts->is_spared |= spares(facts, text);
	} else if (!walk->is_elsewhere) {
		facts->untraceable |= decision->of_paths;
	} else if (is_memfd(location.dentry)) {
		facts->hold |= decision->properties[IS_MEMFD];
	}
	facts->hold |= of_name(walk, facts->which, location.dentry);
	facts->untraceable &= ~facts->hold;
	__sync_lock_test_and_set(&walk->is_taken, 0);
}

/* ---- telling ---- */

static __always_inline struct scratch *begin_telling(u32 rule)
{
	u32 *is_telling = only(&telling);
	if (!is_telling || __sync_val_compare_and_swap(is_telling, 0, 1)) {
		count(COUNT_UNTOLD);
		return NULL;
	}
	struct scratch *s = only(&scratches);
	if (!s)
		return NULL;
	s->used = 0;
	s->path_flags = 0;
	s->header.result = -EPERM;
	s->header.flags = rule << RULE_SHIFT;
	__builtin_memset(s->header.arguments, 0, sizeof(s->header.arguments));
	return s;
}

static __always_inline void end_telling(u32 kind)
{
	emit(kind);
	/* Denials are rare, and each is waited for. */
	void *nothing = bpf_ringbuf_reserve(&records, 8, 0);
	if (nothing)
		bpf_ringbuf_discard(nothing, BPF_RB_FORCE_WAKEUP);
	u32 *is_telling = only(&telling);
	if (is_telling)
		__sync_lock_test_and_set(is_telling, 0);
}

static __always_inline void append_execution(struct scratch *s, struct task_struct *task, u64 file, u64 name)
{
	append_file(file);
	append_kernel_name(name, TAG_INTERPRETED);
	struct fs_struct *fs = task->fs;
	append_directory(number(s, fs->pwd.dentry), number(s, fs->pwd.mnt), TAG_WORKING_DIRECTORY);
	append_cgroup(number(s, cgroup_of(task)->kn));
}

/* ---- executions ---- */

static __always_inline u32 judge_execution(struct task_struct *task, u64 file)
{
	struct facts facts = {};
	struct decision *decision = decision_of(&facts, HOOK_EXECUTION);
	if (!decision || is_exempt(task))
		return 0;
	add_place(&facts, decision, task);
	add_file(&facts, decision, file);
	return judged(&facts, decision);
}

SEC("tp_btf/sched_process_exec")
int kill_execution(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	struct linux_binprm *program = (void *)ctx[2];
	struct scratch *s = only(&scratches);
	u32 rule = s ? judge_execution(task, number(s, program->file)) : 0;
	if (!rule)
		return 0;
	if (bpf_send_signal(SIGKILL)) {
		count(COUNT_UNDECIDED);
		return 0;
	}
	s = begin_telling(rule);
	if (!s)
		return 0;
	struct mm_struct *memory = task->mm;
	append_execution(s, task, number(s, program->file), number(s, program->filename));
	append_memory(memory->arg_start, memory->arg_end - memory->arg_start, ARGV_MAX, TAG_ARGV);
	end_telling(KIND_EXEC);
	return 0;
}

/* The arguments as the caller has them: they are told, and nothing is decided by them. */
static __always_inline void append_passed_arguments(struct scratch *s, struct task_struct *task)
{
	struct pt_regs *registers = (struct pt_regs *)bpf_task_pt_regs(task);
	u64 arguments[6] = ARGUMENTS(registers);
	/* execve has them second, execveat third; the other is a small number or the environment. */
	bool is_at = registers->CALL_NUMBER == EXECVEAT;
	u64 vector = arguments[is_at ? 2 : 1];
	if (!begin(s, TAG_ARGV))
		return;
	for (u32 index = 0; index < ARGUMENTS_MAX; index++) {
		u64 argument = 0;
		u32 at = s->used;
		if (bpf_probe_read_user(&argument, sizeof(argument), (void *)(vector + 8 * index)) || !argument ||
		    at > DATA_LIMIT)
			break;
		s64 length = bpf_probe_read_user_str(&s->data[at], ARGUMENT_MAX, (void *)argument);
		if (length <= 0 || length > ARGUMENT_MAX)
			break;
		s->used = at + length;
	}
	end(s);
}

/* Once for each execution, with the file that will run (of a script: its interpreter), while it can still fail:
 * `bprm_check_security` is asked of the script as well, which is not what rules call the executable. */
SEC("lsm/bprm_creds_from_file")
int refuse_execution(u64 *ctx)
{
	struct linux_binprm *program = (void *)ctx[0];
	int before = (int)ctx[2];
	if (before)
		return before;
	struct task_struct *task = bpf_get_current_task_btf();
	u64 file = 0, name = 0;
	bpf_core_read(&file, sizeof(file), &program->file);
	bpf_core_read(&name, sizeof(name), &program->filename);
	u32 rule = judge_execution(task, file);
	if (!rule)
		return 0;
	struct scratch *s = begin_telling(rule);
	if (s) {
		append_execution(s, task, file, name);
		append_passed_arguments(s, task);
		end_telling(KIND_EXEC);
	}
	return -EPERM;
}

/* ---- connections ---- */

/* Where it goes; IPv4 that comes as IPv6 is IPv4. */
struct remote {
	u8 address[16];
	u16 port; /* host order */
	bool is_ipv6;
	bool may_be_another; /* of this machine: that of a device */
	u8 type;
	u16 protocol;
};

static __always_inline void canonical(struct remote *remote)
{
	u32 *words = (u32 *)remote->address;
	if (remote->is_ipv6 && !words[0] && !words[1] && words[2] == __builtin_bswap32(0xffff)) {
		words[0] = words[3];
		words[1] = words[2] = words[3] = 0;
		remote->is_ipv6 = false;
	}
}

static __always_inline bool is_nothing(struct remote *remote)
{
	u32 *words = (u32 *)remote->address;
	return !words[0] && !words[1] && !words[2] && !words[3];
}

static __always_inline u64 of_protocol(struct decision *decision, u32 type, u32 protocol)
{
	if (protocol == IPPROTO_TCP)
		return decision->properties[IS_TCP];
	if (protocol == IPPROTO_UDP)
		return decision->properties[IS_UDP];
	if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6)
		return decision->properties[IS_ICMP];
	if (type == SOCK_STREAM)
		return decision->properties[IS_TCP];
	if (type == SOCK_DGRAM)
		return decision->properties[IS_UDP];
	return type == SOCK_RAW ? decision->properties[IS_RAW] : 0;
}

static __always_inline void spare_program(struct facts *facts, struct task_struct *task)
{
	struct file *program = BPF_CORE_READ(task, mm, exe_file);
	u32 taken;
	struct walk *walk = program ? take_walk(&taken) : NULL;
	if (!walk)
		return;
	struct location location = location_of(program);
	walk_path(taken, location.dentry, location.mount_point);
	if (walk->is_whole)
		facts->is_spared |= spares(facts, path_of(walk, facts->which));
	__sync_lock_test_and_set(&walk->is_taken, 0);
}

/* What is connected to or sent to, but for its address. */
union connection {
	struct {
		u8 hook;
		bool is_ipv6;
		u16 port;
		u8 type;
		bool may_be_another;
		u16 protocol;
	};
	u64 word;
};

/* Checked by the verifier by itself: up to five addresses are judged. */
__noinline int judge_address(u64 first, u64 second, u64 word)
{
	union connection connection = { .word = word };
	u32 hook = connection.hook;
	struct task_struct *task = bpf_get_current_task_btf();
	struct facts facts = {};
	struct decision *decision = decision_of(&facts, hook);
	if (!decision || is_exempt(task))
		return 0;
	add_place(&facts, decision, task);
	facts.hold |= decision->properties[connection.is_ipv6 ? IS_IPV6 : IS_IPV4];
	facts.hold |= of_protocol(decision, connection.type, connection.protocol);
	struct network_key network = {
		.bits = 8 * (4 + 16),
		.which = facts.which,
		.hook = hook,
		.family = connection.is_ipv6 ? 6 : 4,
	};
	__builtin_memcpy(network.address, &first, sizeof(first));
	__builtin_memcpy(network.address + 8, &second, sizeof(second));
	u64 *atoms = NULL;
	if (connection.may_be_another)
		facts.untraceable = decision->of_paths;
	else
		atoms = bpf_map_lookup_elem(&networks, &network);
	facts.hold |= atoms ? *atoms : 0;
	struct port_key port = { .port = connection.port, .which = facts.which, .hook = hook };
	atoms = bpf_map_lookup_elem(&ports, &port);
	facts.hold |= atoms ? *atoms : 0;
	if (decision->flags & PROGRAMS_ARE_PROTECTED)
		spare_program(&facts, task);
	return judged(&facts, decision);
}

static __always_inline u32 judge_remote(u32 hook, struct remote *remote)
{
	union connection connection = {};
	connection.hook = hook;
	connection.is_ipv6 = remote->is_ipv6;
	connection.may_be_another = remote->may_be_another;
	connection.port = remote->port;
	connection.type = remote->type;
	connection.protocol = remote->protocol;
	u64 halves[2];
	__builtin_memcpy(halves, remote->address, sizeof(halves));
	return judge_address(halves[0], halves[1], connection.word);
}

/* The address that is chosen where none is said: of the socket, or of the one datagram. */
static __always_inline u32 judge_own(u32 hook, struct remote *own)
{
	canonical(own);
	return is_nothing(own) ? 0 : judge_remote(hook, own);
}

/* `0.0.0.0` and `::` are this machine: the address that the socket has itself, else loopback, and which family's
 * depends on that too. Denied if any of them would be. Of a socket that is bound to a device (a datagram may be by
 * itself) it is the device's address, which nobody here knows: what may hold is denied. */
static __always_inline u32 judge_this_machine(struct bpf_sock_addr *ctx, struct bpf_sock *sock, u32 hook,
					     struct remote *said, bool is_ipv6)
{
	struct remote own = { .port = said->port, .type = said->type, .protocol = said->protocol };
	u32 *words = (u32 *)own.address;
	words[0] = __builtin_bswap32(0x7f000001);
	own.may_be_another = hook == HOOK_SENDING || (sock && sock->bound_dev_if);
	u32 rule = judge_remote(hook, &own);
	own.may_be_another = false;
	if (rule)
		return rule;
	if (is_ipv6) {
		words[0] = 0;
		words[3] = __builtin_bswap32(1);
		own.is_ipv6 = true;
		rule = judge_remote(hook, &own);
		words[3] = 0;
		if (rule)
			return rule;
		if (hook == HOOK_SENDING) {
			words[0] = ctx->msg_src_ip6[0];
			words[1] = ctx->msg_src_ip6[1];
			words[2] = ctx->msg_src_ip6[2];
			words[3] = ctx->msg_src_ip6[3];
			rule = judge_own(hook, &own);
			if (rule)
				return rule;
		}
	} else if (hook == HOOK_SENDING) {
		words[0] = ctx->msg_src_ip4;
		rule = judge_own(hook, &own);
		if (rule)
			return rule;
	}
	struct scratch *s = only(&scratches);
	if (!sock || !s)
		return 0;
	struct inet_sock *inet = (struct inet_sock *)number(s, sock);
	struct remote bound = { .port = said->port, .type = said->type, .protocol = said->protocol };
	*(u32 *)bound.address = BPF_CORE_READ(inet, inet_saddr);
	rule = judge_own(hook, &bound);
	if (rule || !is_ipv6)
		return rule;
	bound.is_ipv6 = true;
	BPF_CORE_READ_INTO(&bound.address, (struct sock *)inet, __sk_common.skc_v6_rcv_saddr);
	return judge_own(hook, &bound);
}

/* Appends the address as the caller passed it, in the form of a sockaddr. */
static __always_inline void append_remote(struct scratch *s, struct remote *passed)
{
	if (!begin(s, TAG_ADDRESS))
		return;
	u32 at = s->used;
	if (at > DATA_LIMIT)
		return;
	u16 port = __builtin_bswap16(passed->port);
	__builtin_memset(&s->data[at], 0, 28);
	*(u16 *)&s->data[at] = passed->is_ipv6 ? AF_INET6 : AF_INET;
	*(u16 *)&s->data[at + 2] = port;
	if (passed->is_ipv6)
		__builtin_memcpy(&s->data[at + 8], passed->address, 16);
	else
		__builtin_memcpy(&s->data[at + 4], passed->address, 4);
	s->used = at + 28;
	end(s);
}

static __always_inline int on_connection(struct bpf_sock_addr *ctx, u32 hook, bool is_ipv6)
{
	/* Each is read once: the verifier lets nobody compute with the address of what he is given. */
	struct remote remote = {
		.is_ipv6 = is_ipv6,
		.port = __builtin_bswap16(ctx->user_port),
		.type = ctx->type,
		.protocol = ctx->protocol,
	};
	struct bpf_sock *sock = ctx->sk;
	u32 *words = (u32 *)remote.address;
	if (is_ipv6) {
		words[0] = ctx->user_ip6[0];
		words[1] = ctx->user_ip6[1];
		words[2] = ctx->user_ip6[2];
		words[3] = ctx->user_ip6[3];
	} else {
		words[0] = ctx->user_ip4;
	}
	struct remote passed = remote;
	canonical(&remote);
	u32 rule = is_nothing(&remote) ? judge_this_machine(ctx, sock, hook, &remote, is_ipv6) :
					 judge_remote(hook, &remote);
	if (!rule)
		return GO_ON;
	struct scratch *s = begin_telling(rule);
	if (s) {
		if (sock)
			append_socket(number(s, sock));
		append_remote(s, &passed);
		append_cgroup(number(s, cgroup_of(bpf_get_current_task_btf())->kn));
		s->header.arguments[5] = hook;
		end_telling(hook == HOOK_CONNECTION ? connect_kind : sending_kind);
	}
	return REFUSE;
}

SEC("cgroup/connect4")
int refuse_connect4(struct bpf_sock_addr *ctx)
{
	return on_connection(ctx, HOOK_CONNECTION, false);
}

SEC("cgroup/connect6")
int refuse_connect6(struct bpf_sock_addr *ctx)
{
	return on_connection(ctx, HOOK_CONNECTION, true);
}

SEC("cgroup/sendmsg4")
int refuse_sendmsg4(struct bpf_sock_addr *ctx)
{
	return on_connection(ctx, HOOK_SENDING, false);
}

SEC("cgroup/sendmsg6")
int refuse_sendmsg6(struct bpf_sock_addr *ctx)
{
	return on_connection(ctx, HOOK_SENDING, true);
}

/* ---- containers: known to be one before the first program runs ---- */

static __always_inline bool is_digit(u8 byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
}

/* The name of a cgroup has at most 255 bytes. */
static __always_inline u8 byte_at(struct walk *walk, u32 index)
{
	return walk->path[index & 255];
}

#define ID_DIGITS 64
#define SCOPE_LENGTH 6 /* ".scope" */

/* Whether a cgroup is called after a container, as `cgroup.rs` of the agent reads it: 64 digits at the end, with
 * nothing, `PREFIX-` or `PREFIX:` before, and not what watches a container. */
__noinline int is_named_after_container(u32 taken)
{
	struct walk *walk = bpf_map_lookup_elem(&walks, &taken);
	if (!walk)
		return 0;
	u32 length = walk->at;
	if (length > 255 || length < ID_DIGITS)
		return 0;
	/* No name of a container has a dot but that of its scope. */
	if (length >= ID_DIGITS + SCOPE_LENGTH && byte_at(walk, length - SCOPE_LENGTH) == '.')
		length -= SCOPE_LENGTH;
	u32 first = length - ID_DIGITS;
	for (u32 digit = 0; digit < ID_DIGITS; digit++)
		if (!is_digit(byte_at(walk, first + digit)))
			return 0;
	if (!first)
		return 1;
	u8 before = byte_at(walk, first - 1);
	if (before != '-' && before != ':')
		return 0;
	return !(first >= 7 && byte_at(walk, first - 7) == 'c' && byte_at(walk, first - 6) == 'o' &&
		 byte_at(walk, first - 5) == 'n' && byte_at(walk, first - 4) == 'm' &&
		 byte_at(walk, first - 3) == 'o' && byte_at(walk, first - 2) == 'n');
}

/* Whether a cgroup is in the slice of a user of the host (`user.slice`, `user-1000.slice`, `user@1000.service`), who
 * makes and names what he likes there. */
__noinline int is_of_user(u64 node)
{
	for (u32 level = 0; level < 32; level++) {
		struct kernfs_node *parent = above((struct kernfs_node *)node);
		if (!parent)
			return 0;
		char name[8] = {};
		bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ((struct kernfs_node *)node, name));
		if (name[0] == 'u' && name[1] == 's' && name[2] == 'e' && name[3] == 'r' &&
		    (name[4] == '@' || name[4] == '-' || name[4] == '.'))
			return 1;
		node = (u64)parent;
	}
	return 1;
}

SEC("tp_btf/cgroup_mkdir")
int place_made(u64 *ctx)
{
	struct cgroup *cgroup = (void *)ctx[0];
	if (!is_looked_at(cgroup))
		return 0;
	u64 legacy = cgroup->root->hierarchy_id ? CGROUP_LEGACY : 0;
	u64 id = id_of(cgroup), parent_id = BPF_CORE_READ(above(cgroup->kn), id) | legacy;
	struct place_of_container *parent = bpf_map_lookup_elem(&places, &parent_id);
	struct place_of_container place = {};
	if (parent) {
		place = *parent;
	} else {
		u32 taken;
		struct walk *walk = take_walk(&taken);
		if (!walk)
			return 0;
		s64 length = bpf_probe_read_kernel_str(walk->path, 256, BPF_CORE_READ(cgroup, kn, name));
		walk->at = length > 0 && length <= 256 ? length - 1 : 0;
		bool is_container = is_named_after_container(taken);
		__sync_lock_test_and_set(&walk->is_taken, 0);
		/* What an engine of a user has made is told by who reads the engine's state. */
		if (!is_container || is_of_user((u64)BPF_CORE_READ(cgroup, kn)))
			return 0;
	}
	if (bpf_map_update_elem(&places, &id, &place, BPF_NOEXIST) == -7 /* E2BIG */)
		count(COUNT_PLACES);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int place_removed(u64 *ctx)
{
	struct cgroup *cgroup = (void *)ctx[0];
	u64 id = id_of(cgroup);
	if (is_looked_at(cgroup))
		bpf_map_delete_elem(&places, &id);
	return 0;
}
