// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The dispatcher of syscalls.bpf.c without tail calls: what its timer handler
 * does stands in the program that is attached. What the two differ in is what a
 * tail call costs.
 */
#include "../../ebpf-programs/syscalls.bpf.c"

SYS_ENTER
int inlined(u64 *ctx)
{
	u64 number = NUMBER(ctx);

	if (is_compat_call()) {
		COUNT_HERE(calls, compat);
		return 0;
	}

	if (number >= 222 && number <= 226) {
		count_call(number);
		send_call(number);
		return 0;
	}

	COUNT_HERE(calls, fell_through);
	return 0;
}
