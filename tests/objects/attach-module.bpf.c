// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Every way to trace one function, for one that is in a module: each counts its
 * calls by process, in a row of its own.
 */
#include "../../ebpf-programs/probe.h"

enum way {
	BY_FENTRY,
	BY_FEXIT,
	BY_KPROBE,
	BY_KRETPROBE,
};

struct hit {
	u32 pid;
	u32 way;
};

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct hit);
	__type(value, u64);
} hits SEC(".maps");

static __always_inline int count(enum way way)
{
	struct hit hit = { .pid = bpf_get_current_pid_tgid() >> 32, .way = way };

	count_in(&hits, &hit);
	return 0;
}

SEC("fentry")
int by_fentry(void *ctx __attribute__((unused)))
{
	return count(BY_FENTRY);
}

SEC("fexit")
int by_fexit(void *ctx __attribute__((unused)))
{
	return count(BY_FEXIT);
}

SEC("kprobe")
int by_kprobe(void *ctx __attribute__((unused)))
{
	return count(BY_KPROBE);
}

SEC("kretprobe")
int by_kretprobe(void *ctx __attribute__((unused)))
{
	return count(BY_KRETPROBE);
}

DUAL_LICENSE;
