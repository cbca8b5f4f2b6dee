// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Defines `counts` otherwise than syscalls.bpf.c does: the two can't be objects
 * of one probe, and `probe-runner check` has to say why.
 */
#include "../../ebpf-programs/probe.h"

struct {
	__uint(type, MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, u64);
} counts SEC(".maps");

SEC("raw_tracepoint/sys_enter")
int count(u64 *ctx)
{
	u32 nr = ctx[1];

	count_in(&counts, &nr);
	return 0;
}

DUAL_LICENSE;
