/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The questions that CO-RE can ask of a kernel, each as an expression. The
 * numbers are those of clang's builtins.
 */
#ifndef CORE_H
#define CORE_H

#include "../../ebpf-programs/probe.h"

#define FIELD_OFFSET(field) __builtin_preserve_field_info(field, 0)
#define FIELD_SIZE(field) __builtin_preserve_field_info(field, 1)
#define FIELD_EXISTS(field) __builtin_preserve_field_info(field, 2)
#define FIELD_SIGNED(field) __builtin_preserve_field_info(field, 3)
#define FIELD_LEFT_SHIFT(field) __builtin_preserve_field_info(field, 4)
#define FIELD_RIGHT_SHIFT(field) __builtin_preserve_field_info(field, 5)

#define LOCAL_TYPE_ID(type) __builtin_btf_type_id(*(typeof(type) *)0, 0)
#define KERNEL_TYPE_ID(type) __builtin_btf_type_id(*(typeof(type) *)0, 1)
#define TYPE_EXISTS(type) __builtin_preserve_type_info(*(typeof(type) *)0, 0)
#define TYPE_SIZE(type) __builtin_preserve_type_info(*(typeof(type) *)0, 1)
/* Older compilers don't know this one. */
#define HAS_TYPE_MATCHES (__clang_major__ >= 15)
#define TYPE_MATCHES(type) __builtin_preserve_type_info(*(typeof(type) *)0, 2)

#define ENUMERATOR_EXISTS(type, name) __builtin_preserve_enum_value(*(typeof(type) *)name, 0)
#define ENUMERATOR_VALUE(type, name) __builtin_preserve_enum_value(*(typeof(type) *)name, 1)

/*
 * A program that returns one answer: its first instruction holds it. The object
 * to ask about is called `it` and is what the program's context points to.
 */
#define ASK(name, type, question)                                                         \
	SEC("raw_tracepoint/sys_enter")                                                   \
	u64 name(type *it)                                                                \
	{                                                                                 \
		(void)it;                                                                 \
		return question;                                                          \
	}

#endif
