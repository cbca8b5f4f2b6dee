// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Programs at the kernel's functions and tracepoints that count by process and
 * by the cookie that they were attached with.
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

static __always_inline int count(void *ctx)
{
	struct hit hit = {
		.pid = bpf_get_current_pid_tgid() >> 32,
		.cookie = bpf_get_attach_cookie(ctx),
	};

	count_in(&hits, &hit);
	return 0;
}

SEC("kprobe")
int by_kprobe(void *ctx)
{
	return count(ctx);
}

SEC("kretprobe")
int by_kretprobe(void *ctx)
{
	return count(ctx);
}

SEC("tracepoint")
int by_tracepoint(void *ctx)
{
	return count(ctx);
}

SEC("fentry")
int by_fentry(void *ctx)
{
	return count(ctx);
}

SEC("fexit")
int by_fexit(void *ctx)
{
	return count(ctx);
}

SEC("raw_tracepoint")
int by_raw_tracepoint(void *ctx)
{
	return count(ctx);
}

SEC("tp_btf")
int by_btf_tracepoint(void *ctx)
{
	return count(ctx);
}

DUAL_LICENSE;
