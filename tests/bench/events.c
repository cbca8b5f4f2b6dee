// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The consumer that a C programmer would write with libbpf: loads an object whose
 * program sends records through a ring buffer, attaches it, and counts the
 * records or writes them as JSON until SIGINT. What `cargo xtask bench events`
 * measures probe-runner against.
 *
 *   events OBJECT PROGRAM MAP count|json
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* As in tests/objects/flood.bpf.c. */
struct flood_event {
	uint64_t time_ns;
	uint64_t sequence;
	uint64_t bytes;
	uint32_t pid;
	uint32_t cpu;
	uint32_t nr;
	int32_t result;
	char comm[16];
	uint64_t cookie;
};

static volatile sig_atomic_t ended;
static uint64_t records, sum;
static char out[1 << 16];

static void end(int signal)
{
	(void)signal;
	ended = 1;
}

/* Every field is looked at, or the compiler would leave the record unread. */
static int count(void *context, void *data, size_t size)
{
	const struct flood_event *event = data;

	(void)context;
	if (size < sizeof(*event))
		return 0;
	sum += event->time_ns + event->sequence + event->bytes + event->pid + event->cpu +
	       event->nr + event->result + event->comm[0] + event->cookie;
	records++;
	return 0;
}

static int json(void *context, void *data, size_t size)
{
	const struct flood_event *event = data;

	(void)context;
	if (size < sizeof(*event))
		return 0;
	/* The name of this program's own process needs no escapes. */
	printf("{\"type\":\"event\",\"probe\":\"flood\",\"map\":\"flood\",\"row\":{"
	       "\"time_ns\":%lu,\"sequence\":%lu,\"bytes\":%lu,\"pid\":%u,\"cpu\":%u,"
	       "\"nr\":%u,\"result\":%d,\"comm\":\"%.16s\",\"cookie\":%lu}}\n",
	       event->time_ns, event->sequence, event->bytes, event->pid, event->cpu,
	       event->nr, event->result, event->comm, event->cookie);
	records++;
	return 0;
}

static int fail(const char *what)
{
	perror(what);
	return 1;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = end };
	struct bpf_object *object;
	struct bpf_program *program;
	struct ring_buffer *ring;
	struct bpf_link *link;
	int map;

	if (argc != 5) {
		fprintf(stderr, "usage: events OBJECT PROGRAM MAP count|json\n");
		return 64;
	}
	sigaction(SIGINT, &action, NULL);
	setvbuf(stdout, out, _IOFBF, sizeof(out));
	object = bpf_object__open_file(argv[1], NULL);
	if (!object || bpf_object__load(object))
		return fail("load");
	program = bpf_object__find_program_by_name(object, argv[2]);
	map = bpf_object__find_map_fd_by_name(object, argv[3]);
	if (!program || map < 0)
		return fail("names");
	ring = ring_buffer__new(map, !strcmp(argv[4], "json") ? json : count, NULL, NULL);
	if (!ring)
		return fail("ring");
	link = bpf_program__attach(program);
	if (!link)
		return fail("attach");
	fprintf(stderr, "attached\n");
	while (!ended) {
		int polled = ring_buffer__poll(ring, -1);

		if (polled < 0 && polled != -EINTR)
			return fail("poll");
	}
	fflush(stdout);
	fprintf(stderr, "%lu records (%lx)\n", records, sum);
	bpf_link__destroy(link);
	ring_buffer__free(ring);
	bpf_object__close(object);
	return 0;
}
