/* SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
 *
 * Appends fields to the record in the scratch buffer. The functions are global so that the verifier looks at
 * each once, by itself; pointers pass between them as numbers and are only read with probe reads.
 */
#pragma once

#include "maps.h"

#define OVERLAYFS_MAGIC 0x794c7630
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define ARGV_MAX 16384
#define ENV_MAX 4096
#define SOCKADDR_MAX 128

static __always_inline bool begin(struct scratch *s, u16 tag)
{
	u32 at = s->used;
	if (at > DATA_LIMIT) {
		s->header.flags |= RECORD_TRUNCATED;
		return false;
	}
	struct field *field = (struct field *)&s->data[at];
	field->tag = tag;
	field->length = 0;
	s->field_at = at;
	s->used = at + sizeof(*field);
	return true;
}

static __always_inline void end(struct scratch *s)
{
	u32 at = s->field_at;
	if (at > DATA_LIMIT)
		return;
	struct field *field = (struct field *)&s->data[at];
	field->length = s->used - at - sizeof(*field);
}

static __always_inline u64 fold(u64 hash, u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return hash ^ (hash >> 32);
}

/* A name is hashed eight bytes at a time and five times at least, with zeroes behind its end: for a short name
 * there is no branch, of which the verifier would follow each. */
#define SHORT_NAME 40
#define SHORT_WORDS (SHORT_NAME / 8)

/* Keeps the first so many bytes of a word; the index is their number + 32. */
static const u64 kept[SHORT_NAME + 33] = {
	[33] = 0xff,
	[34] = 0xffff,
	[35] = 0xffffff,
	[36] = 0xffffffff,
	[37] = 0xffffffffff,
	[38] = 0xffffffffffff,
	[39] = 0xffffffffffffff,
	[40 ... 72] = ~0ULL,
};

/* The hash of `length` (at most 255) bytes at `at`; writes zeroes behind them. */
__noinline u64 hash_name(u32 at, u32 length)
{
	struct scratch *s = only(&scratches);
	u64 hash = length;
	if (!s || at > DATA_LIMIT || length > 255)
		return 0;
	__builtin_memset(&s->data[at + length], 0, SHORT_NAME + 8);
	for (u32 word = 0; word < 32; word++) {
		if (word >= SHORT_WORDS && word * 8 >= length)
			break;
		hash = fold(hash, *(u64 *)&s->data[at + word * 8]);
	}
	return hash;
}

/* What a dentry says of its place, in the kernel's own layout: a read costs more than what it reads, so that
 * one has to do. Behind the inode stand names that are short. */
struct place {
	u64 above;
	u32 hash;
	u32 length;
	u64 name;
	u64 inode;
	u64 short_name[SHORT_WORDS];
};

static __always_inline bool read_place(struct place *place, u64 dentry)
{
	u32 at = bpf_core_field_offset(struct dentry, d_parent);
	if (bpf_core_field_offset(struct dentry, d_name) == at + 8 &&
	    bpf_core_field_offset(struct dentry, d_inode) == at + 24 && bpf_core_field_offset(struct qstr, len) == 4)
		return !bpf_probe_read_kernel(place, sizeof(*place), (void *)dentry + at);
	struct dentry *of = (struct dentry *)dentry;
	place->above = (u64)BPF_CORE_READ(of, d_parent);
	place->length = BPF_CORE_READ(of, d_name.len);
	place->name = (u64)BPF_CORE_READ(of, d_name.name);
	return true;
}

/* Copies the name to the end of the data and hashes it; says whether there was room. */
static __always_inline bool copy_name(struct scratch *s, u64 dentry, struct place *place, u64 *hash)
{
	u32 at = s->used, length = place->length;
	if (at > DATA_LIMIT || length > 255)
		return false;
	if (place->name == dentry + bpf_core_field_offset(struct dentry, d_inode) + 8 && length <= SHORT_NAME) {
		u64 *to = (u64 *)&s->data[at], folded = length;
		for (u32 word = 0; word < SHORT_WORDS; word++) {
			to[word] = place->short_name[word] & kept[length + 32 - word * 8];
			folded = fold(folded, to[word]);
		}
		*hash = folded;
	} else {
		bpf_probe_read_kernel(&s->data[at], length, (void *)place->name);
		*hash = hash_name(at, length);
	}
	return true;
}

/* Appends the components of a path from the leaf to the root of the process, across mounts. */
__noinline int append_path(u64 dentry, u64 mount_point)
{
	struct scratch *s = only(&scratches);
	if (!s)
		return 0;
	struct task_struct *task = bpf_get_current_task_btf();
	struct fs_struct *fs = task->fs;
	u64 root = (u64)fs->root.dentry, root_mount = (u64)fs->root.mnt;
	u64 mount_root = (u64)BPF_CORE_READ((struct vfsmount *)mount_point, mnt_root);
	/* Position and depth stay in memory: in registers, the verifier would follow each of their values. */
	s->depth = 0;
	s->path_flags = FILE_PATH_CUT;

	for (u32 step = 0; step < COMPONENTS; step++) {
		if (dentry == root && mount_point == root_mount) {
			s->path_flags = 0;
			break;
		}
		if (dentry == mount_root) {
			struct mount *mount = (void *)mount_point - bpf_core_field_offset(struct mount, mnt);
			struct mount *above = BPF_CORE_READ(mount, mnt_parent);
			if (above == mount || !above) {
				s->path_flags = FILE_UNREACHABLE;
				break;
			}
			dentry = (u64)BPF_CORE_READ(mount, mnt_mountpoint);
			mount_point = (u64)above + bpf_core_field_offset(struct mount, mnt);
			mount_root = (u64)BPF_CORE_READ((struct vfsmount *)mount_point, mnt_root);
			continue;
		}
		struct place place;
		u64 hash;
		if (s->depth >= COMPONENTS || !read_place(&place, dentry) || !copy_name(s, dentry, &place, &hash))
			break;
		/* Read again and masked: older verifiers (6.1) forget the bound of what was on the stack meanwhile. */
		u32 depth = s->depth;
		s->hashes[depth & (COMPONENTS - 1)] = hash;
		u32 behind = s->used + place.length;
		if (behind > DATA_LIMIT + 255)
			break;
		s->depth = depth + 1;
		s->data[behind] = '/';
		s->used = behind + 1;
		if (place.above == dentry || !place.above) {
			s->path_flags = FILE_UNREACHABLE;
			break;
		}
		dentry = place.above;
	}
	return 0;
}

/* Appends the path of a directory under `tag`. */
__noinline int append_directory(u64 dentry, u64 mount_point, u32 tag)
{
	struct scratch *s = only(&scratches);
	if (!s || !dentry || !mount_point || !begin(s, tag))
		return 0;
	append_path(dentry, mount_point);
	if (s->path_flags & FILE_PATH_CUT)
		s->header.flags |= RECORD_TRUNCATED;
	end(s);
	return 0;
}

static __always_inline void read_times(struct inode *inode, struct file_facts *facts)
{
	if (bpf_core_field_exists(struct inode, i_ctime_sec)) {
		facts->changed_s = BPF_CORE_READ(inode, i_ctime_sec);
		/* The highest bit is a mark of the kernel's own (multigrain time stamps, 6.13). */
		facts->changed_ns = BPF_CORE_READ(inode, i_ctime_nsec) & 0x7fffffff;
		facts->modified_s = BPF_CORE_READ(inode, i_mtime_sec);
		facts->modified_ns = BPF_CORE_READ(inode, i_mtime_nsec);
	} else if (bpf_core_field_exists(struct inode___since_6_7, __i_mtime)) {
		struct inode___since_6_7 *same = (void *)inode;
		facts->changed_s = BPF_CORE_READ(same, __i_ctime.tv_sec);
		facts->changed_ns = BPF_CORE_READ(same, __i_ctime.tv_nsec);
		facts->modified_s = BPF_CORE_READ(same, __i_mtime.tv_sec);
		facts->modified_ns = BPF_CORE_READ(same, __i_mtime.tv_nsec);
	} else if (bpf_core_field_exists(struct inode___since_6_6, __i_ctime)) {
		struct inode___since_6_6 *same = (void *)inode;
		facts->changed_s = BPF_CORE_READ(same, __i_ctime.tv_sec);
		facts->changed_ns = BPF_CORE_READ(same, __i_ctime.tv_nsec);
		facts->modified_s = BPF_CORE_READ(same, i_mtime.tv_sec);
		facts->modified_ns = BPF_CORE_READ(same, i_mtime.tv_nsec);
	} else {
		struct inode___old *same = (void *)inode;
		facts->changed_s = BPF_CORE_READ(same, i_ctime.tv_sec);
		facts->changed_ns = BPF_CORE_READ(same, i_ctime.tv_nsec);
		facts->modified_s = BPF_CORE_READ(same, i_mtime.tv_sec);
		facts->modified_ns = BPF_CORE_READ(same, i_mtime.tv_nsec);
	}
}

/* Is the file of this overlayfs inode in the upper layer? `struct ovl_inode` has the inode and right behind
 * it the dentry of the upper layer, if there is one; overlayfs may be a module without BTF of its own. */
static __always_inline bool is_upper(struct inode *inode)
{
	struct dentry *upper = NULL;
	bpf_probe_read_kernel(&upper, sizeof(upper), (void *)inode + bpf_core_type_size(struct inode));
	return upper && BPF_CORE_READ(upper, d_inode, i_ino);
}

/* Fills the facts of `file` at `at`, where room was left for them. */
__noinline int fill_facts(u64 address, u32 at)
{
	struct scratch *s = only(&scratches);
	if (!s || at > DATA_LIMIT)
		return 0;
	struct file_facts *facts = (struct file_facts *)&s->data[at];
	struct file *file = (struct file *)address;
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	facts->inode = BPF_CORE_READ(inode, i_ino);
	facts->size = BPF_CORE_READ(inode, i_size);
	read_times(inode, facts);
	facts->device = BPF_CORE_READ(inode, i_sb, s_dev);
	facts->file_system = BPF_CORE_READ(inode, i_sb, s_magic);
	facts->mode = BPF_CORE_READ(inode, i_mode);
	facts->uid = BPF_CORE_READ(inode, i_uid.val);
	facts->gid = BPF_CORE_READ(inode, i_gid.val);
	facts->links = BPF_CORE_READ(inode, i_nlink);
	facts->open_flags = BPF_CORE_READ(file, f_flags);
	facts->open_mode = BPF_CORE_READ(file, f_mode);
	facts->reserved = 0;
	u32 flags = s->path_flags;
	if (facts->file_system == OVERLAYFS_MAGIC)
		flags |= FILE_OVERLAY | (is_upper(inode) ? FILE_UPPER : 0);
	if (!BPF_CORE_READ(file, f_path.dentry, d_hash.pprev))
		flags |= FILE_DELETED;
	facts->flags = flags;
	return 0;
}

/* `struct path`, read at once. */
struct location {
	u64 mount_point;
	u64 dentry;
};

static __always_inline struct location location_of(struct file *file)
{
	struct location location = {};
	bpf_probe_read_kernel(&location, sizeof(location), (void *)file + bpf_core_field_offset(struct file, f_path));
	return location;
}

/* Appends the path of `file` and leaves room for its facts in front: the path may be judged before. */
static __always_inline u32 begin_file(struct scratch *s, struct location location)
{
	if (!begin(s, TAG_FILE))
		return 0;
	u32 at = s->used;
	s->used = at + sizeof(struct file_facts);
	append_path(location.dentry, location.mount_point);
	return at;
}

__noinline int append_file(u64 file)
{
	struct scratch *s = only(&scratches);
	if (!s)
		return 0;
	u32 at = begin_file(s, location_of((struct file *)file));
	if (at) {
		fill_facts(file, at);
		end(s);
	}
	return 0;
}

static __always_inline u64 socket_of(struct file *file)
{
	u16 mode = BPF_CORE_READ(file, f_inode, i_mode);
	if ((mode & S_IFMT) != S_IFSOCK)
		return 0;
	struct socket *socket = BPF_CORE_READ(file, private_data);
	return (u64)BPF_CORE_READ(socket, sk);
}

/* Appends the name that a unix socket is bound to. */
static __always_inline void append_unix_name(struct scratch *s, struct unix_sock *sock)
{
	struct unix_address *address = BPF_CORE_READ(sock, addr);
	u32 at = s->used;
	if (!address || at > DATA_LIMIT)
		return;
	/* The length counts the family, two bytes. */
	u32 length = BPF_CORE_READ(address, len) - 2;
	if (length > SOCKADDR_MAX)
		return;
	void *name = (void *)address + bpf_core_field_offset(struct unix_address, len) + 4 + 2;
	if (!bpf_probe_read_kernel(&s->data[at], length, name))
		s->used = at + length;
}

__noinline int append_socket(u64 address)
{
	struct scratch *s = only(&scratches);
	struct sock *sock = (struct sock *)address;
	if (!s || !begin(s, TAG_SOCKET))
		return 0;
	u32 at = s->used;
	if (at > DATA_LIMIT)
		return 0;
	struct socket_facts *facts = (struct socket_facts *)&s->data[at];
	__builtin_memset(facts, 0, sizeof(*facts));
	s->used = at + sizeof(*facts);
	u16 family = BPF_CORE_READ(sock, __sk_common.skc_family);
	facts->family = family;
	facts->type = BPF_CORE_READ(sock, sk_type);
	facts->protocol = BPF_CORE_READ(sock, sk_protocol);
	facts->state = BPF_CORE_READ(sock, __sk_common.skc_state);
	if (family == AF_INET || family == AF_INET6) {
		facts->local_port = BPF_CORE_READ(sock, __sk_common.skc_num);
		facts->remote_port = __builtin_bswap16(BPF_CORE_READ(sock, __sk_common.skc_dport));
	}
	if (family == AF_INET) {
		*(u32 *)facts->local = BPF_CORE_READ(sock, __sk_common.skc_rcv_saddr);
		*(u32 *)facts->remote = BPF_CORE_READ(sock, __sk_common.skc_daddr);
	} else if (family == AF_INET6) {
		BPF_CORE_READ_INTO(&facts->local, sock, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&facts->remote, sock, __sk_common.skc_v6_daddr);
	} else if (family == AF_UNIX) {
		/* A connected socket by its peer's name, a listening one by its own. */
		struct unix_sock *own = (struct unix_sock *)sock;
		struct unix_sock *peer = (struct unix_sock *)BPF_CORE_READ(own, peer);
		append_unix_name(s, peer && BPF_CORE_READ(peer, addr) ? peer : own);
	}
	end(s);
	return 0;
}

/* Appends the string at a user's address. It is what the caller said, not what the kernel did. */
__noinline int append_name(u64 address)
{
	struct scratch *s = only(&scratches);
	if (!s || !address || !begin(s, TAG_NAME))
		return 0;
	u32 at = s->used;
	if (at > DATA_LIMIT)
		return 0;
	s64 length = bpf_probe_read_user_str(&s->data[at], CHUNK, (void *)address);
	if (length > 0 && length <= CHUNK)
		s->used = at + length - 1;
	end(s);
	return 0;
}

/* Appends a string of the kernel. */
__noinline int append_kernel_name(u64 address, u32 tag)
{
	struct scratch *s = only(&scratches);
	if (!s || !address || !begin(s, tag))
		return 0;
	u32 at = s->used;
	if (at > DATA_LIMIT)
		return 0;
	s64 length = bpf_probe_read_kernel_str(&s->data[at], CHUNK, (void *)address);
	if (length > 0 && length <= CHUNK)
		s->used = at + length - 1;
	end(s);
	return 0;
}

/* Appends up to `most` bytes of the user's memory. */
__noinline int append_memory(u64 address, u64 length, u32 most, u32 tag)
{
	struct scratch *s = only(&scratches);
	if (!s || !address || !length || !begin(s, tag))
		return 0;
	if (length > most) {
		length = most;
		/* Of data, the first bytes are all that was asked for. */
		s->header.flags |= tag == TAG_DATA ? 0 : RECORD_TRUNCATED;
	}
	for (u32 chunk = 0; chunk < ARGV_MAX / CHUNK; chunk++) {
		u32 at = s->used;
		u64 now = length > CHUNK ? CHUNK : length;
		if (!now)
			break;
		if (at > DATA_LIMIT) {
			s->header.flags |= RECORD_TRUNCATED;
			break;
		}
		if (bpf_probe_read_user(&s->data[at], now, (void *)address)) {
			s->header.flags |= RECORD_TRUNCATED;
			break;
		}
		s->used = at + now;
		address += now;
		length -= now;
	}
	end(s);
	return 0;
}

static __always_inline struct kernfs_node *above(struct kernfs_node *node)
{
	if (bpf_core_field_exists(struct kernfs_node, __parent))
		return BPF_CORE_READ(node, __parent);
	return BPF_CORE_READ((struct kernfs_node___old *)node, parent);
}

static __always_inline bool is_root(struct kernfs_node *node)
{
	if (bpf_core_field_exists(struct kernfs_node, __parent))
		return !node->__parent;
	return !((struct kernfs_node___old *)node)->parent;
}

/* The cgroup of a task: of the unified hierarchy, and where that one is not used, of the pids controller. */
static __always_inline struct cgroup *cgroup_of(struct task_struct *task)
{
	struct css_set *set = task->cgroups;
	struct cgroup *cgroup = set->dfl_cgrp;
	if (is_root(cgroup->kn) && bpf_core_enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id)) {
		u32 index = bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id);
		struct cgroup_subsys_state *state = set->subsys[index & 15];
		if (state && state->cgroup)
			return state->cgroup;
	}
	return cgroup;
}

/* Hierarchies count for themselves; the highest bit keeps the old one's numbers apart from the unified one's. */
static __always_inline u64 id_of(struct cgroup *cgroup)
{
	return cgroup->kn->id | (cgroup->root->hierarchy_id ? CGROUP_LEGACY : 0);
}

/* Whether `cgroup_of` can give it: the numbers of other hierarchies are other cgroups. */
static __always_inline bool is_looked_at(struct cgroup *cgroup)
{
	u32 pids = bpf_core_enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id)
			   ? 1 << bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id) : 0;
	return !cgroup->root->hierarchy_id || cgroup->root->subsys_mask & pids;
}

__noinline int append_cgroup(u64 node)
{
	struct scratch *s = only(&scratches);
	if (!s || !begin(s, TAG_CGROUP))
		return 0;
	for (u32 level = 0; level < 32; level++) {
		struct kernfs_node *parent = above((struct kernfs_node *)node);
		u32 at = s->used;
		if (!parent || at > DATA_LIMIT)
			break;
		s64 length = bpf_probe_read_kernel_str(&s->data[at], 256, BPF_CORE_READ((struct kernfs_node *)node, name));
		if (length <= 0 || length > 256)
			break;
		s->data[at + length - 1] = '/';
		s->used = at + length;
		node = (u64)parent;
	}
	end(s);
	return 0;
}
