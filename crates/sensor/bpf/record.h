/* SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
 *
 * What travels from the kernel to user space: one `struct header`, then fields. `src/record.rs` reads it;
 * whoever changes a layout raises RECORD_VERSION in both.
 */
#pragma once

#define RECORD_VERSION 2

/* The kinds that are not a system call; a system call's kind is 16 + its row in `src/syscalls.rs`. */
enum kind {
	KIND_EXEC = 1,
	KIND_FORK = 2,
	KIND_EXIT = 3,
	KIND_CGROUP_MADE = 4,
	KIND_CGROUP_REMOVED = 5,
	KIND_IO_URING = 6,
	KIND_ASKED = 8,    /* a question to the DNS */
	KIND_ANSWERED = 9, /* and an answer */
	KIND_SYSCALL = 16,
	KINDS = 160,
};

struct header {
	u32 size; /* of header and fields */
	u16 version;
	u16 kind;
	u64 boot_ns;
	u64 start_boot_ns; /* of the thread group leader */
	u64 parent_start_boot_ns;
	u64 cgroup_id;
	u64 cap_inheritable;
	u64 cap_permitted;
	u64 cap_effective;
	u64 network; /* the cookie of the network namespace, which no later one has; else its inode */
	s64 result;
	u64 arguments[6];
	u32 thread;
	u32 process;
	u32 parent;
	u32 process_group;
	u32 session;
	u32 thread_inside; /* the same four as their own pid namespace numbers them */
	u32 process_inside;
	u32 process_group_inside;
	u32 session_inside;
	u32 uid;
	u32 gid;
	u32 effective_uid;
	u32 effective_gid;
	u32 login_uid;
	u32 audit_session;
	u32 mount_namespace;
	u32 pid_namespace;
	u32 user_namespace;
	u32 network_namespace;
	u32 tty;
	u32 flags;
	u32 cpu;
	u8 command[16];
};

#define CGROUP_LEGACY (1ULL << 63) /* the id is of the pids controller's own hierarchy (cgroup v1) */

enum header_flag {
	RECORD_TRUNCATED = 1, /* a field had no room or was cut */
};

enum tag {
	TAG_FILE = 1,       /* struct file_facts, then a path */
	TAG_DIRECTORY = 2,  /* a path: what a relative name was relative to */
	TAG_NAME = 3,       /* bytes the caller passed: a path or a name */
	TAG_SOCKET = 4,     /* struct socket_facts, then for unix sockets the peer's name */
	TAG_ADDRESS = 5,    /* bytes the caller passed: a sockaddr */
	TAG_DATA = 6,       /* bytes the caller sent or received */
	TAG_ARGV = 7,
	TAG_ENV = 8,
	TAG_CGROUP = 9,     /* a path */
	TAG_CHILD = 10,     /* struct child_facts */
	TAG_WORKING_DIRECTORY = 11, /* a path */
	TAG_INTERPRETED = 12,       /* the kernel's own copy of the name that was executed */
};

struct field {
	u16 tag;
	u16 length;
};

/* A path is its components from the leaf to the root, each followed by a slash: the order in which the
 * kernel finds them. User space turns it round. */

enum file_flag {
	FILE_OVERLAY = 1,     /* on overlayfs … */
	FILE_UPPER = 2,       /* … and in its upper layer: made or changed since the container started */
	FILE_DELETED = 4,
	FILE_UNREACHABLE = 8, /* not below the root of the process: the path is from elsewhere */
	FILE_PATH_CUT = 16,   /* deeper than the walk goes: the components next to the root are missing */
};

struct file_facts {
	u64 inode;
	s64 size;
	s64 modified_s;
	s64 changed_s;
	u32 modified_ns;
	u32 changed_ns;
	u32 device;
	u32 file_system; /* the magic number */
	u32 mode;
	u32 uid;
	u32 gid;
	u32 links;
	u32 open_flags;
	u32 open_mode; /* FMODE_… */
	u32 flags;
	u32 reserved;
};

struct socket_facts {
	u16 family;
	u16 type;
	u16 protocol;
	u16 state;
	u16 local_port;  /* host order */
	u16 remote_port; /* host order */
	u8 local[16];
	u8 remote[16];
};

struct child_facts {
	u64 start_boot_ns;
	u32 thread;
	u32 process;
	u32 process_inside;
	u32 mount_namespace;
	u32 pid_namespace;
	u32 user_namespace;
	u32 network_namespace;
	u32 reserved;
};

/* What a system call's arguments mean: which is a descriptor, a directory, a name. NONE where there is none. */
#define NONE 255
struct shape {
	u16 kind;
	u8 descriptor;      /* argument that is a descriptor; RESULT: the result is one */
	u8 directory;       /* argument with the descriptor of a directory; HERE: the working directory */
	u8 name;
	u8 second_directory;
	u8 second_name;
	u8 address;         /* a sockaddr; its length is the next argument */
	u8 data;            /* a buffer; its length is the next argument */
	u8 flags;
	u8 reserved[6];
};
#define RESULT 6
#define HERE 7

enum shape_flag {
	SHAPE_OPENS = 1,        /* `descriptor` is what it opened: access and path can be asked */
	SHAPE_ONLY_FAILED = 2,  /* success is another event (exec) */
	SHAPE_MESSAGE = 4,      /* `data` is a struct msghdr, which also has the address */
	SHAPE_LENGTH_BEHIND_POINTER = 8, /* of the address */
	SHAPE_HOW = 16,         /* flags are in the struct open_how that argument 2 points to */
	SHAPE_MOVES = 32,       /* the working directory is told, whatever the name: the call has just changed it */
};

/* Clauses are bits: a record leaves the kernel if one bit stays set through all dimensions. */
#define KNOWN_BITS 4096
struct interest {
	u64 kinds[KINDS];
	u64 succeeded;
	u64 failed;
	u64 host;
	u64 container;
	u64 reads;
	u64 writes;
	u64 creates;
	u64 any_path;
	u64 has_prefixes;
	u64 has_names;
	u64 plain_names;    /* of names that callers pass: without `..` */
	u64 climbing_names; /* with it */
	u64 families[4]; /* unix, inet, inet6, others */
	u64 known[KNOWN_BITS / 64]; /* which hashes may be in the map of paths */
	u32 prefix_depth;
	u32 with_environment;
	u32 data_length;
	u32 reserved;
};

struct control {
	u32 active;   /* which of the two interests counts */
	u32 sleeping; /* the reader waits: wake it */
};
