// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Every question that CO-RE can ask, with every way in which a kernel may answer:
 * those of made-up-kernel.bpf.c. The answers are written down in the linker's
 * tests; libbpf has to agree with them.
 */
#include "core.h"

#define LOCAL __attribute__((preserve_access_index))

struct moved {
	int a;
	int b;
	int gone;
} LOCAL;

struct moved___flavor {
	s64 before;
	int lost;
} LOCAL;

struct not_there {
	int a;
} LOCAL;

struct widths {
	u32 grown;
	u32 shrunk;
	int sign_grown;
	int sign_same;
	void *pointer;
	u8 bytes[8];
	u32 words[4];
} LOCAL;

struct nested {
	union {
		struct {
			struct moved inner;
			int low;
		};
		s64 number;
	};
	int first;
} LOCAL;

struct arrays {
	int values[4];
	int few[6];
	int grid[4][3];
	struct moved items[3];
} LOCAL;

struct flexible {
	int count;
	int rest[];
} LOCAL;

struct grown_flexible {
	int count;
	int rest[];
} LOCAL;

struct bits {
	u32 narrow : 3;
	s32 with_sign : 7;
	u64 wide : 40;
	u32 plain : 4;
	u32 lost : 2;
} LOCAL;

struct crossing {
	u32 over : 10;
} LOCAL;

enum colour {
	RED = 1,
	GREEN,
	BLUE,
	BEHIND,
};

enum colour___flavor {
	RED___again = 1,
};

enum large {
	LARGE_SMALL = 1,
	LARGE_LARGE = 2,
	LARGE_NEGATIVE = -1,
	LARGE_LOST = 4,
};

enum shrunk {
	SHRUNK = 0x100000000ULL,
};

enum large_unsigned {
	TOP = 0x100000000ULL,
};

enum not_there_enum {
	NOWHERE = 1,
};

typedef struct {
	long more;
	int unnamed;
} LOCAL only_typedef;

typedef int number_type;
typedef int (*handler)(struct moved *, u32);
typedef int (*other_handler)(struct moved *, u32);
typedef int not_there_type;

union either {
	u64 large;
	int number;
} LOCAL;

struct twice {
	int same;
	int differs;
	int only_first;
} LOCAL;

struct twice___second {
	int only_second;
	int differs;
} LOCAL;

enum twice_enum {
	TWICE = 9,
	ONCE = 9,
};

enum other_colour {
	OTHER,
};

struct forward;

struct kinds {
	int was_number;
	struct moved was_struct;
	enum other_colour colour;
	struct moved *pointer;
	u64 *number_pointer;
	float real;
	int (*function)(void);
	_Bool flag;
	char letter;
	struct moved qualified;
	long typedefed;
} LOCAL;

struct deep {
	int found;
} LOCAL;

/* Fields. */
ASK(offset_moved, struct moved, FIELD_OFFSET(it->a))
ASK(offset_gone, struct moved, FIELD_OFFSET(it->gone))
ASK(offset_no_struct, struct not_there, FIELD_OFFSET(it->a))
ASK(offset_flavor, struct moved___flavor, FIELD_OFFSET(it->before))
ASK(offset_nested, struct nested, FIELD_OFFSET(it->inner.b))
ASK(offset_anonymous, struct nested, FIELD_OFFSET(it->low))
ASK(offset_deep, struct deep, FIELD_OFFSET(it->found))
ASK(offset_element, struct arrays, FIELD_OFFSET(it->values[3]))
ASK(offset_of_few, struct arrays, FIELD_OFFSET(it->few[3]))
ASK(offset_grid, struct arrays, FIELD_OFFSET(it->grid[2][1]))
ASK(offset_item, struct arrays, FIELD_OFFSET(it->items[2].a))
ASK(offset_flexible, struct flexible, FIELD_OFFSET(it->rest[5]))
ASK(offset_grown_flexible, struct grown_flexible, FIELD_OFFSET(it->rest[2]))
ASK(offset_beyond_flexible, struct grown_flexible, FIELD_OFFSET(it->rest[4]))
ASK(offset_second_object, struct moved, FIELD_OFFSET(it[2].b))
ASK(offset_union, union either, FIELD_OFFSET(it->number))
ASK(offset_typedef, only_typedef, FIELD_OFFSET(it->more))
ASK(size_grown, struct widths, FIELD_SIZE(it->grown))
ASK(size_array, struct widths, FIELD_SIZE(it->words))
ASK(size_element, struct widths, FIELD_SIZE(it->words[1]))
ASK(size_struct, struct nested, FIELD_SIZE(it->inner))
ASK(exists_moved, struct moved, FIELD_EXISTS(it->b))
ASK(exists_gone, struct moved, FIELD_EXISTS(it->gone))
ASK(exists_flavor, struct moved___flavor, FIELD_EXISTS(it->lost))
ASK(exists_no_struct, struct not_there, FIELD_EXISTS(it->a))
ASK(exists_few, struct arrays, FIELD_EXISTS(it->few[1]))
ASK(exists_beyond_few, struct arrays, FIELD_EXISTS(it->few[2]))
ASK(exists_was_number, struct kinds, FIELD_EXISTS(it->was_number))
ASK(exists_was_struct, struct kinds, FIELD_EXISTS(it->was_struct))
ASK(exists_other_enum, struct kinds, FIELD_EXISTS(it->colour))
ASK(exists_pointer, struct kinds, FIELD_EXISTS(it->pointer))
ASK(exists_number_pointer, struct kinds, FIELD_EXISTS(it->number_pointer))
ASK(exists_real, struct kinds, FIELD_EXISTS(it->real))
ASK(exists_function, struct kinds, FIELD_EXISTS(it->function))
ASK(exists_qualified, struct kinds, FIELD_EXISTS(it->qualified.a))
ASK(exists_typedefed, struct kinds, FIELD_EXISTS(it->typedefed))
ASK(exists_only_first, struct twice, FIELD_EXISTS(it->only_first))
ASK(signed_grown, struct widths, FIELD_SIGNED(it->grown))
ASK(signed_sign, struct widths, FIELD_SIGNED(it->sign_grown))
ASK(signed_flag, struct kinds, FIELD_SIGNED(it->flag))
ASK(signed_letter, struct kinds, FIELD_SIGNED(it->letter))

/* Bit-fields: where their bytes are, how many, and the shifts that leave them. */
ASK(bits_narrow_offset, struct bits, FIELD_OFFSET(it->narrow))
ASK(bits_narrow_size, struct bits, FIELD_SIZE(it->narrow))
ASK(bits_narrow_left, struct bits, FIELD_LEFT_SHIFT(it->narrow))
ASK(bits_narrow_right, struct bits, FIELD_RIGHT_SHIFT(it->narrow))
ASK(bits_narrow_signed, struct bits, FIELD_SIGNED(it->narrow))
ASK(bits_sign_left, struct bits, FIELD_LEFT_SHIFT(it->with_sign))
ASK(bits_sign_right, struct bits, FIELD_RIGHT_SHIFT(it->with_sign))
ASK(bits_sign_signed, struct bits, FIELD_SIGNED(it->with_sign))
ASK(bits_wide_offset, struct bits, FIELD_OFFSET(it->wide))
ASK(bits_wide_size, struct bits, FIELD_SIZE(it->wide))
ASK(bits_wide_left, struct bits, FIELD_LEFT_SHIFT(it->wide))
ASK(bits_plain_offset, struct bits, FIELD_OFFSET(it->plain))
ASK(bits_plain_size, struct bits, FIELD_SIZE(it->plain))
ASK(bits_plain_left, struct bits, FIELD_LEFT_SHIFT(it->plain))
ASK(bits_plain_right, struct bits, FIELD_RIGHT_SHIFT(it->plain))
ASK(bits_exists, struct bits, FIELD_EXISTS(it->narrow))
ASK(bits_lost_exists, struct bits, FIELD_EXISTS(it->lost))
ASK(bits_lost_left, struct bits, FIELD_LEFT_SHIFT(it->lost))
ASK(bits_crossing_offset, struct crossing, FIELD_OFFSET(it->over))
ASK(bits_crossing_size, struct crossing, FIELD_SIZE(it->over))
ASK(bits_crossing_left, struct crossing, FIELD_LEFT_SHIFT(it->over))

/* Types. */
ASK(id_local, struct moved, LOCAL_TYPE_ID(struct moved))
ASK(id_kernel, struct moved, KERNEL_TYPE_ID(struct moved))
ASK(id_missing, struct moved, KERNEL_TYPE_ID(struct not_there))
ASK(type_exists, void, TYPE_EXISTS(struct moved))
ASK(type_exists_flavor, void, TYPE_EXISTS(struct moved___flavor))
ASK(type_exists_not, void, TYPE_EXISTS(struct not_there))
ASK(type_exists_union, void, TYPE_EXISTS(union either))
ASK(type_exists_enum, void, TYPE_EXISTS(enum colour))
ASK(type_exists_large, void, TYPE_EXISTS(enum large))
ASK(type_exists_typedef, void, TYPE_EXISTS(only_typedef))
ASK(type_exists_number, void, TYPE_EXISTS(number_type))
ASK(type_exists_handler, void, TYPE_EXISTS(handler))
ASK(type_exists_other_handler, void, TYPE_EXISTS(other_handler))
ASK(type_exists_no_typedef, void, TYPE_EXISTS(not_there_type))
ASK(type_exists_twice, void, TYPE_EXISTS(struct twice))
ASK(type_size, void, TYPE_SIZE(struct moved))
ASK(type_size_union, void, TYPE_SIZE(union either))
ASK(type_size_typedef, void, TYPE_SIZE(only_typedef))
ASK(type_size_enum, void, TYPE_SIZE(enum large))
ASK(type_size_not, void, TYPE_SIZE(struct not_there))

/* Enumerators. */
ASK(enumerator_red, void, ENUMERATOR_VALUE(enum colour, RED))
ASK(enumerator_green, void, ENUMERATOR_VALUE(enum colour, GREEN))
ASK(enumerator_blue, void, ENUMERATOR_VALUE(enum colour, BLUE))
ASK(enumerator_behind, void, ENUMERATOR_VALUE(enum colour, BEHIND))
ASK(enumerator_flavor, void, ENUMERATOR_VALUE(enum colour___flavor, RED___again))
ASK(enumerator_small, void, ENUMERATOR_VALUE(enum large, LARGE_SMALL))
ASK(enumerator_large, void, ENUMERATOR_VALUE(enum large, LARGE_LARGE))
ASK(enumerator_negative, void, ENUMERATOR_VALUE(enum large, LARGE_NEGATIVE))
ASK(enumerator_lost, void, ENUMERATOR_VALUE(enum large, LARGE_LOST))
ASK(enumerator_shrunk, void, ENUMERATOR_VALUE(enum shrunk, SHRUNK))
ASK(enumerator_top, void, ENUMERATOR_VALUE(enum large_unsigned, TOP))
ASK(enumerator_exists, void, ENUMERATOR_EXISTS(enum colour, RED))
ASK(enumerator_exists_blue, void, ENUMERATOR_EXISTS(enum colour, BLUE))
ASK(enumerator_exists_nowhere, void, ENUMERATOR_EXISTS(enum not_there_enum, NOWHERE))
ASK(enumerator_once, void, ENUMERATOR_VALUE(enum twice_enum, ONCE))
ASK(enumerator_exists_twice, void, ENUMERATOR_EXISTS(enum twice_enum, TWICE))

/* Names that the kernel has twice: these have one answer … */
ASK(twice_same, struct twice, FIELD_OFFSET(it->same))
ASK(twice_only_first, struct twice, FIELD_OFFSET(it->only_first))
ASK(twice_only_second, struct twice___second, FIELD_OFFSET(it->only_second))
/* … and these have two, unless an earlier question has left one type. */
ASK(twice_differs, struct twice, FIELD_OFFSET(it->differs))
ASK(twice_size, void, TYPE_SIZE(struct twice))
ASK(twice_id, void, KERNEL_TYPE_ID(struct twice))
ASK(twice_enumerator, void, ENUMERATOR_VALUE(enum twice_enum, TWICE))
ASK(twice_pruned, struct twice___second,
    FIELD_OFFSET(it->only_second) + ((u64)FIELD_OFFSET(it->differs) << 32))

/* Loads and stores, whose size follows the kernel's. */
ASK(load_moved, struct moved, it->a)
ASK(load_grown, struct widths, it->grown)
ASK(load_shrunk, struct widths, it->shrunk)
ASK(load_sign_grown, struct widths, it->sign_grown)
ASK(load_sign_same, struct widths, it->sign_same)
ASK(load_pointer, struct widths, (u64)it->pointer)
ASK(load_byte, struct widths, it->bytes[7])
ASK(load_word, struct widths, it->words[3])
ASK(load_gone, struct moved, it->gone)
ASK(load_guarded, struct moved, FIELD_EXISTS(it->gone) ? it->gone : it->b)
ASK(load_bits, struct bits, it->narrow)
ASK(load_flexible, struct flexible, it->rest[1])

SEC("raw_tracepoint/sys_enter")
int store(struct widths *it)
{
	it->grown = it->sign_same;
	it->shrunk = 7;
	it->bytes[3] = 1;
	return 0;
}

DUAL_LICENSE;
