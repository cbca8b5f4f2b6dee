// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Programs that can't do without what no kernel has, or not every one.
 */
#include "../../ebpf-programs/probe.h"

struct task_struct {
	int no_such_member;
} KERNEL_STRUCT;

/* Since 5.14; it was called `state` before. */
struct task_struct___new {
	u32 __state;
} KERNEL_STRUCT;

struct task_struct___old {
	long state;
} KERNEL_STRUCT;

enum no_such_enum {
	NO_SUCH_VALUE = 1,
};

struct no_such_struct {
	int member;
} KERNEL_STRUCT;

SEC("raw_tracepoint/sys_enter")
int reads_no_member(void *ctx __attribute__((unused)))
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return KERNEL_READ(task, no_such_member);
}

SEC("raw_tracepoint/sys_enter")
int reads_no_struct(u64 *ctx)
{
	struct no_such_struct *it = (void *)ctx[0];

	return KERNEL_READ(it, member);
}

SEC("raw_tracepoint/sys_enter")
u64 asks_for_no_value(void *ctx __attribute__((unused)))
{
	return __builtin_preserve_enum_value(*(enum no_such_enum *)NO_SUCH_VALUE, 1);
}

SEC("raw_tracepoint/sys_enter")
int reads_new_member(void *ctx __attribute__((unused)))
{
	struct task_struct___new *task = (void *)bpf_get_current_task();

	return KERNEL_READ(task, __state);
}

SEC("raw_tracepoint/sys_enter")
int reads_old_member(void *ctx __attribute__((unused)))
{
	struct task_struct___old *task = (void *)bpf_get_current_task();

	return KERNEL_READ(task, state);
}

DUAL_LICENSE;
