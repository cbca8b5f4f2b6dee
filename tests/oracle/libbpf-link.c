/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What libbpf makes of an object: every program's instructions as they are after
 * relocation, whether the kernel then takes them or not. `cargo xtask libbpf-diff`
 * compares them with our own.
 *
 *   libbpf-link OBJECT [BTF]
 *
 * BTF is another kernel's type information, for CO-RE. It takes root, since libbpf
 * creates the maps before it relocates.
 *
 * Output, a line each:
 *   libbpf VERSION
 *   program NAME SECTION linked|refused
 *   map FD NAME            maps of the program above, by descriptor
 *   unmade INDEX NAME      maps that the kernel refused; instructions name their index
 *   insn HEX               an instruction, 16 digits, in the order of its bytes
 *   why TEXT               for refused programs: what libbpf said last
 *
 * Each program is linked on its own, so that one that libbpf refuses doesn't take the
 * others with it. Nothing here knows what the right result is.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MAPS 256
#define MAX_TEXT 512

/* What the log of one load says. */
static struct {
	struct {
		int fd;
		char name[MAX_TEXT];
	} made[MAX_MAPS];
	int made_count;
	char unmade[MAX_MAPS][MAX_TEXT];
	int unmade_count;
	/* libbpf had come to loading programs, so all were relocated. */
	bool relocated;
	char last[MAX_TEXT];
} seen;

static void note_made(const char *line)
{
	const char *name = strchr(line, '\''), *end;
	const char *fd = strstr(line, "created successfully, fd=");

	if (!name || !fd || seen.made_count == MAX_MAPS)
		return;
	end = strchr(++name, '\'');
	if (!end || end - name >= MAX_TEXT)
		return;
	snprintf(seen.made[seen.made_count].name, MAX_TEXT, "%.*s", (int)(end - name), name);
	seen.made[seen.made_count++].fd = atoi(strchr(fd, '=') + 1);
}

static void note_unmade(const char *line)
{
	const char *name = strchr(line, '\''), *end;

	if (!name || seen.unmade_count == MAX_MAPS)
		return;
	end = strchr(++name, '\'');
	if (end && end - name < MAX_TEXT)
		snprintf(seen.unmade[seen.unmade_count++], MAX_TEXT, "%.*s", (int)(end - name), name);
}

static int listen(enum libbpf_print_level level, const char *format, va_list arguments)
{
	static const char *const after_relocation[] = {
		"BPF program load failed",
		"failed to load program",
		"failed to prepare load attributes",
		"missing BPF prog type",
		"failed to initialize slot",
		"prog load log",
		"PROG LOAD LOG",
	};
	static char line[1 << 16];

	vsnprintf(line, sizeof(line), format, arguments);
	if (strstr(line, "created successfully, fd="))
		note_made(line);
	if (!strncmp(line, "libbpf: map '", 13) && strstr(line, "failed to create"))
		note_unmade(line);
	if (!strncmp(line, "libbpf: Error in bpf_create_map_xattr", 37))
		return 0;
	for (size_t i = 0; i < sizeof(after_relocation) / sizeof(*after_relocation); i++)
		if (strstr(line, after_relocation[i]))
			seen.relocated = true;
	if (level == LIBBPF_WARN && !seen.relocated) {
		/* The first reason is the telling one, unless libbpf merely says that it goes on. */
		if (!seen.last[0] || !strstr(line, "failed to load object"))
			snprintf(seen.last, sizeof(seen.last), "%.*s", (int)strcspn(line, "\n"), line);
	}
	return 0;
}

static bool is_unmade(const char *name, char (*names)[MAX_TEXT], int count)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static void print_linked(struct bpf_object *object, const struct bpf_program *program,
			 char (*unmade)[MAX_TEXT], int unmade_count)
{
	const struct bpf_insn *insns = bpf_program__insns(program);
	size_t count = bpf_program__insn_cnt(program);
	struct bpf_map *map;
	int index = 0;

	printf("program %s %s linked\n", bpf_program__name(program), bpf_program__section_name(program));
	for (int i = 0; i < seen.made_count; i++)
		printf("map %d %s\n", seen.made[i].fd, seen.made[i].name);
	bpf_object__for_each_map(map, object) {
		if (is_unmade(bpf_map__name(map), unmade, unmade_count))
			printf("unmade %d %s\n", index, bpf_map__name(map));
		index++;
	}
	for (size_t i = 0; i < count; i++) {
		const unsigned char *bytes = (const void *)&insns[i];

		printf("insn ");
		for (int byte = 0; byte < 8; byte++)
			printf("%02x", bytes[byte]);
		printf("\n");
	}
}

/* Links the program of that number; false when there is none. */
static bool link_program(const char *path, const char *btf, int number)
{
	char unmade[MAX_MAPS][MAX_TEXT];
	int unmade_count = 0;

	for (;;) {
		LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = btf);
		struct bpf_program *program, *wanted = NULL;
		struct bpf_object *object;
		struct bpf_map *map;
		int index = 0, error;

		memset(&seen, 0, sizeof(seen));
		object = bpf_object__open_file(path, &options);
		if (!object) {
			if (number == 0)
				printf("unopened\nwhy %s\n", seen.last);
			return false;
		}
		bpf_object__for_each_program(program, object) {
			bpf_program__set_autoload(program, index == number);
			if (index++ == number)
				wanted = program;
		}
		if (!wanted) {
			bpf_object__close(object);
			return false;
		}
		bpf_object__for_each_map(map, object) {
			bpf_map__set_pin_path(map, NULL);
			if (is_unmade(bpf_map__name(map), unmade, unmade_count))
				bpf_map__set_autocreate(map, false);
		}
		error = bpf_object__load(object);
		if (!error || seen.relocated) {
			print_linked(object, wanted, unmade, unmade_count);
		} else if (seen.unmade_count && unmade_count < MAX_MAPS) {
			/* Again without the map that the kernel refused. */
			strcpy(unmade[unmade_count++], seen.unmade[0]);
			bpf_object__close(object);
			continue;
		} else {
			printf("program %s %s refused\nwhy %s\n", bpf_program__name(wanted),
			       bpf_program__section_name(wanted), seen.last);
		}
		bpf_object__close(object);
		return true;
	}
}

int main(int count, char **arguments)
{
	if (count < 2 || count > 3) {
		fprintf(stderr, "usage: %s OBJECT [BTF]\n", arguments[0]);
		return 64;
	}
	libbpf_set_print(listen);
	printf("libbpf %s\n", libbpf_version_string());
	for (int number = 0; link_program(arguments[1], count == 3 ? arguments[2] : NULL, number); number++)
		;
	return 0;
}
