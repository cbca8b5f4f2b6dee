// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The loader that a C programmer would write with libbpf: opens an object, loads
 * the programs in use, fills PROG_ARRAY slots, attaches, and ends. What
 * `cargo xtask bench attach` measures probe-runner against.
 *
 *   attach OBJECT PROGRAM[,PROGRAM] [MAP FIRST-LAST HANDLER]...
 *   attach OBJECT load:PROGRAM[,PROGRAM]
 *
 * Programs are attached in this order, each where its section says; with `load:`
 * they are only loaded.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int names(const char *list, const char *name)
{
	size_t length = strlen(name);

	while (list) {
		if (!strncmp(list, name, length) && (list[length] == ',' || !list[length]))
			return 1;
		list = strchr(list, ',');
		list = list ? list + 1 : NULL;
	}
	return 0;
}

static int is_used(const char *name, int argc, char **argv)
{
	for (int i = 5; i < argc; i += 3)
		if (!strcmp(argv[i], name))
			return 1;
	return names(argv[2], name);
}

int main(int argc, char **argv)
{
	struct bpf_link *links[8];
	int attached = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: attach OBJECT PROGRAM[,PROGRAM] [MAP FIRST-LAST HANDLER]...\n");
		return 64;
	}

	int only_loads = !strncmp(argv[2], "load:", 5);
	if (only_loads)
		argv[2] += 5;

	struct bpf_object *object = bpf_object__open_file(argv[1], NULL);
	if (!object)
		return fail("open");
	struct bpf_program *program;
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, is_used(bpf_program__name(program), argc, argv));
	if (bpf_object__load(object))
		return fail("load");
	if (only_loads)
		return 0;

	for (int i = 3; i + 2 < argc; i += 3) {
		int map = bpf_object__find_map_fd_by_name(object, argv[i]);
		struct bpf_program *handler =
			bpf_object__find_program_by_name(object, argv[i + 2]);
		unsigned int first, last;

		if (map < 0 || !handler || sscanf(argv[i + 1], "%u-%u", &first, &last) != 2)
			return fail("slots");
		int descriptor = bpf_program__fd(handler);
		for (unsigned int slot = first; slot <= last; slot++)
			if (bpf_map_update_elem(map, &slot, &descriptor, BPF_ANY))
				return fail("fill");
	}

	for (char *name = strtok(argv[2], ","); name && attached < 8; name = strtok(NULL, ",")) {
		program = bpf_object__find_program_by_name(object, name);
		if (!program)
			return fail("program");
		links[attached] = bpf_program__attach(program);
		if (!links[attached++])
			return fail("attach");
	}

	puts("attached");
	while (attached)
		bpf_link__destroy(links[--attached]);
	bpf_object__close(object);
	return 0;
}
