// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Programs that run outside of kernel functions: at places of an executable, and
 * at perf events. Each counts by process and by the one number that it sees.
 */
#include "attach.h"

/* Page faults are counted from the first address to before the last one. */
const volatile u64 first_address;
const volatile u64 end_address;

/* `struct bpf_perf_event_data` of the kernel's interface. */
struct perf_event_data {
	struct registers registers;
	u64 period;
	u64 address;
};

SEC("uprobe")
int at_entry(struct registers *ctx)
{
	return count(FUNCTION_ARGUMENT_0(ctx), 0);
}

SEC("uprobe")
int at_entry_with_cookie(struct registers *ctx)
{
	return count(FUNCTION_ARGUMENT_0(ctx), bpf_get_attach_cookie(ctx));
}

SEC("uretprobe")
int at_return(struct registers *ctx)
{
	return count(FUNCTION_RESULT(ctx), 0);
}

SEC("perf_event")
int at_fault(struct perf_event_data *ctx)
{
	if (ctx->address < first_address || ctx->address >= end_address)
		return 0;
	return count(0, 0);
}

SEC("perf_event")
int at_sample(void *ctx __attribute__((unused)))
{
	return count(0, 0);
}

DUAL_LICENSE;
