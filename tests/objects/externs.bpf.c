// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * What programs may expect of a kernel besides its types: options of its
 * configuration, variables with and without type, functions; some of them weak
 * and not there.
 */
#include "core.h"

#define __kconfig __attribute__((section(".kconfig")))
#define __ksym __attribute__((section(".ksyms")))
#define __weak __attribute__((weak))

enum libbpf_tristate {
	TRI_NO,
	TRI_YES,
	TRI_MODULE,
};

extern int LINUX_KERNEL_VERSION __kconfig;
extern unsigned int CONFIG_HZ __kconfig;
extern _Bool CONFIG_BPF_SYSCALL __kconfig;
extern enum libbpf_tristate CONFIG_BPF __kconfig;
extern char CONFIG_BPF_JIT __kconfig __weak;
extern u64 CONFIG_LOG_BUF_SHIFT __kconfig;
extern char CONFIG_CC_VERSION_TEXT[24] __kconfig;
extern u16 CONFIG_OF_NO_KERNEL __kconfig __weak;
extern _Bool LINUX_HAS_BPF_COOKIE __kconfig __weak;

extern const void schedule __ksym;
extern const void nowhere_symbol __ksym __weak;
extern const int bpf_prog_active __ksym;
extern const u64 nowhere_variable __ksym __weak;

extern void bpf_rcu_read_lock(void) __ksym __weak;
extern void bpf_rcu_read_unlock(void) __ksym __weak;
extern void bpf_nowhere_function(int) __ksym __weak;

SEC("raw_tracepoint/sys_enter")
u64 config(void *ctx)
{
	(void)ctx;
	return LINUX_KERNEL_VERSION + CONFIG_HZ * 3 + CONFIG_BPF_SYSCALL + CONFIG_BPF * 5 +
	       CONFIG_BPF_JIT + CONFIG_LOG_BUF_SHIFT + CONFIG_CC_VERSION_TEXT[5] +
	       CONFIG_OF_NO_KERNEL + LINUX_HAS_BPF_COOKIE;
}

SEC("raw_tracepoint/sys_enter")
u64 addresses(void *ctx)
{
	(void)ctx;
	return (u64)&schedule + (u64)&nowhere_symbol;
}

SEC("raw_tracepoint/sys_enter")
u64 variables(void *ctx)
{
	(void)ctx;
	return (u64)&bpf_prog_active + (u64)&nowhere_variable;
}

SEC("tp_btf/sys_enter")
int functions(void *ctx)
{
	(void)ctx;
	if (bpf_rcu_read_lock) {
		bpf_rcu_read_lock();
		bpf_rcu_read_unlock();
	}
	if (bpf_nowhere_function)
		bpf_nowhere_function(3);
	return 0;
}

DUAL_LICENSE;
