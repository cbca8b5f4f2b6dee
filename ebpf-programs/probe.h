/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What every probe needs to talk to the kernel: types, sections, map
 * definitions, helpers, CO-RE reads and the registers of each architecture.
 *
 * It stands alone on purpose: no vmlinux.h, no libbpf and no kernel headers, so
 * that an object's bytes depend on these sources and the compiler alone. Nothing
 * in here knows what any probe counts.
 */
#ifndef PROBE_H
#define PROBE_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;
typedef long long s64;

#define bool _Bool
#define NULL ((void *)0)
#define offsetof(type, member) __builtin_offsetof(type, member)

#define SEC(name) __attribute__((section(name), used))
#define __always_inline inline __attribute__((always_inline))
#define __noinline __attribute__((noinline))

/* The helpers marked GPL-only by the kernel need a compatible license string. */
#define DUAL_LICENSE char LICENSE[] SEC("license") = "Dual MIT/GPL"

/*
 * Members of a map definition in section .maps. Loaders read them from BTF: a
 * number is the length of an array type, a type is what a pointer points to.
 */
#define __uint(name, value) int(*name)[value]
#define __type(name, type) typeof(type) *name

/*
 * Whether the runner gives a variable another value than the source does, a
 * constant once the object is loaded. It is asked as one asks for a kernel's
 * enumerator: the runner answers for enumerations of this name, and no kernel
 * has one, so any other loader says no.
 */
#define MAY_BE_GIVEN(variable)                                                                     \
	enum given_variables___##variable { variable##___given = 1 }
#define IS_GIVEN(variable)                                                                         \
	__builtin_preserve_enum_value(*(enum given_variables___##variable *)variable##___given, 0)

/*
 * Lets the runner change all slots of a PROG_ARRAY at once. A probe file asks for
 * it with `generation: MAP_generation`: then the array has two halves, this
 * variable says where the one in use begins, a store into it changes every slot,
 * and MAP_slots is the size of a half. Otherwise the array's own size counts.
 */
#define GENERATION(map)                                                                            \
	MAY_BE_GIVEN(map##_slots);                                                                 \
	const volatile u32 map##_slots = 0xffffffff;                                               \
	volatile u32 map##_generation

/*
 * Tail-calls the program in a slot (a u32) of the half in use; goes on where there
 * is none. Without halves it is the kernel alone that compares the slot with the
 * array's size, and nothing of this remains but a constant.
 */
#define TAIL_CALL_IN_GENERATION(ctx, map, slot)                                                    \
	do {                                                                                       \
		const u32 slot_ = (slot);                                                          \
		if (!IS_GIVEN(map##_slots))                                                        \
			bpf_tail_call(ctx, &map, slot_);                                           \
		else if (slot_ < map##_slots)                                                      \
			bpf_tail_call(ctx, &map, map##_generation + slot_);                        \
	} while (0)

enum {
	MAP_TYPE_HASH = 1,
	MAP_TYPE_PROG_ARRAY = 3,
	MAP_TYPE_PERCPU_ARRAY = 6,
	MAP_TYPE_LRU_HASH = 9,
	MAP_TYPE_RINGBUF = 27,
};

/* Flags of an update: create or replace; create only. */
enum {
	MAP_ANY = 0,
	MAP_NOEXIST = 1,
};

#define EEXIST 17

/*
 * Helpers by number (enum bpf_func_id of the kernel's interface; fixed for
 * ever). The newest ones here are of 5.8, so all kernels from 5.10 have them.
 */
static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
/*
 * Only 32 bits of these two results hold: before Linux 6.4 the kernel jumps right
 * to a map's function, which returns an int and leaves the other half as it is.
 */
static int (*const bpf_map_update_elem)(void *map, const void *key, const void *value,
					u64 flags) = (void *)2;
static int (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static u64 (*const bpf_ktime_get_ns)(void) = (void *)5;
static u32 (*const bpf_get_smp_processor_id)(void) = (void *)8;
static long (*const bpf_tail_call)(void *ctx, void *prog_array, u32 index) = (void *)12;
static u64 (*const bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*const bpf_get_current_comm)(void *to, u32 size) = (void *)16;
static u64 (*const bpf_get_current_task)(void) = (void *)35;
static long (*const bpf_get_numa_node_id)(void) = (void *)42;
static long (*const bpf_probe_read_kernel)(void *to, u32 size, const void *from) = (void *)113;
static long (*const bpf_probe_read_user_str)(void *to, u32 size, const void *from) = (void *)114;
static void *(*const bpf_ringbuf_reserve)(void *ring, u64 size, u64 flags) = (void *)131;
static void (*const bpf_ringbuf_submit)(void *record, u64 flags) = (void *)132;

/*
 * A struct of the kernel of which only the members named here are known: their
 * offsets are put in when the object is loaded, from the running kernel's BTF.
 */
#define KERNEL_STRUCT __attribute__((preserve_access_index))

/* Reads a member (or a member's member) of a kernel struct; 0 if unreadable. */
#define KERNEL_READ(from, member)                                                         \
	({                                                                                \
		typeof(from) from_ = (from);                                              \
		typeof(from_->member) value_;                                             \
		bpf_probe_read_kernel(&value_, sizeof(value_), &from_->member);           \
		value_;                                                                   \
	})

/*
 * Whether the running kernel has a helper, a constant once the object is loaded:
 * the verifier never sees the branch that is not taken.
 */
#define HELPER_EXISTS(name) __builtin_preserve_enum_value(*(enum bpf_func_id *)BPF_FUNC_##name, 0)

/* Newer helpers that a probe may ask for. */
enum bpf_func_id {
	BPF_FUNC_get_current_task_btf = 158,
};

/*
 * The registers that a kprobe is handed and that the kernel keeps of a task in
 * a system call. Their layout is part of each architecture's user interface
 * (ptrace), so no relocation is needed.
 */
#if defined(__TARGET_ARCH_x86)

struct registers {
	u64 r15, r14, r13, r12, bp, bx;
	u64 r11, r10, r9, r8, ax, cx, dx, si, di;
	u64 orig_ax, ip, cs, flags, sp, ss;
};

#define FUNCTION_ARGUMENT_0(registers) ((registers)->di)
#define FUNCTION_ARGUMENT_1(registers) ((registers)->si)
#define FUNCTION_RESULT(registers) ((registers)->ax)
#define SYSCALL_ARGUMENT_0(registers) ((registers)->di)
#define SYSCALL_ARGUMENT_1(registers) ((registers)->si)

/*
 * The stack pointer at a function's first instruction and after its return
 * name the same call: the `ret` has popped the return address.
 */
#define STACK_AT_ENTRY(registers) ((registers)->sp)
#define STACK_BEFORE_RETURN(registers) ((registers)->sp - 8)

#define SYSCALL_EXECVEAT 322

#elif defined(__TARGET_ARCH_arm64)

struct registers {
	u64 regs[31];
	u64 sp, pc, pstate;
};

#define FUNCTION_ARGUMENT_0(registers) ((registers)->regs[0])
#define FUNCTION_ARGUMENT_1(registers) ((registers)->regs[1])
#define FUNCTION_RESULT(registers) ((registers)->regs[0])
#define SYSCALL_ARGUMENT_0(registers) ((registers)->regs[0])
#define SYSCALL_ARGUMENT_1(registers) ((registers)->regs[1])

/* The return address is in a register here: a return moves no stack. */
#define STACK_AT_ENTRY(registers) ((registers)->sp)
#define STACK_BEFORE_RETURN(registers) ((registers)->sp)

#define SYSCALL_EXECVEAT 281

#else
#error "define __TARGET_ARCH_x86 or __TARGET_ARCH_arm64"
#endif

static __always_inline u16 from_big_endian_16(u16 value)
{
	return __builtin_bswap16(value);
}

/*
 * Adds one to the u64 under a key of a hash that all CPUs share. A new key
 * starts at 1: storing 0 would lose its first event. When two CPUs create a key
 * at once, the one that comes second adds to what the first has stored.
 *
 * Returns 0, or the negative errno for which the kernel took no new key: the
 * event is not counted then, and the caller says so.
 */
static __always_inline int count_in(void *map, const void *key)
{
	u64 *count = bpf_map_lookup_elem(map, key);

	if (!count) {
		const u64 first = 1;
		int error = bpf_map_update_elem(map, key, &first, MAP_NOEXIST);

		if (error != -EEXIST)
			return error;
		count = bpf_map_lookup_elem(map, key);
		if (!count)
			return error;
	}
	__sync_fetch_and_add(count, 1);
	return 0;
}

/*
 * Adds one to a member of the entry under a key of a per-CPU array, on this CPU. No
 * other event of the same probe interrupts in between, or the kernel skips it (and
 * counts the skip as a recursion miss), so this needs no atomic.
 */
#define COUNT_AT(percpu_array, key, member)                                               \
	({                                                                                \
		typeof((percpu_array).value) entry_ =                                     \
			bpf_map_lookup_elem(&(percpu_array), key);                        \
		if (entry_)                                                               \
			entry_->member++;                                                 \
	})

/* The same in a per-CPU array's only entry. */
#define COUNT_HERE(percpu_array, member)                                                  \
	({                                                                                \
		const u32 only_ = 0;                                                      \
		COUNT_AT(percpu_array, &only_, member);                                   \
	})

#endif
