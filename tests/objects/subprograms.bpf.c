// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Subprograms in every way: static and global, shared by programs, calling each
 * other, as callbacks, with relocations of their own and with tail calls.
 */
#include "core.h"

static long (*const bpf_loop)(u32 count, void *callback, void *argument, u64 flags) = (void *)181;
static long (*const bpf_for_each_map_elem)(void *map, void *callback, void *argument,
					   u64 flags) = (void *)164;

struct task_struct {
	int pid;
	struct task_struct *group_leader;
} KERNEL_STRUCT;

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, u64);
} seen SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, 4);
} next SEC(".maps");

u64 total;

static __noinline u64 leaf(u32 key)
{
	u64 *value = bpf_map_lookup_elem(&seen, &key);

	return value ? *value : total;
}

static __noinline u64 pid_of(struct task_struct *task)
{
	return KERNEL_READ(task, pid) + leaf(7);
}

__noinline u64 branch(u32 key)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	total += key;
	return pid_of(KERNEL_READ(task, group_leader)) + leaf(key);
}

__attribute__((visibility("hidden"))) __noinline u64 hidden(u32 key)
{
	return leaf(key) * 3 + total;
}

__attribute__((weak)) __noinline u64 weak(u32 key)
{
	return hidden(key) ^ branch(key);
}

static long each(u32 index, u64 *sum)
{
	*sum += leaf(index);
	return 0;
}

static long each_entry(void *map, u32 *key, u64 *value, u64 *sum)
{
	(void)map;
	*sum += *key + *value + branch(*key);
	return 0;
}

static __noinline int jump(void *ctx, u32 slot)
{
	bpf_tail_call(ctx, &next, slot);
	return 1;
}

SEC("raw_tracepoint/sys_enter")
u64 one(void *ctx)
{
	(void)ctx;
	return branch(1) + leaf(2);
}

SEC("raw_tracepoint/sys_enter")
u64 two(void *ctx)
{
	(void)ctx;
	return leaf(1) + weak(2) + branch(3);
}

SEC("raw_tracepoint/sys_exit")
u64 callbacks(void *ctx)
{
	u64 sum = 0;

	(void)ctx;
	bpf_loop(4, each, &sum, 0);
	bpf_for_each_map_elem(&seen, each_entry, &sum, 0);
	return sum;
}

SEC("raw_tracepoint/sys_exit")
int jumping(void *ctx)
{
	return jump(ctx, 1) + jump(ctx, 2);
}

SEC("raw_tracepoint/sys_exit")
int alone(void *ctx)
{
	(void)ctx;
	return 0;
}

DUAL_LICENSE;
