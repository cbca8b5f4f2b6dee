// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Programs that expect what no kernel has, beside one that expects nothing: only
 * those that are used may fail.
 */
#include "core.h"

#define __kconfig __attribute__((section(".kconfig")))
#define __ksym __attribute__((section(".ksyms")))

extern void bpf_nowhere_function(int) __ksym;
extern const int nowhere_variable __ksym;
extern const void nowhere_symbol __ksym;
extern int CONFIG_NOWHERE __kconfig;
extern _Bool CONFIG_HZ __kconfig;
extern int bpf_rcu_read_lock(u64) __ksym;

SEC("raw_tracepoint/sys_enter")
int fine(void *ctx)
{
	(void)ctx;
	return 0;
}

SEC("raw_tracepoint/sys_enter")
int no_function(void *ctx)
{
	(void)ctx;
	bpf_nowhere_function(3);
	return 0;
}

SEC("raw_tracepoint/sys_enter")
u64 no_variable(void *ctx)
{
	(void)ctx;
	return (u64)&nowhere_variable;
}

SEC("raw_tracepoint/sys_enter")
u64 no_symbol(void *ctx)
{
	(void)ctx;
	return (u64)&nowhere_symbol;
}

SEC("raw_tracepoint/sys_enter")
int no_option(void *ctx)
{
	(void)ctx;
	return CONFIG_NOWHERE;
}

SEC("raw_tracepoint/sys_enter")
int not_a_number(void *ctx)
{
	(void)ctx;
	return CONFIG_HZ;
}

SEC("raw_tracepoint/sys_enter")
int other_function(void *ctx)
{
	(void)ctx;
	return bpf_rcu_read_lock(3);
}

DUAL_LICENSE;
