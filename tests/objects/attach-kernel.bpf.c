// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Programs that kernels have besides probes: a hook of the security modules, a
 * trampoline that may sleep, and an iterator.
 */
#include "attach.h"

static long (*const bpf_seq_printf)(void *seq, const char *format, u32 format_size,
				    const void *data, u32 data_size) = (void *)126;

SEC("lsm/task_setnice")
int on_setnice(u64 *ctx __attribute__((unused)))
{
	return count(0, 0);
}

/* What the kernel means by "nobody had an opinion" at this hook. */
#define ENOSYS 38

SEC("lsm.s/task_prctl")
int on_prctl(u64 *ctx __attribute__((unused)))
{
	count(0, 0);
	return -ENOSYS;
}

SEC("fentry.s")
int may_sleep(u64 *ctx __attribute__((unused)))
{
	return count(0, 0);
}

/* What an iterator is handed: members of the kernel's interface, in this order. */
struct seq_file;

struct iteration {
	struct seq_file *seq;
	u64 session;
	u64 number;
};

struct task_struct {
	s32 pid;
	s32 tgid;
} KERNEL_STRUCT;

struct task_iteration {
	struct iteration *meta;
	struct task_struct *task;
};

SEC("iter/task")
int each_task(struct task_iteration *ctx)
{
	static const char format[] = "task %d\n";
	struct task_struct *task = ctx->task;
	u64 id;

	/* The last call of a run has none. */
	if (!task)
		return 0;
	id = task->tgid;
	bpf_seq_printf(ctx->meta->seq, format, sizeof(format), &id, sizeof(id));
	return 0;
}

DUAL_LICENSE;
