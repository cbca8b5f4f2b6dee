/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What programs of every way to attach do: they count by process, by the cookie
 * that they were attached with, and by a number of their own.
 */
#include "../../ebpf-programs/probe.h"

static u64 (*const bpf_get_attach_cookie)(void *ctx) __attribute__((unused)) = (void *)174;

struct hit {
	u32 pid;
	u32 number;
	u64 cookie;
};

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct hit);
	__type(value, u64);
} hits SEC(".maps");

static __always_inline int count(u32 number, u64 cookie)
{
	struct hit hit = {
		.pid = bpf_get_current_pid_tgid() >> 32,
		.number = number,
		.cookie = cookie,
	};

	count_in(&hits, &hit);
	return 0;
}
