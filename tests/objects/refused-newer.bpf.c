// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Helpers and maps that came after Linux 5.10.
 */
#include "../../ebpf-programs/probe.h"

enum {
	MAP_TYPE_BLOOM_FILTER = 30,
	MAP_TYPE_USER_RINGBUF = 31,
};

static long (*const bpf_map_push_elem)(void *map, const void *value, u64 flags) = (void *)87;
static long (*const bpf_loop)(u32 times, void *callback, void *ctx, u64 flags) = (void *)181;
static long (*const bpf_strncmp)(const char *text, u32 size, const char *other) = (void *)182;
static u64 (*const bpf_ktime_get_tai_ns)(void) = (void *)208;
static long (*const bpf_user_ringbuf_drain)(void *map, void *callback, void *ctx,
					    u64 flags) = (void *)209;

struct {
	__uint(type, MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 16);
	__type(value, u64);
} bloom SEC(".maps");

struct {
	__uint(type, MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 4096);
} from_user SEC(".maps");

static int nothing(u32 index __attribute__((unused)), void *ctx __attribute__((unused)))
{
	return 0;
}

static long drained(void *record __attribute__((unused)), void *ctx __attribute__((unused)))
{
	return 0;
}

/* Linux 5.16. */
SEC("raw_tracepoint/sys_enter")
int uses_bloom(u64 *ctx)
{
	u64 value = ctx[1];

	return bpf_map_push_elem(&bloom, &value, 0);
}

/* Linux 5.17. */
SEC("raw_tracepoint/sys_enter")
int uses_loop(void *ctx __attribute__((unused)))
{
	u64 sum = 0;

	return bpf_loop(4, nothing, &sum, 0);
}

/* Linux 5.17. */
SEC("raw_tracepoint/sys_enter")
int uses_strncmp(void *ctx __attribute__((unused)))
{
	static const char wanted[] = "bash";
	char name[16] = {};

	bpf_get_current_comm(name, sizeof(name));
	return bpf_strncmp(name, sizeof(name), wanted);
}

/* Linux 6.1. */
SEC("raw_tracepoint/sys_enter")
int uses_tai(void *ctx __attribute__((unused)))
{
	return bpf_ktime_get_tai_ns();
}

/* Linux 6.1. */
SEC("raw_tracepoint/sys_enter")
int uses_user_ring(void *ctx __attribute__((unused)))
{
	u64 sum = 0;

	return bpf_user_ringbuf_drain(&from_user, drained, &sum, 0);
}

DUAL_LICENSE;
