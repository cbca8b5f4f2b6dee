// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* A handler with a number; the five slots are given the same one. */
#include "generations.h"

const volatile u64 number = 0;

SEC("raw_tracepoint/sys_enter")
int handle(u64 *ctx)
{
	const u32 only = 0;
	u64 mine = number;
	struct dispatched *before = bpf_map_lookup_elem(&dispatched, &only);
	volatile u64 *highest = bpf_map_lookup_elem(&newest, &only);

	(void)ctx;
	COUNT_HERE(outcome, events);
	count_in(&seen, &mine);
	if (!before || !highest)
		return 0;
	if (mine < before->newest)
		COUNT_HERE(outcome, old_after_new);
	/* Two CPUs may store at once: what is there then ran, too. */
	if (mine > *highest)
		*highest = mine;
	return 0;
}

DUAL_LICENSE;
