// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Variables in every section, their addresses with and without offset, constants
 * that the compiler makes, and slots that the object fills itself.
 */
#include "core.h"

#define __array(name, type) typeof(type) *name[]

static long (*const bpf_trace_printk)(const char *format, u32 size, ...) = (void *)6;

int first(void *ctx);
int second(void *ctx);

struct {
	__uint(type, MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 300);
	__uint(key_size, 4);
	__array(values, int(void *));
} handlers SEC(".maps") = {
	.values = { [59] = (void *)&first, [222] = (void *)&second, [223] = (void *)&second },
};

const volatile u32 wanted = 7;
static const volatile u16 step = 3;
int table[3] = { 1, -2, 3 };
char tag[4] SEC(".data.tags") = "ab";
const char words[2][8] SEC(".rodata.words") = { "one", "two" };
u64 total;
static u32 hidden[4];
struct {
	u64 a, b;
	char name[16];
} record;

SEC("raw_tracepoint/sys_enter")
int dispatch(u64 *ctx)
{
	static int calls;
	u32 nr = ctx[1];

	calls++;
	total += wanted + step;
	table[2] += table[1];
	table[nr & 1]++;
	tag[1] = words[1][nr & 7];
	hidden[nr & 3] = calls;
	record.b += record.name[3];
	bpf_trace_printk("call %d", 8, nr);
	bpf_tail_call(ctx, &handlers, nr);
	return 0;
}

SEC("raw_tracepoint/sys_enter")
int first(void *ctx)
{
	(void)ctx;
	return hidden[3] + record.a;
}

SEC("raw_tracepoint/sys_enter")
int second(void *ctx)
{
	(void)ctx;
	return total;
}

DUAL_LICENSE;
