// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Counts how receive packet steering moves packets between CPUs: by device,
 * NUMA node and CPU that took the packet, and CPU that get_rps_cpu() chose.
 *
 *   static int get_rps_cpu(struct net_device *dev, struct sk_buff *skb,
 *                          struct rps_dev_flow **rflowp)
 *
 * Two ways to see it, either of which a runner attaches: `rps_fexit` has
 * arguments and result in one event; `rps_entry` and `rps_return` are for
 * kernels that refuse trampolines. Both count the same packets in the same map.
 */
#include "packet-filter.h"

struct net_device {
	int ifindex;
} KERNEL_STRUCT;

struct sk_buff {
	unsigned int len;
	unsigned int data_len;
	u16 protocol;
	unsigned char *data;
} KERNEL_STRUCT;

struct rps_key {
	u32 ifindex;
	u32 curr_node_id;
	u32 curr_cpu;
	/* -1: no CPU was chosen, the packet stays where it is. */
	s32 targ_cpu;
} __attribute__((packed));

/* Packets and calls that make the counts short, on one CPU. */
struct rps_loss {
	/* A call whose return was never seen: its stack was used again. */
	u64 overwritten;
	/* A return whose entry was not seen, or whose place was taken since. */
	u64 orphaned;
	/* Packets of a new key that the kernel found no room for. */
	u64 map_full;
	/* Packets whose headers the filter needed and could not read. */
	u64 unreadable;
};

/* A call between its entry and its return. */
struct rps_call {
	/* Where its return address lies, which no other live call shares; 0: free. */
	u64 stack;
	struct net_device *dev;
	struct sk_buff *skb;
};

/*
 * A CPU is in one call at a time, and in another where an interrupt brings a
 * packet meanwhile. Calls stay on their CPU: bottom halves are off.
 */
#define MAX_CALLS 4

struct rps_calls {
	struct rps_call calls[MAX_CALLS];
	/* How many of them are taken, the first aside. */
	u64 others;
};

struct {
	__uint(type, MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct rps_key);
	__type(value, u64);
} rps_record SEC(".maps");

/*
 * Calls between entry and return, by stack pointer: that is unique among live
 * calls. A pid is not, since the idle tasks are all pid 0 and a softirq borrows
 * whatever task it interrupts. The place of a call whose return is never seen is
 * used again when there is no other, so the map cannot fill up.
 */
struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct rps_calls);
} rps_in_flight SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct rps_loss);
} rps_loss SEC(".maps");

/* Also count packets that stay on their CPU, chosen or not. */
const volatile bool count_all = 0;

/* Whether a packet counts, as far as it can be told without looking into it. */
static __always_inline bool is_wanted(u32 ifindex, s32 target)
{
	if (filter_ifindex && ifindex != filter_ifindex)
		return 0;
	return count_all || (target >= 0 && (u32)target != bpf_get_smp_processor_id());
}

static __always_inline void count_packet(u32 ifindex, s32 target)
{
	struct rps_key key = {
		.ifindex = ifindex,
		.curr_node_id = bpf_get_numa_node_id(),
		.curr_cpu = bpf_get_smp_processor_id(),
		.targ_cpu = target,
	};

	if (count_in(&rps_record, &key))
		COUNT_HERE(rps_loss, map_full);
}

static __always_inline void count_match(u32 ifindex, s32 target, enum match match)
{
	switch (match) {
	case MATCHES:
		count_packet(ifindex, target);
		break;
	case UNREADABLE:
		COUNT_HERE(rps_loss, unreadable);
		break;
	case DIFFERS:
		break;
	}
}

/*
 * Both ways look into the packet when the function returns: get_rps_cpu() has
 * neither freed nor moved it, and its caller, which owns it, has not gone on
 * yet. So they see the same bytes, and a packet that doesn't count is not read.
 *
 * The context holds the three arguments and then the result. These pointers may
 * be followed; those that a kprobe finds in registers have to be copied from.
 */
SEC("fexit/get_rps_cpu")
int rps_fexit(const u64 *ctx)
{
	struct net_device *dev = (void *)ctx[0];
	struct sk_buff *skb = (void *)ctx[1];
	s32 target = ctx[3];
	enum match match = MATCHES;

	if (!is_wanted(dev->ifindex, target))
		return 0;
	if (filter_reads_packets())
		match = packet_match(skb->data, skb->len - skb->data_len, skb->protocol);
	count_match(dev->ifindex, target, match);
	return 0;
}

static __always_inline struct rps_calls *calls_here(void)
{
	const u32 only = 0;

	return bpf_map_lookup_elem(&rps_in_flight, &only);
}

/* The call at a stack pointer; at 0, a free place. Not the first. */
static __always_inline struct rps_call *find_other(struct rps_calls *here, u64 stack)
{
	for (int i = 1; i < MAX_CALLS; i++)
		if (here->calls[i].stack == stack)
			return &here->calls[i];
	return NULL;
}

/* A place for a call at a stack pointer. The first is nearly always free. */
static __always_inline struct rps_call *place_for(struct rps_calls *here, u64 stack)
{
	struct rps_call *first = &here->calls[0], *other;

	if (!first->stack)
		return first;
	/* A return that was not seen has left its call, perhaps at the same stack. */
	if (first->stack != stack) {
		other = find_other(here, stack);
		if (!other) {
			other = find_other(here, 0);
			if (other) {
				here->others++;
				return other;
			}
		}
	} else {
		other = first;
	}
	COUNT_HERE(rps_loss, overwritten);
	return other ? other : first;
}

SEC("kprobe/get_rps_cpu")
int rps_entry(const struct registers *ctx)
{
	u64 stack = STACK_AT_ENTRY(ctx);
	struct rps_calls *here = calls_here();
	struct rps_call *call;

	if (!here)
		return 0;
	call = place_for(here, stack);
	call->stack = stack;
	call->dev = (void *)FUNCTION_ARGUMENT_0(ctx);
	call->skb = (void *)FUNCTION_ARGUMENT_1(ctx);
	return 0;
}

SEC("kretprobe/get_rps_cpu")
int rps_return(const struct registers *ctx)
{
	u64 stack = STACK_BEFORE_RETURN(ctx);
	struct rps_calls *here = calls_here();
	s32 target = FUNCTION_RESULT(ctx);
	enum match match = MATCHES;
	struct rps_call *call;
	u32 ifindex;

	if (!here)
		return 0;
	call = &here->calls[0];
	if (call->stack != stack) {
		call = here->others ? find_other(here, stack) : NULL;
		if (!call) {
			COUNT_HERE(rps_loss, orphaned);
			return 0;
		}
		here->others--;
	}
	/* Its place is free, and what it holds stays: no other entry runs on this CPU until the end. */
	call->stack = 0;

	ifindex = KERNEL_READ(call->dev, ifindex);
	if (!is_wanted(ifindex, target))
		return 0;
	if (filter_reads_packets())
		match = packet_match(KERNEL_READ(call->skb, data),
				     KERNEL_READ(call->skb, len) - KERNEL_READ(call->skb, data_len),
				     KERNEL_READ(call->skb, protocol));
	count_match(ifindex, target, match);
	return 0;
}

DUAL_LICENSE;
