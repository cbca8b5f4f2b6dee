// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Programs that call helpers they can't: for want of a licence, and because
 * their type hasn't got them.
 */
#include "../../ebpf-programs/probe.h"

static long (*const bpf_trace_printk)(const char *format, u32 size, ...) = (void *)6;
static long (*const bpf_copy_from_user)(void *to, u32 size, const void *from) = (void *)148;
static long (*const bpf_get_func_ret)(void *ctx, u64 *value) = (void *)184;

SEC("raw_tracepoint/sys_enter")
int prints(void *ctx)
{
	static const char text[] = "system call";

	(void)ctx;
	return bpf_trace_printk(text, sizeof(text));
}

SEC("raw_tracepoint/sys_enter")
int copies(u64 *ctx)
{
	u64 value;

	return bpf_copy_from_user(&value, sizeof(value), (void *)ctx[0]);
}

SEC("kretprobe/do_nanosleep")
int returns(struct registers *ctx)
{
	u64 value;

	return bpf_get_func_ret(ctx, &value);
}

char LICENSE[] SEC("license") = "Proprietary";
