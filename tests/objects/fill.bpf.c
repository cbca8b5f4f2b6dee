// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Fills maps of any size from system calls: 64 entries each, until there are as
 * many as `wanted` says. For measuring how fast maps are read.
 */
#include "../../ebpf-programs/probe.h"

#define MAP_TYPE_PERCPU_HASH 5
#define AT_ONCE 64

const volatile u32 wanted;
volatile u32 begun;

struct flow {
	u32 device;
	u32 queue;
	u32 cpu;
	s32 target;
};

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct flow);
	__type(value, u64);
} flows SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct flow);
	__type(value, u64);
} flows_by_cpu SEC(".maps");

static __always_inline void fill(void *map)
{
	u32 first = begun;

	if (first >= wanted)
		return;
	/* Two processors at once may fill the same entries twice, and leave none out. */
	begun = first + AT_ONCE;
	for (u32 i = 0; i < AT_ONCE; i++) {
		u32 n = first + i;
		/* Spread over the fields, as keys of real probes are. */
		struct flow flow = {
			.device = n % 7,
			.queue = n / 7 % 64,
			.cpu = n / 448,
			.target = -(s32)(n % 3),
		};
		u64 packets = 1000003ULL * n;

		if (n < wanted)
			bpf_map_update_elem(map, &flow, &packets, MAP_ANY);
	}
}

SEC("raw_tracepoint/sys_enter")
int fill_flows(void *ctx __attribute__((unused)))
{
	fill(&flows);
	return 0;
}

SEC("raw_tracepoint/sys_enter")
int fill_flows_by_cpu(void *ctx __attribute__((unused)))
{
	fill(&flows_by_cpu);
	return 0;
}

DUAL_LICENSE;
