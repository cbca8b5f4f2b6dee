// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Maps that no kernel makes, each used by a program of its own.
 */
#include "../../ebpf-programs/probe.h"

enum {
	MAP_TYPE_ARRAY = 2,
	MAP_TYPE_PERF_EVENT_ARRAY = 4,
	MAP_TYPE_STACK_TRACE = 7,
	MAP_TYPE_LRU_PERCPU_HASH = 10,
	MAP_TYPE_LPM_TRIE = 11,
	MAP_TYPE_QUEUE = 22,
};

/* Flags of maps. */
enum {
	NO_PREALLOC = 1 << 0,
	RDONLY_PROG = 1 << 7,
	WRONLY_PROG = 1 << 8,
	UNKNOWN = 1 << 30,
};

#define MAP(name, of_type, keys, values, entries, flags)                                  \
	struct {                                                                          \
		__uint(type, of_type);                                                    \
		__uint(key_size, keys);                                                   \
		__uint(value_size, values);                                               \
		__uint(max_entries, entries);                                             \
		__uint(map_flags, flags);                                                 \
	} name SEC(".maps");                                                              \
	SEC("raw_tracepoint/sys_enter") int uses_##name(void *ctx __attribute__((unused)))\
	{                                                                                 \
		u64 key = 0;                                                              \
		return bpf_map_lookup_elem(&name, &key) != NULL;                          \
	}

MAP(good, MAP_TYPE_HASH, 8, 8, 16, 0)
MAP(hash_without_key, MAP_TYPE_HASH, 0, 8, 16, 0)
MAP(hash_with_large_key, MAP_TYPE_HASH, 520, 8, 16, 0)
MAP(hash_with_unknown_flag, MAP_TYPE_HASH, 8, 8, 16, UNKNOWN)
MAP(hash_nobody_may_use, MAP_TYPE_HASH, 8, 8, 16, RDONLY_PROG | WRONLY_PROG)
MAP(hash_without_entries, MAP_TYPE_HASH, 8, 8, 0, 0)
MAP(array_with_long_key, MAP_TYPE_ARRAY, 8, 8, 16, 0)
MAP(array_of_nothing, MAP_TYPE_ARRAY, 4, 0, 16, 0)
MAP(array_no_prealloc, MAP_TYPE_ARRAY, 4, 8, 16, NO_PREALLOC)
MAP(percpu_too_large, MAP_TYPE_PERCPU_ARRAY, 4, 40000, 1, 0)
MAP(lru_no_prealloc, MAP_TYPE_LRU_HASH, 8, 8, 16, NO_PREALLOC)
MAP(trie_prealloc, MAP_TYPE_LPM_TRIE, 8, 8, 16, 0)
MAP(trie_with_short_key, MAP_TYPE_LPM_TRIE, 4, 8, 16, NO_PREALLOC)
MAP(ring_with_key, MAP_TYPE_RINGBUF, 4, 0, 4096, 0)
MAP(table_of_long_values, MAP_TYPE_PROG_ARRAY, 4, 8, 16, 0)
MAP(perf_of_long_values, MAP_TYPE_PERF_EVENT_ARRAY, 4, 8, 16, 0)
MAP(stacks_of_odd_size, MAP_TYPE_STACK_TRACE, 4, 12, 16, 0)
MAP(queue_with_key, MAP_TYPE_QUEUE, 4, 8, 16, 0)

DUAL_LICENSE;
