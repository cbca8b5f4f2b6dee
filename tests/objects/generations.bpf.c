// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Hands each of five system calls to the handler in its slot. */
#include "generations.h"

GENERATION(handlers);

struct {
	__uint(type, MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, SLOTS);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
} handlers SEC(".maps");

/* Whose calls are meant. */
const volatile u32 process = 0;

SEC("raw_tracepoint/sys_enter")
int dispatch(u64 *ctx)
{
	const u32 only = 0;
	u64 slot = ctx[1] - FIRST_CALL;
	struct dispatched *mine;
	volatile u64 *number;

	if (slot >= SLOTS || (u32)(bpf_get_current_pid_tgid() >> 32) != process)
		return 0;
	number = bpf_map_lookup_elem(&newest, &only);
	mine = bpf_map_lookup_elem(&dispatched, &only);
	/* Read before the slot is: whoever ran until now is older than what is in the slot, or in it. */
	if (number && mine)
		mine->newest = *number;
	TAIL_CALL_IN_GENERATION(ctx, handlers, slot);
	COUNT_HERE(outcome, fell_through);
	return 0;
}

DUAL_LICENSE;
