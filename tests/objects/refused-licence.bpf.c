// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Helpers that the kernel only lends to programs under the GPL, in an object that
 * says it isn't.
 */
#include "../../ebpf-programs/probe.h"

SEC("raw_tracepoint/sys_enter")
int reads(u64 *ctx)
{
	u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (void *)ctx[0]);
	return value;
}

SEC("raw_tracepoint/sys_enter")
int asks_for_task(void *ctx __attribute__((unused)))
{
	return bpf_get_current_task() != 0;
}

/* Not an affair of the licence: this helper is everybody's. */
SEC("raw_tracepoint/sys_enter")
int counts(void *ctx __attribute__((unused)))
{
	return bpf_get_smp_processor_id();
}

char LICENSE[] SEC("license") = "Proprietary";
