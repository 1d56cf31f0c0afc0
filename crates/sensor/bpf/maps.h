/* SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
 *
 * The maps, and the buffer in which one record is put together.
 */
#pragma once

#include "kernel.h"
#include "record.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* One per-CPU value may have 32 KiB: what is appended starts below DATA_LIMIT and has CHUNK at most. */
#define CHUNK 4096
#define DATA_SIZE 30720
#define DATA_LIMIT (DATA_SIZE - CHUNK - 32)
#define COMPONENTS 64

/* Bytes of a name that are looked at for `..`; of a longer one it is not known. */
#define NAMING_MAX 256

struct scratch {
	struct header header;
	u8 data[DATA_SIZE];
	u64 naming[NAMING_MAX / 8]; /* a name that is looked at, not told */
	u64 hashes[COMPONENTS]; /* of the components of the path that was appended last, leaf first */
	u32 depth;
	u32 used;
	u32 field_at;
	u32 path_flags;
	u64 pointer;
};

struct path_key {
	u64 hash;
	u32 interest; /* which of the two */
	u32 depth;    /* components of a prefix; 0: the name of a leaf */
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} records SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, KINDS);
	__type(key, u32);
	__type(value, u64);
} lost SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, KINDS);
	__type(key, u32);
	__type(value, struct shape);
} shapes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct control);
} controls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, struct interest);
} interests SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct path_key);
	__type(value, u64);
} paths SEC(".maps");

/* Cgroups that are containers, whatever namespaces their processes have entered since. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, u64);
	__type(value, u8);
} containers SEC(".maps");

/* Set by the loader. */
const volatile u32 own_process = 0;
const volatile u32 host_mount_namespace = 0;

/* The verifier knows what a pointer points to and lets no global function have it; through memory it becomes
 * a number, which only probe reads can use. */
static __always_inline u64 number(struct scratch *s, const void *pointer)
{
	*(volatile u64 *)&s->pointer = (u64)pointer;
	return *(volatile u64 *)&s->pointer;
}

static __always_inline void *only(void *map)
{
	u32 zero = 0;
	return bpf_map_lookup_elem(map, &zero);
}

/* The reader sets `sleeping` and looks once more before it sleeps, and the record was handed over before the
 * flag is read: one of both sees the other. */
static __always_inline void wake(void)
{
	struct control *control = only(&controls);
	if (control && control->sleeping) {
		control->sleeping = 0;
		void *nothing = bpf_ringbuf_reserve(&records, 8, 0);
		if (nothing)
			bpf_ringbuf_discard(nothing, BPF_RB_FORCE_WAKEUP);
	}
}
