/* SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
 *
 * What a denial is decided by. `src/denial.rs` writes it; whoever changes a layout changes both.
 *
 * An atom is a question with yes or no, a bit of a `u64`. Everything that is looked up (a text, a network, a
 * port, a container) says which atoms it makes true. A clause is a set of atoms that must hold and one of those
 * that must not; what fits one clause is denied. So any condition over the atoms is held exactly.
 */
#pragma once

#include "emit.h"

enum hook {
	HOOK_EXECUTION,
	HOOK_CONNECTION,
	HOOK_SENDING, /* of a datagram to an address, without a connection */
	HOOKS,
};

/* Properties that are not looked up; each has the atoms that it makes true. */
enum property {
	IS_UPPER,
	IS_LOWER,
	IS_MEMFD,
	IS_IPV4,
	IS_IPV6,
	IS_TCP,
	IS_UDP,
	IS_ICMP,
	IS_RAW,
	PROPERTIES = 16,
};

#define CLAUSES_MAX 64

struct clause {
	u64 must;
	u64 must_not;
	u32 rule;
	u32 reserved;
};

struct decision {
	u64 properties[PROPERTIES];
	u64 of_host;      /* atoms about containers that hold on the host */
	u64 of_container; /* that hold in any container … */
	u64 of_known;     /* … and those that nobody can tell of one that is not described yet */
	u64 of_paths;     /* atoms about the path; of connections, about the address */
	u32 count;
	u32 flags;
	struct clause clauses[CLAUSES_MAX];
};

enum decision_flag {
	PROGRAMS_ARE_PROTECTED = 1,  /* whose connection it is has to be found out */
	NEW_ARE_SPARED = 2, /* a container may be protected: nothing is denied in one that is not described yet */
};

/* A cgroup of a container. */
enum place_state {
	PLACE_NEW = 0,       /* a container, and no more is known of it yet */
	PLACE_KNOWN = 1,
	PLACE_PROTECTED = 2, /* nothing is denied in it */
};

struct place_of_container {
	u64 atoms[2][HOOKS];
	u32 state;
	u32 reserved;
};

/* A text is a path from its beginning, or the last component of one (which has no slash at its beginning); the
 * end of a text is a zero byte, so that "is this" is "begins with this and its end". */
#define TEXT_MAX 254

struct text_key {
	u32 bits; /* of what follows */
	u8 which;
	u8 reserved;
	u8 text[TEXT_MAX];
};

enum text_flag {
	TEXT_PROTECTED_ON_HOST = 1,
};

struct of_text {
	u64 atoms;
	u64 flags;
};

struct network_key {
	u32 bits;
	u8 which;
	u8 hook;
	u8 family; /* 4, 6 */
	u8 reserved;
	u8 address[16];
};

struct port_key {
	u16 port;
	u8 which;
	u8 hook;
};

/* A path that is being read, from its end towards its beginning. */
#define PATH_ROOM 4096
#define NAME_ROOM 256

struct walk {
	u32 is_taken;
	u32 at;
	u32 is_whole; /* its beginning was reached */
	u32 is_elsewhere; /* it has no beginning: a file in memory */
	struct text_key key;
	u8 path[PATH_ROOM + NAME_ROOM];
};
#define WALKS 64

/* What is not told by a record. */
enum counter {
	COUNT_UNDECIDED, /* went on: the container that it happened in was not known yet */
	COUNT_UNTOLD,    /* denied, and there was no room to say so */
	COUNT_PLACES,    /* a container found no room */
	COUNTERS,
};
