// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The loader that a C programmer would write with libbpf: opens an object, loads
 * it, fills PROG_ARRAY slots, attaches, and ends. What `cargo xtask bench attach`
 * measures probe-runner against.
 *
 *   attach OBJECT ATTACHED-PROGRAM [MAP FIRST-LAST HANDLER]...
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(const char *what)
{
	perror(what);
	return 1;
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: attach OBJECT PROGRAM [MAP FIRST-LAST HANDLER]...\n");
		return 64;
	}

	struct bpf_object *object = bpf_object__open_file(argv[1], NULL);
	if (!object)
		return fail("open");
	if (bpf_object__load(object))
		return fail("load");

	for (int i = 3; i + 2 < argc; i += 3) {
		int map = bpf_object__find_map_fd_by_name(object, argv[i]);
		struct bpf_program *handler =
			bpf_object__find_program_by_name(object, argv[i + 2]);
		unsigned int first, last;

		if (map < 0 || !handler || sscanf(argv[i + 1], "%u-%u", &first, &last) != 2)
			return fail("slots");
		int program = bpf_program__fd(handler);
		for (unsigned int slot = first; slot <= last; slot++)
			if (bpf_map_update_elem(map, &slot, &program, BPF_ANY))
				return fail("fill");
	}

	struct bpf_program *program = bpf_object__find_program_by_name(object, argv[2]);
	if (!program)
		return fail("program");
	struct bpf_link *link = bpf_program__attach(program);
	if (!link)
		return fail("attach");

	puts("attached");
	bpf_link__destroy(link);
	bpf_object__close(object);
	return 0;
}
