// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Helpers that a program's type hasn't got, and more stack than there is.
 */
#include "../../ebpf-programs/probe.h"

static long (*const bpf_skb_load_bytes)(const void *packet, u32 offset, void *to,
					u32 size) = (void *)26;
static long (*const bpf_override_return)(void *registers, u64 result) = (void *)58;
static long (*const bpf_xdp_adjust_head)(void *packet, int by) = (void *)44;

struct {
	__uint(type, MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, u32);
} table SEC(".maps");

SEC("kprobe/vfs_read")
int reads_packet(void *ctx)
{
	char byte;

	return bpf_skb_load_bytes(ctx, 0, &byte, sizeof(byte));
}

SEC("tracepoint/raw_syscalls/sys_enter")
int overrides(void *ctx)
{
	return bpf_override_return(ctx, 0);
}

SEC("raw_tracepoint/sys_enter")
int adjusts(void *ctx)
{
	return bpf_xdp_adjust_head(ctx, 4);
}

static __noinline int deep(void *ctx __attribute__((unused)))
{
	char name[320];

	return bpf_get_current_comm(name, sizeof(name)) + name[0];
}

SEC("raw_tracepoint/sys_enter")
int two_frames(void *ctx)
{
	char name[320];

	return bpf_get_current_comm(name, sizeof(name)) + name[0] + deep(ctx);
}

static __noinline int calls_on(void *ctx)
{
	bpf_tail_call(ctx, &table, 0);
	return 0;
}

SEC("raw_tracepoint/sys_enter")
int calls_on_deep(void *ctx)
{
	char name[320];

	return bpf_get_current_comm(name, sizeof(name)) + name[0] + calls_on(ctx);
}

SEC("raw_tracepoint/sys_enter")
int two_frames_and_tail_calls(void *ctx)
{
	char name[320];
	long sum = bpf_get_current_comm(name, sizeof(name)) + name[0] + deep(ctx);

	bpf_tail_call(ctx, &table, 0);
	return sum;
}

SEC("raw_tracepoint/sys_enter")
int handler(void *ctx __attribute__((unused)))
{
	return 0;
}

DUAL_LICENSE;
