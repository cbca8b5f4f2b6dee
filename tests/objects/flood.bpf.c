// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Sends records of 64 bytes, 256 for each call of a system call that nobody has.
 * For measuring how fast records are read, and how many are lost.
 */
#include "../../ebpf-programs/probe.h"

#define AT_ONCE 256

/* Of no system call: the kernel refuses it after its tracepoint. */
const volatile u64 number = 100000;

struct flood_event {
	u64 time_ns;
	u64 sequence;
	u64 bytes;
	u32 pid;
	u32 cpu;
	u32 nr;
	s32 result;
	char comm[16];
	u64 cookie;
};

struct flood_losses {
	u64 full;
};

struct {
	__uint(type, MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} flood SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct flood_losses);
} flood_losses SEC(".maps");

/* One thread floods. */
u64 sent;

/* Not inlined, so that the record's type is reachable in BTF. */
static __noinline void describe(struct flood_event *event, u64 time, u32 index)
{
	event->time_ns = time;
	event->sequence = sent++;
	event->bytes = 1000 + index;
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->cpu = bpf_get_smp_processor_id();
	event->nr = index;
	event->result = -(s32)index;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	event->cookie = 0x1122334455667788ULL;
}

SEC("raw_tracepoint/sys_enter")
int flood_records(u64 *ctx)
{
	u64 time;

	if (ctx[1] != number)
		return 0;
	time = bpf_ktime_get_ns();
	for (u32 i = 0; i < AT_ONCE; i++) {
		struct flood_event *event = bpf_ringbuf_reserve(&flood, sizeof(*event), 0);

		if (!event) {
			COUNT_HERE(flood_losses, full);
			continue;
		}
		describe(event, time, i);
		bpf_ringbuf_submit(event, 0);
	}
	return 0;
}

DUAL_LICENSE;
