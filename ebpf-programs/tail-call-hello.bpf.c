// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The smallest use of a table of programs: `hello` jumps to slot 2 of ten, and
 * `hello_handler`, put there by the runner, ends the event. Attach `hello` to
 * any function that is called now and then.
 */
#include "probe.h"

#define HELLO_SLOT 2

/* Each event fires once, and is then handled or falls through; on one CPU. */
struct hello_calls {
	u64 fired;
	u64 handled;
	u64 fell_through;
};

struct {
	__uint(type, MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 10);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
} hello_slots SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct hello_calls);
} hello_calls SEC(".maps");

SEC("kprobe")
int hello(struct registers *ctx)
{
	COUNT_HERE(hello_calls, fired);

	/* Does not come back unless the slot is empty. */
	bpf_tail_call(ctx, &hello_slots, HELLO_SLOT);

	COUNT_HERE(hello_calls, fell_through);
	return 0;
}

SEC("kprobe")
int hello_handler(struct registers *ctx)
{
	(void)ctx;
	COUNT_HERE(hello_calls, handled);
	return 0;
}

DUAL_LICENSE;
