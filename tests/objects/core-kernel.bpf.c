// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * CO-RE with types that every kernel has, in shapes that changed between 5.10 and
 * now. What the answers are depends on the kernel; libbpf has to agree with them.
 */
#include "core.h"

struct list_head {
	struct list_head *next;
} KERNEL_STRUCT;

struct mm_struct {
	unsigned long task_size;
} KERNEL_STRUCT;

struct task_struct {
	int pid;
	int tgid;
	char comm[16];
	struct task_struct *group_leader;
	struct mm_struct *mm;
	unsigned int in_execve : 1;
	unsigned int sched_reset_on_fork : 1;
	struct list_head tasks;
} KERNEL_STRUCT;

/* Renamed in 5.14. */
struct task_struct___before {
	long state;
} KERNEL_STRUCT;

struct task_struct___after {
	unsigned int __state;
} KERNEL_STRUCT;

struct sk_buff {
	u32 len;
	u16 protocol;
	u8 pkt_type : 3;
	u8 ip_summed : 2;
	u8 *data;
	union {
		struct {
			struct sk_buff *next;
		};
	};
	u32 hash;
} KERNEL_STRUCT;

struct iphdr {
	u8 ihl : 4;
	u8 version : 4;
	u8 protocol;
} KERNEL_STRUCT;

struct tcphdr {
	u16 doff : 4;
	u16 syn : 1;
} KERNEL_STRUCT;

struct bpf_raw_tracepoint_args {
	u64 args[0];
} KERNEL_STRUCT;

struct nowhere_struct {
	int here;
} KERNEL_STRUCT;

enum pid_type {
	PIDTYPE_PID,
	PIDTYPE_MAX,
	PIDTYPE_NOWHERE = 77,
};

enum bpf_attach_type {
	BPF_TRACE_FENTRY,
	BPF_TRACE_KPROBE_MULTI,
};

typedef struct {
	int counter;
} KERNEL_STRUCT atomic_t;

typedef int (*initcall_t)(void);

SEC("raw_tracepoint/sys_enter")
u64 textbook(struct bpf_raw_tracepoint_args *ctx)
{
	return ctx->args[1];
}

SEC("raw_tracepoint/sys_enter")
u64 task(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct task_struct *leader = KERNEL_READ(task, group_leader);
	u64 sum = KERNEL_READ(leader, pid);
	char name[16];

	(void)ctx;
	bpf_probe_read_kernel(name, sizeof(name), &leader->comm);
	sum += KERNEL_READ(leader, tgid) + name[3];
	sum += KERNEL_READ(KERNEL_READ(leader, mm), task_size);
	sum += (u64)KERNEL_READ(leader, tasks.next);
	return sum + FIELD_OFFSET(leader->comm[2]);
}

SEC("raw_tracepoint/sys_enter")
u64 flavors(void *ctx)
{
	struct task_struct___before *before = (void *)bpf_get_current_task();
	struct task_struct___after *after = (void *)before;

	(void)ctx;
	if (FIELD_EXISTS(after->__state))
		return KERNEL_READ(after, __state);
	return KERNEL_READ(before, state);
}

SEC("tp_btf/sched_process_exec")
u64 direct(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	struct task_struct___after *after = (void *)task;

	return task->pid + task->group_leader->tgid + task->in_execve + after->__state;
}

SEC("raw_tracepoint/sys_enter")
u64 bit_fields(void *ctx)
{
	struct task_struct *task = ctx;
	struct sk_buff *skb = ctx;
	struct iphdr *ip = ctx;
	struct tcphdr *tcp = ctx;
	u64 sum = 0;

#define ADD(field)                                                                        \
	(sum = sum * 31 + FIELD_OFFSET(field) + FIELD_SIZE(field) * 3 + FIELD_SIGNED(field) * 5 + \
	       FIELD_LEFT_SHIFT(field) * 7 + FIELD_RIGHT_SHIFT(field) * 11)
	ADD(task->in_execve);
	ADD(task->sched_reset_on_fork);
	ADD(skb->pkt_type);
	ADD(skb->ip_summed);
	ADD(ip->ihl);
	ADD(ip->version);
	ADD(tcp->doff);
	ADD(tcp->syn);
	return sum;
}

SEC("raw_tracepoint/kfree_skb")
u64 packet(u64 *ctx)
{
	struct sk_buff *skb = (void *)ctx[0];

	return KERNEL_READ(skb, len) + KERNEL_READ(skb, protocol) + (u64)KERNEL_READ(skb, next) +
	       KERNEL_READ(skb, hash) + (u64)KERNEL_READ(skb, data);
}

SEC("raw_tracepoint/sys_enter")
u64 types(void *ctx)
{
	(void)ctx;
	return TYPE_SIZE(struct task_struct) + TYPE_SIZE(atomic_t) * 3 +
	       TYPE_EXISTS(struct nowhere_struct) * 5 + TYPE_EXISTS(initcall_t) * 7 +
	       TYPE_EXISTS(enum pid_type) * 11 + LOCAL_TYPE_ID(struct sk_buff) * 13 +
	       KERNEL_TYPE_ID(struct sk_buff) * 17 + KERNEL_TYPE_ID(struct nowhere_struct) * 19;
}

SEC("raw_tracepoint/sys_enter")
u64 enumerators(void *ctx)
{
	u64 sum = ENUMERATOR_VALUE(enum pid_type, PIDTYPE_MAX);

	(void)ctx;
	if (ENUMERATOR_EXISTS(enum pid_type, PIDTYPE_NOWHERE))
		sum += ENUMERATOR_VALUE(enum pid_type, PIDTYPE_NOWHERE);
	if (ENUMERATOR_EXISTS(enum bpf_attach_type, BPF_TRACE_KPROBE_MULTI))
		sum += ENUMERATOR_VALUE(enum bpf_attach_type, BPF_TRACE_KPROBE_MULTI);
	return sum + ENUMERATOR_VALUE(enum bpf_attach_type, BPF_TRACE_FENTRY);
}

SEC("raw_tracepoint/sys_enter")
u64 missing(struct nowhere_struct *ctx)
{
	return ctx->here;
}

DUAL_LICENSE;
