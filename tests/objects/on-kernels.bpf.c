// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Programs that some kernels take and some don't: what they read, call and
 * expect is what old.kernel.c and new.kernel.c differ in.
 */
#include "core.h"

#define __kconfig __attribute__((section(".kconfig")))
#define __ksym __attribute__((section(".ksyms")))

#define MAP_TYPE_BLOOM_FILTER 30

static long (*const bpf_map_push_elem)(void *map, const void *value, u64 flags) = (void *)87;
/* Of 6.1. */
static u64 (*const bpf_ktime_get_tai_ns)(void) = (void *)208;

extern void bpf_nowhere_function(int) __ksym;
extern int bpf_known_function(u64 *) __ksym;
extern int CONFIG_NOWHERE __kconfig;
/* What a loader can make nothing of: it says neither. */
extern int undeclared;

struct packet {
	u64 length;
	int mark;
} KERNEL_STRUCT;

struct twice {
	int same;
	int differs;
} KERNEL_STRUCT;

struct {
	__uint(type, MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 64);
	__type(value, u32);
} seen SEC(".maps");

SEC("fentry/send_packet")
int at_entry(u64 *ctx)
{
	return ctx[0] != 0;
}

SEC("fentry/send_packet")
int at_entry_second(u64 *ctx)
{
	return ctx[1] != 0;
}

SEC("fexit/send_packet")
int at_exit(u64 *ctx)
{
	return ctx[2] != 0;
}

SEC("fexit/free_packet")
int at_exit_of_procedure(u64 *ctx)
{
	return ctx[1] != 0;
}

SEC("kprobe")
int at_kprobe(void *ctx __attribute__((unused)))
{
	return 0;
}

SEC("kretprobe")
int at_kretprobe(void *ctx __attribute__((unused)))
{
	return 0;
}

SEC("kprobe.multi")
int at_many(void *ctx __attribute__((unused)))
{
	return 0;
}

SEC("lsm/file_open")
int at_hook(u64 *ctx __attribute__((unused)))
{
	return 0;
}

SEC("tracepoint/raw_syscalls/sys_enter")
int at_record(u64 *ctx)
{
	return ctx[20] != 0;
}

SEC("raw_tracepoint/sys_enter")
int at_tracepoint(u64 *ctx)
{
	return ctx[1] != 0;
}

SEC("raw_tracepoint/sched_switch")
int at_switch(u64 *ctx)
{
	return ctx[2] != 0;
}

SEC("raw_tracepoint/sys_enter")
u64 reads_mark(u64 *ctx)
{
	struct packet *packet = (struct packet *)ctx[0];

	return KERNEL_READ(packet, mark);
}

SEC("raw_tracepoint/sys_enter")
u64 asks_for_mark(u64 *ctx)
{
	struct packet *packet = (struct packet *)ctx[0];

	return FIELD_EXISTS(packet->mark) ? KERNEL_READ(packet, mark) : 0;
}

SEC("raw_tracepoint/sys_enter")
u64 reads_one_of_two(u64 *ctx)
{
	struct twice *it = (struct twice *)ctx[0];

	return KERNEL_READ(it, differs);
}

SEC("raw_tracepoint/sys_enter")
u64 reads_the_same(u64 *ctx)
{
	struct twice *it = (struct twice *)ctx[0];

	return KERNEL_READ(it, same);
}

SEC("raw_tracepoint/sys_enter")
u64 reads_nameless(u64 *ctx)
{
	struct {
		int number;
	} KERNEL_STRUCT *it = (void *)ctx[0];

	return FIELD_OFFSET(it->number);
}

SEC("raw_tracepoint/sys_enter")
u64 calls_new_helper(void *ctx __attribute__((unused)))
{
	return bpf_ktime_get_tai_ns();
}

SEC("raw_tracepoint/sys_enter")
u64 remembers(u64 *ctx)
{
	u32 number = ctx[1];

	return bpf_map_push_elem(&seen, &number, 0);
}

SEC("raw_tracepoint/sys_enter")
int expects_function(void *ctx __attribute__((unused)))
{
	bpf_nowhere_function(3);
	return 0;
}

SEC("raw_tracepoint/sys_enter")
int expects_other_type(u64 *ctx)
{
	return bpf_known_function(ctx);
}

SEC("raw_tracepoint/sys_enter")
int expects_option(void *ctx __attribute__((unused)))
{
	return CONFIG_NOWHERE;
}

SEC("raw_tracepoint/sys_enter")
u64 expects_undeclared(void *ctx __attribute__((unused)))
{
	return (u64)&undeclared;
}

DUAL_LICENSE;
