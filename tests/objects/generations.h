/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What is shared by a dispatcher of five slots and by the handlers that are put
 * into all of them at once, time and again, each time with a higher number.
 */
#ifndef GENERATIONS_H
#define GENERATIONS_H

#include "../../ebpf-programs/probe.h"

/* Calls of x86-64 that no kernel implements. */
#define FIRST_CALL 181
#define SLOTS 5

#define MAP_TYPE_ARRAY 2

/* Events, on one CPU. */
struct outcome {
	u64 events;
	/* An older handler ran although a newer one had run before the event began. */
	u64 old_after_new;
	u64 fell_through;
};

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct outcome);
} outcome SEC(".maps");

/* The highest number of a handler that ran, on any CPU. */
struct {
	__uint(type, MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} newest SEC(".maps");

struct dispatched {
	u64 newest;
};

/* The same as it was when the event began that is under way on this CPU. */
struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct dispatched);
} dispatched SEC(".maps");

/* How many events each handler saw. */
struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, u64);
	__type(value, u64);
} seen SEC(".maps");

#endif
