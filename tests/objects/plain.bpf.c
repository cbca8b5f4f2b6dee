// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A raw tracepoint program without CO-RE relocations: a loader can do without
 * the kernel's type information.
 */
#include "../../ebpf-programs/probe.h"

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, u64);
} calls_by_number SEC(".maps");

SEC("raw_tracepoint/sys_enter")
int plain(u64 *ctx)
{
	u32 nr = ctx[1];

	count_in(&calls_by_number, &nr);
	return 0;
}

DUAL_LICENSE;
