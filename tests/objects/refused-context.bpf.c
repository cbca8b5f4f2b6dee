// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Programs that read more of their context than they are handed.
 */
#include "../../ebpf-programs/probe.h"

SEC("raw_tracepoint/sys_enter")
int raw_third(u64 *ctx)
{
	return ctx[2];
}

SEC("raw_tracepoint/sys_enter")
int raw_twelfth(u64 *ctx)
{
	return ctx[11];
}

SEC("raw_tracepoint/sys_enter")
int raw_thirteenth(u64 *ctx)
{
	return ctx[12];
}

SEC("tp_btf/sys_enter")
int btf_third(u64 *ctx)
{
	return ctx[2];
}

SEC("fentry/vfs_llseek")
int entry_fourth(u64 *ctx)
{
	return ctx[3];
}

SEC("fexit/vfs_llseek")
int exit_fifth(u64 *ctx)
{
	return ctx[4];
}

/* kfree returns nothing. */
SEC("fexit/kfree")
int exit_result(u64 *ctx)
{
	return ctx[1];
}

SEC("tracepoint/raw_syscalls/sys_enter")
int tp_far(u64 *ctx)
{
	return ctx[40];
}

SEC("kprobe/vfs_read")
int kprobe_far(u64 *ctx)
{
	return ctx[200];
}

SEC("kretprobe/vfs_read")
int kretprobe_far(u64 *ctx)
{
	return ctx[21];
}

DUAL_LICENSE;
