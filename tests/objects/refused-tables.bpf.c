// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A dispatcher and a handler of every kind of program, all for one PROG_ARRAY.
 * Which of them the kernel lets share it is under test.
 */
#include "../../ebpf-programs/probe.h"

struct {
	__uint(type, MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, u32);
} table SEC(".maps");

#define KIND(section, name)                                                               \
	SEC(section) int name##_dispatch(void *ctx)                                       \
	{                                                                                 \
		bpf_tail_call(ctx, &table, 1);                                            \
		return 0;                                                                 \
	}                                                                                 \
	SEC(section) int name##_handler(void *ctx __attribute__((unused)))                \
	{                                                                                 \
		return 0;                                                                 \
	}

KIND("raw_tracepoint/sys_enter", raw)
KIND("tracepoint/raw_syscalls/sys_enter", tp)
KIND("tp_btf/sys_enter", btf_enter)
KIND("tp_btf/sys_exit", btf_exit)
KIND("fentry/vfs_read", entry)
KIND("fexit/vfs_read", exit)
KIND("fexit/vfs_llseek", exit_other)
KIND("kprobe/vfs_read", kprobe)
KIND("kprobe.multi/vfs_read", multi)
KIND("perf_event", perf)
KIND("lsm/task_setnice", lsm)
KIND("lsm.s/task_prctl", sleeping)

/* Handlers that read what their callers don't have. */
SEC("fentry/vfs_fallocate")
int entry_reads_fifth(u64 *ctx)
{
	return ctx[4];
}

SEC("tp_btf/sched_switch")
int btf_reads_third(u64 *ctx)
{
	return ctx[2];
}

DUAL_LICENSE;
