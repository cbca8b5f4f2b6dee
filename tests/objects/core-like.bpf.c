// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Asks whether types are like those of made-up-kernel.bpf.c, member by member.
 * Compilers before clang 15 can't ask.
 */
#include "core.h"

struct moved;
struct forward;

enum colour {
	GREEN = 1,
	RED = 2,
};

enum colour___more {
	GREEN___more,
	RED___more,
	YELLOW,
};

struct likeness {
	int number;
	u64 large;
	struct moved *pointer;
	struct forward *forward;
	enum colour colour;
	int values[3];
};

struct likeness___fewer {
	u64 large;
};

struct likeness___sign {
	u32 number;
};

struct likeness___width {
	long number;
};

struct likeness___length {
	int values[4];
};

struct likeness___pointer {
	struct forward *pointer;
};

struct likeness___union {
	union moved___kind *pointer;
};

struct likeness___by_value {
	struct moved_by_value {
		int a;
	} moved;
};

struct likeness___extra {
	int nowhere;
};

struct likeness___call {
	int (*call)(struct moved *, int);
};

struct likeness___other_call {
	int (*call)(struct moved *);
};

struct likeness___result {
	void (*call)(struct moved *, int);
};

struct likeness___hidden {
	struct {
		int hidden;
	};
};

union likeness___kind {
	int number;
};

struct not_there {
	int number;
};

typedef int (*handler)(struct moved *, unsigned int);
typedef int number_type;
typedef long number_type___long;

#if HAS_TYPE_MATCHES
ASK(same, void, TYPE_MATCHES(struct likeness))
ASK(fewer, void, TYPE_MATCHES(struct likeness___fewer))
ASK(sign, void, TYPE_MATCHES(struct likeness___sign))
ASK(width, void, TYPE_MATCHES(struct likeness___width))
ASK(length, void, TYPE_MATCHES(struct likeness___length))
ASK(pointer, void, TYPE_MATCHES(struct likeness___pointer))
ASK(pointer_to_union, void, TYPE_MATCHES(struct likeness___union))
ASK(by_value, void, TYPE_MATCHES(struct likeness___by_value))
ASK(extra, void, TYPE_MATCHES(struct likeness___extra))
ASK(call, void, TYPE_MATCHES(struct likeness___call))
ASK(other_call, void, TYPE_MATCHES(struct likeness___other_call))
ASK(result, void, TYPE_MATCHES(struct likeness___result))
ASK(hidden, void, TYPE_MATCHES(struct likeness___hidden))
ASK(kind, void, TYPE_MATCHES(union likeness___kind))
ASK(nowhere, void, TYPE_MATCHES(struct not_there))
ASK(enumeration, void, TYPE_MATCHES(enum colour))
ASK(enumeration_more, void, TYPE_MATCHES(enum colour___more))
ASK(function, void, TYPE_MATCHES(handler))
ASK(number, void, TYPE_MATCHES(number_type))
ASK(number_long, void, TYPE_MATCHES(number_type___long))
#endif

DUAL_LICENSE;
