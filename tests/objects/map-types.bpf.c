// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A map of every type that holds data, filled with values that can be written
 * down by the first `getpid` after it was attached: reading them must give these.
 */
#include "../../ebpf-programs/probe.h"

#define __array(name, type) typeof(type) *name[]

enum {
	MAP_TYPE_ARRAY = 2,
	MAP_TYPE_PERF_EVENT_ARRAY = 4,
	MAP_TYPE_PERCPU_HASH = 5,
	MAP_TYPE_STACK_TRACE = 7,
	MAP_TYPE_LRU_PERCPU_HASH = 10,
	MAP_TYPE_LPM_TRIE = 11,
	MAP_TYPE_ARRAY_OF_MAPS = 12,
	MAP_TYPE_HASH_OF_MAPS = 13,
	MAP_TYPE_QUEUE = 22,
	MAP_TYPE_STACK = 23,
};

#define NO_PREALLOC 1
#define CURRENT_CPU 0xffffffffULL
#define USER_STACK 256

#if defined(__TARGET_ARCH_arm64)
#define SYSCALL_GETPID 172
#else
#define SYSCALL_GETPID 39
#endif

static long (*const bpf_get_stackid)(void *ctx, void *map, u64 flags) = (void *)27;
static long (*const bpf_perf_event_output)(void *ctx, void *map, u64 flags, void *data,
					   u64 size) = (void *)25;
static long (*const bpf_map_push_elem)(void *map, const void *value, u64 flags) = (void *)87;

enum colour { RED, GREEN = 7, BLUE };

struct outer {
	u32 number;
	enum colour colour;
	struct {
		s32 low : 5;
		u32 high : 12;
	} bits;
	union {
		u32 word;
		u8 octets[4];
	};
	char name[8];
	u16 list[3];
	bool yes;
};

struct address {
	u32 length;
	u8 octets[4];
};

struct event {
	u32 pid;
	u32 number;
	u64 spent_ns;
};

struct sample {
	u32 pid;
	u32 kernel;
	u32 user;
};

#define COUNTED(name, map_type, key_type, value_type)                                              \
	struct {                                                                                   \
		__uint(type, map_type);                                                            \
		__uint(max_entries, 16);                                                           \
		__type(key, key_type);                                                             \
		__type(value, value_type);                                                         \
	} name SEC(".maps")

COUNTED(by_struct, MAP_TYPE_HASH, struct outer, u64);
COUNTED(numbers, MAP_TYPE_ARRAY, u32, struct outer);
COUNTED(recent, MAP_TYPE_LRU_HASH, u32, u64);
COUNTED(by_cpu, MAP_TYPE_PERCPU_HASH, u32, u64);
COUNTED(recent_by_cpu, MAP_TYPE_LRU_PERCPU_HASH, u32, u64);
COUNTED(slots_by_cpu, MAP_TYPE_PERCPU_ARRAY, u32, u64);
COUNTED(samples, MAP_TYPE_HASH, struct sample, u64);

struct {
	__uint(type, MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 16);
	__uint(map_flags, NO_PREALLOC);
	__type(key, struct address);
	__type(value, u64);
} networks SEC(".maps");

struct {
	__uint(type, MAP_TYPE_QUEUE);
	__uint(max_entries, 8);
	__type(value, u64);
} waiting SEC(".maps");

struct {
	__uint(type, MAP_TYPE_STACK);
	__uint(max_entries, 8);
	__type(value, u64);
} piled SEC(".maps");

/* So many that two stacks hardly ever have the same place, by their hash: the second would not be kept. */
struct {
	__uint(type, MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 16384);
	__uint(key_size, 4);
	__uint(value_size, 16 * 8);
} stacks SEC(".maps");

struct inner {
	__uint(type, MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, u64);
} first_inner SEC(".maps"), second_inner SEC(".maps");

struct {
	__uint(type, MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, 4);
	__array(values, struct inner);
} inners SEC(".maps") = {
	.values = { [1] = &first_inner, [3] = &second_inner },
};

struct {
	__uint(type, MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} perf_events SEC(".maps");

/* For the records, which no map names. */
const struct event *event_type __attribute__((unused));

const volatile u32 watched = 0;
u64 total = 5;
s32 offsets[3] = { 1, -2, 3 };
struct outer last;
volatile u32 done;

static __always_inline void set(void *map, const void *key, const void *value)
{
	bpf_map_update_elem(map, key, value, MAP_ANY);
}

SEC("raw_tracepoint/sys_enter")
int fill(u64 *ctx)
{
	struct outer outer = {
		.number = 42,
		.colour = GREEN,
		.bits = { .low = -3, .high = 1000 },
		.word = 0x0100007f,
		.name = "abc",
		.list = { 1, 2, 65535 },
		.yes = 1,
	};
	struct address address = { .length = 24, .octets = { 192, 0, 2, 0 } };
	struct sample sample = { .pid = bpf_get_current_pid_tgid() >> 32 };
	struct event event = { .pid = sample.pid, .number = 7, .spent_ns = 1500 };
	u32 one = 1, two = 2;
	u64 ten = 10, twenty = 20;
	void *inner;

	if (ctx[1] != SYSCALL_GETPID || sample.pid != watched)
		return 0;
	event.number = done;
	bpf_perf_event_output(ctx, &perf_events, CURRENT_CPU, &event, sizeof(event));
	if (done++)
		return 0;
	set(&by_struct, &outer, &ten);
	set(&numbers, &two, &outer);
	set(&recent, &one, &ten);
	set(&recent, &two, &twenty);
	set(&by_cpu, &one, &ten);
	set(&recent_by_cpu, &two, &twenty);
	set(&slots_by_cpu, &two, &ten);
	set(&networks, &address, &ten);
	bpf_map_push_elem(&waiting, &ten, 0);
	bpf_map_push_elem(&waiting, &twenty, 0);
	bpf_map_push_elem(&piled, &ten, 0);
	bpf_map_push_elem(&piled, &twenty, 0);
	sample.kernel = bpf_get_stackid(ctx, &stacks, 0);
	sample.user = bpf_get_stackid(ctx, &stacks, USER_STACK);
	set(&samples, &sample, &ten);
	inner = bpf_map_lookup_elem(&inners, &one);
	if (inner)
		set(inner, &one, &twenty);
	total += 2;
	offsets[1] = -7;
	last = outer;
	return 0;
}

DUAL_LICENSE;
