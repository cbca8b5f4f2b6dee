// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Another handler for the timer calls of syscalls.bpf.c, compiled on its own:
 * besides counting, it measures the time between a process's timer calls. It
 * can take the place of the first one while calls go on, since it counts into
 * the same maps.
 */
#include "syscall-handler.h"

struct timer_gap_key {
	u32 nr;
	/* Gaps of [2^slot, 2^(slot+1)) microseconds; 0 holds all below two. */
	u32 slot;
};

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct timer_gap_key);
	__type(value, u64);
} timer_gaps SEC(".maps");

/* A process's last timer call, CLOCK_MONOTONIC nanoseconds. */
struct {
	__uint(type, MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, u64);
} timer_last SEC(".maps");

/* Gaps shorter than this are not put into timer_gaps; 0: all are. */
const volatile u64 min_gap_ns = 0;

static __always_inline u32 log2_floor(u64 value)
{
	u32 result = 0;

	for (u32 step = 32; step; step /= 2) {
		if (value >> step) {
			value >>= step;
			result += step;
		}
	}
	return result;
}

static __always_inline void count_gap(u32 nr, u64 gap_ns)
{
	struct timer_gap_key key = { .nr = nr, .slot = log2_floor(gap_ns / 1000) };

	if (gap_ns < min_gap_ns)
		return;
	if (count_in(&timer_gaps, &key))
		COUNT_HERE(losses, counts);
}

SYSCALL_HANDLER(timer)
{
	u32 pid = current_pid();
	u64 now = bpf_ktime_get_ns();
	u64 *last = bpf_map_lookup_elem(&timer_last, &pid);

	(void)ctx;
	if (last) {
		u64 before = *last;

		*last = now;
		/* Threads of one process may pass each other: no gap, then. */
		if (before <= now)
			count_gap(nr, now - before);
	} else {
		bpf_map_update_elem(&timer_last, &pid, &now, MAP_ANY);
	}

	count_call(nr);
	send_call(nr);
}

DUAL_LICENSE;
