// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Every way to trace one function, for one that is in a module: each counts its
 * calls by process, in a row of its own.
 */
#include "attach.h"

enum way {
	BY_FENTRY,
	BY_FEXIT,
	BY_KPROBE,
	BY_KRETPROBE,
};

SEC("fentry")
int by_fentry(void *ctx __attribute__((unused)))
{
	return count(BY_FENTRY, 0);
}

SEC("fexit")
int by_fexit(void *ctx __attribute__((unused)))
{
	return count(BY_FEXIT, 0);
}

SEC("kprobe")
int by_kprobe(void *ctx __attribute__((unused)))
{
	return count(BY_KPROBE, 0);
}

SEC("kretprobe")
int by_kretprobe(void *ctx __attribute__((unused)))
{
	return count(BY_KRETPROBE, 0);
}

DUAL_LICENSE;
