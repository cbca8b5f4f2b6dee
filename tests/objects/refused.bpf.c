// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A program that the verifier refuses: it writes through a pointer that may be
 * null. What people are told then is under test.
 */
#include "../../ebpf-programs/probe.h"

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, u64);
} seen SEC(".maps");

SEC("raw_tracepoint/sys_enter")
int refused(u64 *ctx)
{
	u32 nr = ctx[1];
	u64 *count = bpf_map_lookup_elem(&seen, &nr);

	*count += 1;
	return 0;
}

DUAL_LICENSE;
