// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Programs of many kinds that do nothing: where they are attached is under test.
 */
#include "../../ebpf-programs/probe.h"

#define NOTHING(section, name)                                                            \
	SEC(section) int name(void *ctx __attribute__((unused)))                          \
	{                                                                                 \
		return 0;                                                                 \
	}

NOTHING("raw_tracepoint", at_raw)
NOTHING("tracepoint", at_tp)
NOTHING("tp_btf", at_btf)
NOTHING("fentry", at_entry)
NOTHING("fexit", at_exit)
NOTHING("fmod_ret", at_modify)
NOTHING("kprobe", at_kprobe)
NOTHING("kretprobe", at_kretprobe)
NOTHING("kprobe.multi", at_multi)
NOTHING("lsm", at_lsm)
NOTHING("iter", at_iter)

DUAL_LICENSE;
