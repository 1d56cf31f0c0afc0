// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// Programs that do nothing, one for each thing that a kernel may or may not let programs do. `doctor` loads
// them to see.

#include "kernel.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define NOTHING(section, name)             \
	SEC(section) int try_##name(void *ctx) \
	{                                      \
		return 0;                          \
	}

NOTHING("raw_tp/sched_process_exec", raw_tp)
NOTHING("kprobe/security_file_open", kprobe)
NOTHING("fentry/security_file_open", fentry)
NOTHING("lsm/file_open", lsm)
NOTHING("classifier", classifier)

/* For cgroups, 1 is "go on". */
SEC("cgroup/connect4")
int try_connect4(void *ctx)
{
	return 1;
}

/* Never sends, but has to be allowed to. */
SEC("tp_btf/sched_process_exec")
int try_send_signal(u64 *ctx)
{
	if (!ctx[0])
		bpf_send_signal(9);
	return 0;
}
