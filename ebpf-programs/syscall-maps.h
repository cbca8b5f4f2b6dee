/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What handlers of system calls share: the maps that hold counts, events and
 * losses, the shapes in them, and how a handler adds to them.
 *
 * A handler compiled on its own includes this and gets the same three maps by
 * name. Nothing in here knows how a handler was reached.
 */
#ifndef SYSCALL_MAPS_H
#define SYSCALL_MAPS_H

#include "probe.h"

#define COMM_SIZE 16
#define PATH_SIZE 256

struct syscall_key {
	u32 nr;
	/* The process (thread group), as `ps` shows it. */
	u32 pid;
};

/* One record of `events`. A record that ends before `path` has none. */
struct syscall_event {
	/* CLOCK_MONOTONIC. */
	u64 time_ns;
	u32 nr;
	u32 pid;
	u32 tid;
	char comm[COMM_SIZE];
	/* As the process gave it, cut at 255 bytes; empty if unreadable. */
	char path[PATH_SIZE];
};

/* What makes counts or events short, on one CPU. */
struct syscall_losses {
	/* Events for which the ring buffer had no room. */
	u64 events;
	/* Calls of a new key that the kernel found no room for. */
	u64 counts;
	/* Events whose path is at a bad address, or not in memory right then. */
	u64 paths;
};

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct syscall_key);
	__type(value, u64);
} counts SEC(".maps");

struct {
	__uint(type, MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct syscall_losses);
} losses SEC(".maps");

static __always_inline u32 current_pid(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

static __always_inline void count_call(u32 nr)
{
	struct syscall_key key = { .nr = nr, .pid = current_pid() };

	if (count_in(&counts, &key))
		COUNT_HERE(losses, counts);
}

/*
 * Says who calls what and when. It is a subprogram, not inlined, so that the
 * record's type is reachable in BTF: a reader decodes `events` with it.
 */
static __noinline void describe_call(struct syscall_event *event, u32 nr)
{
	u64 pid_tgid = bpf_get_current_pid_tgid();

	event->time_ns = bpf_ktime_get_ns();
	event->nr = nr;
	event->pid = pid_tgid >> 32;
	event->tid = (u32)pid_tgid;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
}

/* Sends an event without a path. */
static __always_inline void send_call(u32 nr)
{
	struct syscall_event *event =
		bpf_ringbuf_reserve(&events, offsetof(struct syscall_event, path), 0);

	if (!event) {
		COUNT_HERE(losses, events);
		return;
	}
	describe_call(event, nr);
	bpf_ringbuf_submit(event, 0);
}

/* Sends an event with a path that is read from the calling process. */
static __always_inline void send_call_with_path(u32 nr, const void *path)
{
	struct syscall_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		COUNT_HERE(losses, events);
		return;
	}
	/* The buffer still holds older records: don't hand their bytes on. */
	__builtin_memset(event, 0, sizeof(*event));
	describe_call(event, nr);
	if (bpf_probe_read_user_str(event->path, sizeof(event->path), path) < 0)
		COUNT_HERE(losses, paths);
	bpf_ringbuf_submit(event, 0);
}

#endif
