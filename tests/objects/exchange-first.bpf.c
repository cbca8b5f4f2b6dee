// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Calls through a slot that is exchanged meanwhile, and the handler that is in it
 * at first. Calls that no handler sees are counted too.
 */
#include "exchange.h"

struct {
	__uint(type, MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 512);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
} handlers SEC(".maps");

/* Whose calls are meant. */
const volatile u32 process = 0;

static __always_inline bool is_meant(void)
{
	return (u32)(bpf_get_current_pid_tgid() >> 32) == process;
}

/* The verifier can't tell which slot it is: the kernel looks it up each time. */
SYS_ENTER
int dispatch(u64 *ctx)
{
	u64 number = NUMBER(ctx);

	if (!is_meant())
		return 0;
	if (number < 512)
		bpf_tail_call(ctx, &handlers, (u32)number);
	if (number == CALL)
		COUNT_HERE(exchanged, fell_through);
	return 0;
}

/* It can: the kernel writes a jump into this program, and writes it anew when the slot changes. */
SYS_ENTER
int dispatch_constant(u64 *ctx)
{
	if (NUMBER(ctx) != CALL || !is_meant())
		return 0;
	bpf_tail_call(ctx, &handlers, CALL);
	COUNT_HERE(exchanged, fell_through);
	return 0;
}

SYS_ENTER
int first(u64 *ctx)
{
	(void)ctx;
	COUNT_HERE(exchanged, first);
	return 0;
}

DUAL_LICENSE;
