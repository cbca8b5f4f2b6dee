// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * What objects leave to the loader, in one program that counts a system call: the
 * kernel's argument array by CO-RE, slots and inner maps that the object fills by
 * itself, variables of three sections, a subprogram, the kernel's version and the
 * address of one of its functions. Each part counts, so that a test can tell
 * which one went wrong.
 */
#include "../../ebpf-programs/probe.h"

#define __array(name, value) typeof(value) *name[]

enum {
	MAP_TYPE_ARRAY = 2,
	MAP_TYPE_ARRAY_OF_MAPS = 12,
};

/* Declared as libbpf's users do: an array without a length. */
struct bpf_raw_tracepoint_args {
	u64 args[0];
} KERNEL_STRUCT;

int handler(struct bpf_raw_tracepoint_args *ctx);
int unreached(struct bpf_raw_tracepoint_args *ctx);

struct {
	__uint(type, MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__array(values, int(void *));
} own_slots SEC(".maps") = { .values = { [1] = (void *)&handler, [3] = (void *)&unreached } };

struct per_slot {
	__uint(type, MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} inner SEC(".maps");

struct {
	__uint(type, MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__array(values, struct per_slot);
} outer SEC(".maps") = { .values = { [1] = (void *)&inner } };

struct seen {
	u64 entered;
	u64 handled;
	u64 fell_through;
	u64 weighed;
	u64 version;
	u64 has_function;
};

struct {
	__uint(type, MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct seen);
} seen SEC(".maps");

extern int LINUX_KERNEL_VERSION __attribute__((section(".kconfig")));
extern const void schedule __attribute__((section(".ksyms"), weak));

/* The system call that is counted, the slot that is called, and a weight. */
const volatile u64 wanted = 0;
volatile u32 slot = 1;
u64 total;

static __noinline int add(u64 weight)
{
	__sync_fetch_and_add(&total, weight);
	return total > 0;
}

SEC("raw_tracepoint/sys_enter")
int entry(struct bpf_raw_tracepoint_args *ctx)
{
	const u32 only = 0;
	struct seen *state;

	if (ctx->args[1] != wanted)
		return 0;
	state = bpf_map_lookup_elem(&seen, &only);
	if (!state)
		return 0;
	__sync_fetch_and_add(&state->entered, 1);
	if (!add(2))
		return 0;
	state->version = LINUX_KERNEL_VERSION;
	state->has_function = &schedule != NULL;
	bpf_tail_call(ctx, &own_slots, slot);
	__sync_fetch_and_add(&state->fell_through, 1);
	return 0;
}

SEC("raw_tracepoint/sys_enter")
int handler(struct bpf_raw_tracepoint_args *ctx)
{
	const u32 only = 0, place = 1;
	struct seen *state = bpf_map_lookup_elem(&seen, &only);
	void *counts = bpf_map_lookup_elem(&outer, &place);
	u64 *count = counts ? bpf_map_lookup_elem(counts, &only) : NULL;

	(void)ctx;
	if (!state || !count)
		return 0;
	__sync_fetch_and_add(count, 1);
	__sync_fetch_and_add(&state->handled, 1);
	state->weighed = total;
	return 0;
}

/* Of another slot: a test puts it into the first one's place. */
SEC("raw_tracepoint/sys_enter")
int unreached(struct bpf_raw_tracepoint_args *ctx)
{
	(void)ctx;
	return 0;
}

DUAL_LICENSE;
