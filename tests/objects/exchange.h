/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What is shared by the handlers that take turns in one slot, each compiled on
 * its own: where they count, and what they are attached to. With TRACEPOINT it
 * is the tracepoint raw_syscalls/sys_enter, else the raw tracepoint sys_enter.
 */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "../../ebpf-programs/probe.h"

#ifdef TRACEPOINT
#define SYS_ENTER SEC("tracepoint/raw_syscalls/sys_enter")
#else
#define SYS_ENTER SEC("raw_tracepoint/sys_enter")
#endif

/* Both contexts, in words, have the call's number in word 1. */
#define NUMBER(ctx) ((ctx)[1])

/* A call of x86-64 that no kernel implements. */
#define CALL 183

/* Calls by who saw them, on one CPU. */
struct exchanged {
	u64 first;
	u64 second;
	u64 fell_through;
};

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct exchanged);
} exchanged SEC(".maps");

#endif
