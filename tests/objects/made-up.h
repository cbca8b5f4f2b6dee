/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the made-up kernels of *.kernel.c have in common: the names by which a
 * kernel's types tell what it can do. They are compiled like programs, since
 * that is how types are made, and never run.
 */
#ifndef MADE_UP_H
#define MADE_UP_H

typedef unsigned long long u64;
typedef long long s64;

/* Enumerators by the dozen: only their numbers are looked at. */
#define TEN(name)                                                                         \
	name##0, name##1, name##2, name##3, name##4, name##5, name##6, name##7, name##8,  \
		name##9
#define HUNDRED(name)                                                                     \
	TEN(name##0), TEN(name##1), TEN(name##2), TEN(name##3), TEN(name##4),             \
		TEN(name##5), TEN(name##6), TEN(name##7), TEN(name##8), TEN(name##9)

/* Types that nothing uses are not kept: a variable of each does. */
#define HOLD(number, type) typeof(type) held_##number

/* What a kernel says of itself (init/version-timestamp.c). */
#define BANNER(release)                                                                   \
	const char linux_banner[] = "Linux version " release " (who@where) #1 SMP\n"

struct packet;

/* To be attached to; what they do doesn't matter. */
#define FUNCTION(result, name, ...)                                                       \
	result name(__VA_ARGS__)                                                          \
	{                                                                                 \
		return 0;                                                                 \
	}
#define PROCEDURE(name, ...)                                                              \
	void name(__VA_ARGS__)                                                            \
	{                                                                                 \
	}

struct three_words {
	u64 first, second, third;
};

struct pt_regs {
	u64 ip;
};

struct trace_event_raw_sys_enter {
	u64 common;
	s64 id;
	u64 args[6];
};

/* Two layouts of one name. */
struct twice___one {
	int same;
	int differs;
};

struct twice___two {
	int same;
	int between;
	int differs;
};

typedef void (*btf_trace_sys_enter)(void *, struct pt_regs *, long);
typedef void (*btf_trace_sched_switch)(void *, _Bool, void *, void *);

#define COMMON                                                                            \
	FUNCTION(int, send_packet, struct packet *packet __attribute__((unused)),         \
		 int queue __attribute__((unused)))                                       \
	PROCEDURE(free_packet, struct packet *packet __attribute__((unused)))             \
	PROCEDURE(take_three, struct three_words three __attribute__((unused)))           \
	FUNCTION(int, register_kprobe, void)                                              \
	FUNCTION(int, uprobe_register, void)                                              \
	FUNCTION(int, bpf_lsm_file_open, void *file __attribute__((unused)))              \
	FUNCTION(int, bpf_iter_task, void *meta __attribute__((unused)),                  \
		 void *task __attribute__((unused)))                                      \
	FUNCTION(int, bpf_known_function, int number __attribute__((unused)))             \
	struct bpf_tracing_link {                                                         \
		u64 link;                                                                 \
	};                                                                                \
	HOLD(tracing_link, struct bpf_tracing_link);                                      \
	HOLD(sys_enter_record, struct trace_event_raw_sys_enter);                         \
	HOLD(sys_enter, btf_trace_sys_enter);                                             \
	HOLD(sched_switch, btf_trace_sched_switch);                                       \
	HOLD(one, struct twice___one);                                                    \
	HOLD(two, struct twice___two);                                                    \
	HOLD(program_type, enum bpf_prog_type);                                           \
	HOLD(attach_type, enum bpf_attach_type);                                          \
	HOLD(map_type, enum bpf_map_type);                                                \
	HOLD(link_type, enum bpf_link_type);                                              \
	HOLD(helper, enum bpf_func_id);                                                   \
	HOLD(packet, struct packet)

#endif
