// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Programs for many functions at once, and one that decides what a function
 * returns.
 */
#include "../../ebpf-programs/probe.h"

static u64 (*const bpf_get_attach_cookie)(void *ctx) = (void *)174;

struct hit {
	u32 pid;
	u32 padding;
	u64 cookie;
};

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct hit);
	__type(value, u64);
} hits SEC(".maps");

static __always_inline int count(u64 cookie)
{
	struct hit hit = {
		.pid = bpf_get_current_pid_tgid() >> 32,
		.cookie = cookie,
	};

	count_in(&hits, &hit);
	return 0;
}

SEC("kprobe.multi")
int at_entries(void *ctx __attribute__((unused)))
{
	return count(0);
}

SEC("kprobe.multi")
int at_entries_with_cookie(void *ctx)
{
	return count(bpf_get_attach_cookie(ctx));
}

SEC("kretprobe.multi")
int at_returns(void *ctx __attribute__((unused)))
{
	return count(0);
}

#define EPERM 1

/* Forbids what it is attached to, and so shows that it decides. */
SEC("fmod_ret")
int forbid(u64 *ctx __attribute__((unused)))
{
	count(0);
	return -EPERM;
}

DUAL_LICENSE;
