// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Tail calls that go wrong: to empty slots, in circles, from too deep a stack,
 * and between programs that are too different. The verifier has no say here;
 * what `check` makes of them is under test.
 */
#include "../../ebpf-programs/probe.h"

static long (*const bpf_override_return)(void *registers, u64 result) = (void *)58;

#define PROG_ARRAY(name, entries)                                                         \
	struct {                                                                          \
		__uint(type, MAP_TYPE_PROG_ARRAY);                                        \
		__uint(max_entries, entries);                                             \
		__uint(key_size, 4);                                                      \
		__uint(value_size, 4);                                                    \
	} name SEC(".maps")

PROG_ARRAY(steps, 8);
PROG_ARRAY(links, 64);
PROG_ARRAY(any, 8);
PROG_ARRAY(untouched, 8);

u64 calls;

SEC("raw_tracepoint/sys_enter")
int begin(u64 *ctx)
{
	bpf_tail_call(ctx, &steps, 1);
	bpf_tail_call(ctx, &steps, 2);
	return 0;
}

SEC("raw_tracepoint/sys_enter")
int plain_step(u64 *ctx)
{
	calls += ctx[1];
	return 0;
}

SEC("raw_tracepoint/sys_enter")
int to_one(u64 *ctx)
{
	bpf_tail_call(ctx, &steps, 1);
	return 0;
}

SEC("raw_tracepoint/sys_enter")
int to_two(u64 *ctx)
{
	bpf_tail_call(ctx, &steps, 2);
	return 0;
}

SEC("raw_tracepoint/sys_exit")
int at_exit(u64 *ctx)
{
	calls += ctx[1];
	return 0;
}

/* It names the array and has no tail call. */
SEC("raw_tracepoint/sys_enter")
int only_looks(u64 *ctx)
{
	const u32 slot = ctx[1];

	return bpf_map_lookup_elem(&untouched, &slot) != NULL;
}

SEC("kprobe/do_nanosleep")
int call_any(const struct registers *ctx)
{
	bpf_tail_call((void *)ctx, &any, bpf_get_smp_processor_id() & 7);
	return 0;
}

SEC("kprobe/do_nanosleep")
int override(const struct registers *ctx)
{
	return bpf_override_return((void *)ctx, 0);
}

SEC("fentry.s/do_nanosleep")
int sleeper(u64 *ctx)
{
	bpf_tail_call(ctx, &any, 1);
	return 0;
}

SEC("fentry/do_nanosleep")
int no_sleeper(u64 *ctx)
{
	calls += ctx[0];
	return 0;
}

SEC("fentry/schedule")
int other_function(u64 *ctx)
{
	(void)ctx;
	calls++;
	return 0;
}

SEC("fentry/do_nanosleep")
int call_any_fentry(u64 *ctx)
{
	bpf_tail_call(ctx, &any, 1);
	return 0;
}

/* Stacks: a helper that writes the buffer keeps the compiler from doing without it. */
static __noinline int jump(void *ctx)
{
	bpf_tail_call(ctx, &any, 3);
	return 0;
}

SEC("kprobe/do_nanosleep")
int deep_jump(const struct registers *ctx)
{
	char buffer[264];

	bpf_get_current_comm(buffer, sizeof(buffer));
	return jump((void *)ctx) + buffer[0];
}

static __noinline int wide(u32 number)
{
	char buffer[280];

	bpf_get_current_comm(buffer, sizeof(buffer));
	return buffer[number & 1];
}

SEC("kprobe/do_nanosleep")
int wide_twice(const struct registers *ctx)
{
	char buffer[280];

	bpf_get_current_comm(buffer, sizeof(buffer));
	return wide(FUNCTION_ARGUMENT_0(ctx)) + buffer[0];
}

SEC("kprobe/do_nanosleep")
int wide_jump(const struct registers *ctx)
{
	char buffer[280];

	bpf_get_current_comm(buffer, sizeof(buffer));
	buffer[1] = wide(FUNCTION_ARGUMENT_0(ctx));
	bpf_tail_call((void *)ctx, &any, 3);
	return buffer[1];
}

/* A chain of 35 programs: 34 tail calls, one more than the kernel makes. */
#define LINK(number, next)                                                                \
	SEC("raw_tracepoint/sys_enter")                                                   \
	int link_##number(void *ctx)                                                      \
	{                                                                                 \
		bpf_tail_call(ctx, &links, next);                                         \
		return 0;                                                                 \
	}

LINK(0, 1) LINK(1, 2) LINK(2, 3) LINK(3, 4) LINK(4, 5) LINK(5, 6) LINK(6, 7)
LINK(7, 8) LINK(8, 9) LINK(9, 10) LINK(10, 11) LINK(11, 12) LINK(12, 13)
LINK(13, 14) LINK(14, 15) LINK(15, 16) LINK(16, 17) LINK(17, 18) LINK(18, 19)
LINK(19, 20) LINK(20, 21) LINK(21, 22) LINK(22, 23) LINK(23, 24) LINK(24, 25)
LINK(25, 26) LINK(26, 27) LINK(27, 28) LINK(28, 29) LINK(29, 30) LINK(30, 31)
LINK(31, 32) LINK(32, 33) LINK(33, 34)

DUAL_LICENSE;
