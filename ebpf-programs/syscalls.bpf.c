// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Hands each system call to the handler in the slot of its number. Which calls
 * are handled, and by what, is for the runner to say: it fills `handlers`, and
 * may change a slot while calls go on.
 *
 * Built twice: for the raw tracepoint sys_enter, and with SYSCALLS_EXACT for the
 * tracepoint raw_syscalls/sys_enter, which costs about twice as much and loses
 * nothing on kernels (7.2 and later) where a raw tracepoint may skip calls.
 */
#include "syscall-maps.h"

/* Both contexts, in words, have the call's number in word 1. */
#define NUMBER(ctx) ((ctx)[1])

#ifdef SYSCALLS_EXACT

#define SYS_ENTER SEC("tracepoint/raw_syscalls/sys_enter")

/*
 * The first argument, or the second one. The tracepoint's record has them from
 * word 2 on; both are read, since a context takes no computed offset.
 */
static __always_inline u64 argument(const volatile u64 *ctx, bool second)
{
	u64 argument_0 = ctx[2], argument_1 = ctx[3];

	return second ? argument_1 : argument_0;
}

#else

#define SYS_ENTER SEC("raw_tracepoint/sys_enter")

/*
 * The first argument, or the second one. The raw tracepoint's word 0 points to
 * the task's registers.
 */
static __always_inline u64 argument(const u64 *ctx, bool second)
{
	const struct registers *registers = (const void *)ctx[0];
	const u64 *place = second ? &SYSCALL_ARGUMENT_1(registers) : &SYSCALL_ARGUMENT_0(registers);
	u64 value;

	bpf_probe_read_kernel(&value, sizeof(value), place);
	return value;
}

#endif

/* Calls that no handler saw, on one CPU. */
struct syscall_calls {
	/* The slot of the call's number is empty, or there is no such slot. */
	u64 fell_through;
	/* Made through the 32-bit interface, where numbers mean other calls. */
	u64 compat;
};

GENERATION(handlers);

struct {
	__uint(type, MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 300);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
} handlers SEC(".maps");

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

SYS_ENTER
int dispatch(u64 *ctx)
{
	u64 number = NUMBER(ctx);

	if (is_compat_call()) {
		COUNT_HERE(calls, compat);
		return 0;
	}

	/* A number is a whole word of the caller's choice: it may be none of a slot. */
	TAIL_CALL_IN_GENERATION(ctx, handlers, number);

	COUNT_HERE(calls, fell_through);
	return 0;
}

/* Starts of programs: execve, and execveat if it is given a slot. */
SYS_ENTER
int exec(u64 *ctx)
{
	u32 nr = NUMBER(ctx);
	u64 path = argument(ctx, nr == SYSCALL_EXECVEAT);

	count_call(nr);
	send_call_with_path(nr, (const void *)path);
	return 0;
}

/* POSIX timers: which of the five operations it is, the number says. */
SYS_ENTER
int timer(u64 *ctx)
{
	u32 nr = NUMBER(ctx);

	count_call(nr);
	send_call(nr);
	return 0;
}

DUAL_LICENSE;
