// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The types of a kernel that isn't: core-made-up.bpf.c is linked for it. Here
 * every case has an answer that can be written down; real kernels have few of
 * them and change. Only the types in the object (.BTF) matter.
 */
#include "core.h"

struct moved {
	s64 before;
	int b;
	int a;
};

struct other_member {
	int unrelated;
};

struct widths {
	u64 grown;
	u16 shrunk;
	s64 sign_grown;
	int sign_same;
	void *pointer;
	u8 bytes[16];
	u64 words[4];
};

struct nested {
	int first;
	union {
		s64 number;
		struct {
			int low;
			struct moved inner;
		};
	};
};

struct arrays {
	s64 before;
	int values[8];
	int few[2];
	int grid[4][3];
	struct moved items[3];
};

struct flexible {
	s64 count;
	int rest[];
};

struct grown_flexible {
	int count;
	int rest[4];
	int after;
};

struct bits {
	u32 before : 5;
	u32 narrow : 3;
	s32 with_sign : 7;
	u64 wide : 40;
	u8 plain;
} __attribute__((packed));

struct crossing {
	u32 low : 30;
	u32 over : 10;
} __attribute__((packed));

enum colour {
	GREEN = 7,
	RED = 5,
	BEHIND = -3,
};

enum large {
	LARGE_SMALL = 3,
	LARGE_LARGE = 0x123456789aULL,
	LARGE_NEGATIVE = -5,
};

enum shrunk {
	SHRUNK = 12,
};

enum large_unsigned {
	TOP = 0xffffffff00000001ULL,
};

typedef struct {
	int unnamed;
	long more;
} only_typedef;

typedef int number_type;

typedef int (*handler)(struct moved *, u32);
typedef int (*other_handler)(struct moved *);

union either {
	int number;
	u64 large;
	struct moved moved;
};

/* Two layouts of one name. */
struct twice___one {
	int same;
	int differs;
	int only_first;
};

struct twice___two {
	int same;
	int between;
	int differs;
	int only_second;
};

struct forward;

struct kinds {
	struct moved was_number;
	int was_struct;
	enum shrunk colour;
	struct forward *pointer;
	u32 *number_pointer;
	float real;
	void (*function)(int);
	_Bool flag;
	char letter;
	struct moved const volatile qualified;
	number_type typedefed;
};

struct likeness {
	int number;
	u64 large;
	struct moved *pointer;
	struct forward *forward;
	enum colour colour;
	struct moved moved;
	int values[3];
	int (*call)(struct moved *, int);
	struct {
		int hidden;
	};
};

struct deep {
	union {
		struct {
			union {
				struct {
					char skipped[3];
					int found;
				};
			};
		};
	};
};

#define HOLD(number, type) typeof(type) held_##number

HOLD(1, struct moved);
HOLD(2, struct widths);
HOLD(3, struct nested);
HOLD(4, struct arrays);
struct flexible *held_5;
HOLD(6, struct grown_flexible);
HOLD(7, struct bits);
HOLD(8, struct crossing);
HOLD(9, enum colour);
HOLD(10, enum large);
HOLD(11, enum shrunk);
only_typedef held_12;
number_type held_13;
handler held_14;
other_handler held_15;
HOLD(16, union either);
HOLD(17, struct twice___one);
HOLD(18, struct twice___two);
HOLD(19, struct kinds);
HOLD(20, struct likeness);
HOLD(21, struct deep);
HOLD(22, struct other_member);
HOLD(23, enum large_unsigned);

/* Enumerators of one name need scopes of their own. */
SEC("raw_tracepoint/sys_enter")
int first_scope(void *ctx)
{
	enum twice_enum { TWICE = 1, ONCE = 4 };
	static volatile enum twice_enum held = TWICE;

	(void)ctx;
	return held + ONCE;
}

SEC("raw_tracepoint/sys_enter")
int second_scope(void *ctx)
{
	enum twice_enum { TWICE = 2 };
	static volatile enum twice_enum held = TWICE;

	(void)ctx;
	return held;
}

DUAL_LICENSE;
