/* SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
 *
 * Decides in the kernel what no rule can match. Each clause of the interest is a bit; each dimension of an
 * event keeps the bits of the clauses that it satisfies. What cannot be told keeps all bits.
 */
#pragma once

#include "fields.h"

static __always_inline struct interest *active_interest(u32 *which)
{
	struct control *control = only(&controls);
	if (!control)
		return NULL;
	*which = control->active;
	return bpf_map_lookup_elem(&interests, which);
}

static __always_inline u64 of_kind(struct interest *interest, u32 kind)
{
	return kind < KINDS ? interest->kinds[kind] : 0;
}

/* A process in the host's mount namespace is the host's unless its cgroup is known to be a container; one in
 * another may be either (a service with its own mounts). */
static __always_inline u64 of_place(struct interest *interest, struct task_struct *task)
{
	struct nsproxy *namespaces = task->nsproxy;
	if (!namespaces || namespaces->mnt_ns->ns.inum != host_mount_namespace)
		return interest->host | interest->container;
	if (!(interest->container & ~interest->host))
		return interest->host;
	u64 cgroup = id_of(cgroup_of(task));
	bool inside = bpf_map_lookup_elem(&containers, &cgroup) != NULL;
	return inside ? interest->container : interest->host;
}

static __always_inline u64 of_family(struct interest *interest, u16 family)
{
	if (family == AF_UNIX)
		return interest->families[0];
	if (family == AF_INET)
		return interest->families[1];
	if (family == AF_INET6)
		return interest->families[2];
	return interest->families[3];
}

static __always_inline u64 of_key(struct interest *interest, struct path_key *key)
{
	/* Most paths are in no clause, and a bit tells so sooner than the map. */
	u32 bit = key->hash & (KNOWN_BITS - 1);
	if (!(interest->known[bit / 64] & 1ULL << (bit & 63)))
		return 0;
	u64 *clauses = bpf_map_lookup_elem(&paths, key);
	return clauses ? *clauses : 0;
}

/* The clauses that want the leaf's name. */
__noinline u64 of_leaf(u64 dentry, u32 which)
{
	struct scratch *s = only(&scratches);
	struct interest *interest = bpf_map_lookup_elem(&interests, &which);
	struct path_key key = { .interest = which };
	struct place place;
	if (!s || !interest || !read_place(&place, dentry) || !copy_name(s, dentry, &place, &key.hash))
		return ~0ULL;
	return of_key(interest, &key);
}

/* The clauses that want the path that was appended last, by its name or by a directory above it. */
__noinline u64 of_path(u32 which)
{
	struct scratch *s = only(&scratches);
	struct interest *interest = bpf_map_lookup_elem(&interests, &which);
	if (!s || !interest || s->path_flags)
		return ~0ULL; /* not the whole path */
	struct path_key leaf = { .hash = s->hashes[0], .interest = which };
	u64 hash = 0, clauses = of_key(interest, &leaf);
	u32 depth = s->depth, deepest = interest->prefix_depth;
	for (u32 level = 0; level < 16; level++) {
		if (level >= depth || level >= deepest)
			break;
		hash = fold(hash, s->hashes[(depth - 1 - level) & (COMPONENTS - 1)]);
		struct path_key key = { .hash = hash, .interest = which, .depth = level + 1 };
		clauses |= of_key(interest, &key);
	}
	return clauses;
}

/* In each byte of the word that is a dot, the highest bit. */
static __always_inline u64 dots_of(u64 word)
{
	u64 low = 0x7f7f7f7f7f7f7f7fULL, other = word ^ 0x2e2e2e2e2e2e2e2eULL;
	return ~(((other & low) + low) | other | low);
}

/* The clauses that want a name as the caller wrote it: with two dots side by side somewhere, or without. */
__noinline u64 of_naming(u64 address, u32 which)
{
	struct scratch *s = only(&scratches);
	struct interest *interest = bpf_map_lookup_elem(&interests, &which);
	if (!s || !interest || !address)
		return ~0ULL;
	s64 length = bpf_probe_read_user_str(s->naming, NAMING_MAX, (void *)address);
	if (length <= 0 || length >= NAMING_MAX)
		return ~0ULL;
	u64 before = 0;
	for (u32 word = 0; word < NAMING_MAX / 8; word++) {
		s64 left = length - 8 * word;
		if (left <= 0)
			break;
		u64 bytes = s->naming[word];
		/* Behind the end is what was there before. */
		if (left < 8)
			bytes &= (1ULL << (left * 8)) - 1;
		u64 dots = dots_of(bytes);
		if (dots & (dots >> 8) || (before >> 63 && dots & 0x80))
			return interest->climbing_names;
		before = dots;
	}
	return interest->plain_names;
}
