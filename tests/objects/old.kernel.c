// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A kernel that isn't, and is as old as 5.10: it has links of six kinds, helpers
 * up to 155, maps up to 29. Its configuration didn't come along.
 */
#include "made-up.h"

BANNER("5.10.0-old");

enum bpf_prog_type { TEN(PROGRAM_0), TEN(PROGRAM_1), TEN(PROGRAM_2) };
enum bpf_attach_type { TEN(ATTACH_0), TEN(ATTACH_1), TEN(ATTACH_2), TEN(ATTACH_3) };
enum bpf_map_type { TEN(MAP_0), TEN(MAP_1), TEN(MAP_2) };
enum bpf_link_type { LINK_0, LINK_1, LINK_2, LINK_3, LINK_4, LINK_5, LINK_6, MAX_BPF_LINK_TYPE };
enum bpf_func_id {
	HUNDRED(HELPER_0),
	TEN(HELPER_10),
	TEN(HELPER_11),
	TEN(HELPER_12),
	TEN(HELPER_13),
	TEN(HELPER_14),
	HELPER_150,
	HELPER_151,
	HELPER_152,
	HELPER_153,
	HELPER_154,
	HELPER_155,
};

struct packet {
	u64 length;
};

struct bpf_raw_tp_link {
	u64 link;
};

HOLD(raw_tp_link, struct bpf_raw_tp_link);
COMMON;
