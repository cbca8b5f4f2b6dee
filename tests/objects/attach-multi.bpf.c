// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Programs for many functions at once, and one that decides what a function
 * returns.
 */
#include "attach.h"

SEC("kprobe.multi")
int at_entries(void *ctx __attribute__((unused)))
{
	return count(0, 0);
}

SEC("kprobe.multi")
int at_entries_with_cookie(void *ctx)
{
	return count(0, bpf_get_attach_cookie(ctx));
}

SEC("kretprobe.multi")
int at_returns(void *ctx __attribute__((unused)))
{
	return count(0, 0);
}

#define EPERM 1

/* Forbids what it is attached to, and so shows that it decides. */
SEC("fmod_ret")
int forbid(u64 *ctx __attribute__((unused)))
{
	count(0, 0);
	return -EPERM;
}

DUAL_LICENSE;
