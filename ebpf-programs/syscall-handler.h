/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What a handler of system calls begins with: what it is attached to, the call's
 * number, and whether that is a number of the 64-bit interface at all. A
 * dispatcher asks none of this: it would have to keep its context meanwhile, for
 * every call that has a handler.
 */
#ifndef SYSCALL_HANDLER_H
#define SYSCALL_HANDLER_H

#include "syscall-maps.h"

/*
 * Programs are built for the raw tracepoint sys_enter, or with SYSCALLS_EXACT for
 * the tracepoint raw_syscalls/sys_enter, which costs about twice as much and loses
 * nothing on kernels (7.2 and later) where a raw tracepoint may skip calls.
 */
#ifdef SYSCALLS_EXACT
#define SYS_ENTER SEC("tracepoint/raw_syscalls/sys_enter")
#else
#define SYS_ENTER SEC("raw_tracepoint/sys_enter")
#endif

/* Both contexts, in words, have the call's number in word 1. */
#define NUMBER(ctx) ((ctx)[1])

/* Calls that no handler saw, on one CPU. */
struct syscall_calls {
	/* The slot of the call's number is empty, or there is no such slot. */
	u64 fell_through;
	/* Made through the 32-bit interface, where numbers mean other calls. */
	u64 compat;
};

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct syscall_calls);
} calls SEC(".maps");

#if defined(__TARGET_ARCH_x86)

struct thread_info {
	u32 status;
} KERNEL_STRUCT;

/*
 * TS_COMPAT, a mark of the single call: a 64-bit process too may make calls
 * through the 32-bit interface (int 0x80).
 */
#define COMPAT_WORD thread_info.status
#define COMPAT_BIT 0x0002

#elif defined(__TARGET_ARCH_arm64)

struct thread_info {
	unsigned long flags;
} KERNEL_STRUCT;

/* TIF_32BIT, a mark of the task: a process is 32-bit as a whole here. */
#define COMPAT_WORD thread_info.flags
#define COMPAT_BIT (1UL << 22)

#endif

struct task_struct {
	struct thread_info thread_info;
} KERNEL_STRUCT;

static struct task_struct *(*const bpf_get_current_task_btf)(void) = (void *)158;

/*
 * Every system call of the machine pays for this question. From Linux 5.11 on a
 * helper gives the task as a pointer that may be followed; 5.10 needs a copy of
 * the word, which is several times the work. The loader puts in which it is.
 */
static __always_inline bool is_compat_call(void)
{
	if (HELPER_EXISTS(get_current_task_btf))
		return bpf_get_current_task_btf()->COMPAT_WORD & COMPAT_BIT;

	return KERNEL_READ((struct task_struct *)bpf_get_current_task(), COMPAT_WORD) & COMPAT_BIT;
}

/*
 * A handler: what it does with a call's context `ctx` and number `nr`. Calls through
 * the 32-bit interface are counted and kept from it.
 */
#define SYSCALL_HANDLER(name)                                                             \
	static __always_inline void name##_call(u64 *ctx, u32 nr);                        \
	SYS_ENTER                                                                         \
	int name(u64 *ctx)                                                                \
	{                                                                                 \
		u32 nr = NUMBER(ctx);                                                     \
		if (is_compat_call())                                                     \
			COUNT_HERE(calls, compat);                                        \
		else                                                                      \
			name##_call(ctx, nr);                                             \
		return 0;                                                                 \
	}                                                                                 \
	static __always_inline void name##_call(u64 *ctx, u32 nr)

#endif
