// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Maps that no kernel makes, each used by a program of its own. What people are
 * told before they meet that kernel is under test.
 */
#include "../../ebpf-programs/probe.h"

enum {
	MAP_TYPE_STACK_TRACE = 7,
	MAP_TYPE_LPM_TRIE = 11,
	MAP_TYPE_QUEUE = 22,
};

struct large {
	u64 words[5000];
};

struct prefix {
	u32 length;
	u32 address;
};

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct large);
} large_values SEC(".maps");

struct {
	__uint(type, MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 64);
	__type(key, struct prefix);
	__type(value, u64);
} prefixes SEC(".maps");

struct {
	__uint(type, MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 64);
	__uint(key_size, 4);
	__uint(value_size, 1028);
} stacks SEC(".maps");

struct {
	__uint(type, MAP_TYPE_QUEUE);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u64);
} waiting SEC(".maps");

#define USES(name, map)                                         \
	SEC("raw_tracepoint/sys_enter")                         \
	int name(void)                                          \
	{                                                       \
		struct prefix key = { 0 };                      \
                                                                \
		return !bpf_map_lookup_elem(&(map), &key);      \
	}

USES(use_large_values, large_values)
USES(use_prefixes, prefixes)
USES(use_stacks, stacks)
USES(use_waiting, waiting)

DUAL_LICENSE;
