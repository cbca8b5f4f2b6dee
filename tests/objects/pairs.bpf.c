// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Pairs of programs at a function's entry and its return, with the mistakes
 * that such pairs are known for. The kernel takes them all.
 */
#include "../../ebpf-programs/probe.h"

#define IN_FLIGHT(name, map_type, key_type)                                               \
	struct {                                                                          \
		__uint(type, map_type);                                                   \
		__uint(max_entries, 1024);                                                \
		__type(key, key_type);                                                    \
		__type(value, u64);                                                       \
	} name SEC(".maps")

IN_FLIGHT(by_pid, MAP_TYPE_HASH, u32);
IN_FLIGHT(by_task, MAP_TYPE_LRU_HASH, u64);
IN_FLIGHT(by_stack, MAP_TYPE_HASH, u64);
IN_FLIGHT(calls, MAP_TYPE_HASH, u32);

u64 total;

SEC("kprobe/get_rps_cpu")
int entry_by_pid(const struct registers *ctx)
{
	const u32 pid = bpf_get_current_pid_tgid();
	const u64 argument = FUNCTION_ARGUMENT_0(ctx);

	bpf_map_update_elem(&by_pid, &pid, &argument, MAP_ANY);
	return 0;
}

/* Looks up and leaves the entry where it is. */
SEC("kretprobe/get_rps_cpu")
int return_by_pid(const struct registers *ctx)
{
	const u32 pid = bpf_get_current_pid_tgid();
	const u64 *argument = bpf_map_lookup_elem(&by_pid, &pid);

	if (argument)
		total += *argument + FUNCTION_RESULT(ctx);
	return 0;
}

SEC("kprobe/do_nanosleep")
int entry_by_task(const struct registers *ctx)
{
	const u64 id = bpf_get_current_pid_tgid();
	const u64 argument = FUNCTION_ARGUMENT_0(ctx);

	bpf_map_update_elem(&by_task, &id, &argument, MAP_ANY);
	return 0;
}

SEC("kretprobe/do_nanosleep")
int return_by_task(const struct registers *ctx)
{
	const u64 id = bpf_get_current_pid_tgid();
	const u64 *argument = bpf_map_lookup_elem(&by_task, &id);

	if (argument)
		total += *argument + FUNCTION_RESULT(ctx);
	return 0;
}

/* As it should be. */
SEC("kprobe/get_rps_cpu")
int entry_by_stack(const struct registers *ctx)
{
	const u64 stack = STACK_AT_ENTRY(ctx);
	const u64 argument = FUNCTION_ARGUMENT_0(ctx);
	const u32 pid = bpf_get_current_pid_tgid();

	count_in(&calls, &pid);
	bpf_map_update_elem(&by_stack, &stack, &argument, MAP_ANY);
	return 0;
}

SEC("kretprobe/get_rps_cpu")
int return_by_stack(const struct registers *ctx)
{
	const u64 stack = STACK_BEFORE_RETURN(ctx);
	const u64 *argument = bpf_map_lookup_elem(&by_stack, &stack);
	const u32 pid = bpf_get_current_pid_tgid();

	count_in(&calls, &pid);
	if (argument)
		total += *argument + FUNCTION_RESULT(ctx);
	bpf_map_delete_elem(&by_stack, &stack);
	return 0;
}

SEC("kretprobe/get_rps_cpu")
int return_with_arguments(const struct registers *ctx)
{
	total += FUNCTION_ARGUMENT_1(ctx);
	return 0;
}

SEC("kprobe/get_rps_cpu")
int entry_with_result(const struct registers *ctx)
{
	total += FUNCTION_RESULT(ctx);
	return 0;
}

DUAL_LICENSE;
