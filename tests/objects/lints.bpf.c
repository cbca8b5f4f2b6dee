// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * What works and `probe-runner check` advises against: a map that anybody on
 * the network can fill, an old helper, a counter that nothing can show, a map
 * that asks to be shared by its name.
 */
#include "../../ebpf-programs/probe.h"

#define PIN_BY_NAME 1

static long (*const bpf_probe_read)(void *to, u32 size, const void *from) = (void *)4;

struct flow {
	u32 saddr;
	u32 daddr;
	u16 dport;
	u16 protocol;
};

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct flow);
	__type(value, u64);
} flows SEC(".maps");

struct {
	__uint(type, MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct flow);
	__type(value, u64);
} recent_flows SEC(".maps");

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct flow);
	__type(value, u64);
} open_flows SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__uint(pinning, PIN_BY_NAME);
	__type(key, u32);
	__type(value, u64);
} shared SEC(".maps");

/* Not a counter: how much is said. */
u32 verbosity;
u64 dropped_events;

/* Fills a map for ever. */
SEC("raw_tracepoint/netif_receive_skb")
int fill(u64 *ctx)
{
	struct flow flow = { .saddr = ctx[0], .dport = 1 };

	count_in(&flows, &flow);
	return 0;
}

/* The same where the oldest keys go. */
SEC("raw_tracepoint/netif_receive_skb")
int remember(u64 *ctx)
{
	struct flow flow = { .saddr = ctx[0], .dport = 1 };

	count_in(&recent_flows, &flow);
	return 0;
}

/* The same where keys are removed. */
SEC("raw_tracepoint/netif_receive_skb")
int follow(u64 *ctx)
{
	struct flow flow = { .saddr = ctx[0], .dport = 1 };

	if (ctx[0] & 1)
		bpf_map_delete_elem(&open_flows, &flow);
	else
		count_in(&open_flows, &flow);
	return 0;
}

SEC("raw_tracepoint/sys_enter")
int read_somewhere(u64 *ctx)
{
	u64 word = 0;

	if (bpf_probe_read(&word, sizeof(word), (void *)ctx[0]))
		__sync_fetch_and_add(&dropped_events, 1);
	return verbosity > word;
}

SEC("raw_tracepoint/sys_enter")
int share(void)
{
	const u32 only = 0;

	count_in(&shared, &only);
	return 0;
}

DUAL_LICENSE;
