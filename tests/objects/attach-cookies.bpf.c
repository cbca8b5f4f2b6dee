// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Programs at the kernel's functions and tracepoints that count by process and
 * by the cookie that they were attached with.
 */
#include "attach.h"

SEC("kprobe")
int by_kprobe(void *ctx)
{
	return count(0, bpf_get_attach_cookie(ctx));
}

SEC("kretprobe")
int by_kretprobe(void *ctx)
{
	return count(0, bpf_get_attach_cookie(ctx));
}

SEC("tracepoint")
int by_tracepoint(void *ctx)
{
	return count(0, bpf_get_attach_cookie(ctx));
}

SEC("fentry")
int by_fentry(void *ctx)
{
	return count(0, bpf_get_attach_cookie(ctx));
}

SEC("fexit")
int by_fexit(void *ctx)
{
	return count(0, bpf_get_attach_cookie(ctx));
}

SEC("raw_tracepoint")
int by_raw_tracepoint(void *ctx)
{
	return count(0, bpf_get_attach_cookie(ctx));
}

SEC("tp_btf")
int by_btf_tracepoint(void *ctx)
{
	return count(0, bpf_get_attach_cookie(ctx));
}

DUAL_LICENSE;
