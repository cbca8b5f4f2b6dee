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
#include "syscall-handler.h"

#ifdef SYSCALLS_EXACT

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

GENERATION(handlers);

struct {
	__uint(type, MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 300);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
} handlers SEC(".maps");

/* The key of `calls`, not on a stack. */
static const u32 ONLY_ENTRY = 0;

/*
 * A tail call gives back what its program has on the stack and puts back the
 * registers that it has saved. So there is nothing of either here: nothing is kept
 * over a call of a helper, and which interface a call came through is what handlers
 * ask.
 */
SYS_ENTER
int dispatch(u64 *ctx)
{
	/* The kernel takes numbers for 32 bits with a sign, which it has extended. */
	TAIL_CALL_IN_GENERATION(ctx, handlers, NUMBER(ctx));

	if (is_compat_call()) {
		COUNT_AT(calls, &ONLY_ENTRY, compat);
		return 0;
	}
	/* Or the compiler looks the entry up once, and keeps the answer meanwhile. */
	asm volatile("");
	COUNT_AT(calls, &ONLY_ENTRY, fell_through);
	return 0;
}

/* Starts of programs: execve, and execveat if it is given a slot. */
SYSCALL_HANDLER(exec)
{
	u64 path = argument(ctx, nr == SYSCALL_EXECVEAT);

	count_call(nr);
	send_call_with_path(nr, (const void *)path);
}

/* POSIX timers: which of the five operations it is, the number says. */
SYSCALL_HANDLER(timer)
{
	(void)ctx;
	count_call(nr);
	send_call(nr);
}

DUAL_LICENSE;
