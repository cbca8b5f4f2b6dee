// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A kernel that isn't, and is as new as 7.3: it has what the old one lacks, but
 * for many kprobes at once, which it was built without.
 */
#include "made-up.h"

BANNER("7.3.0-new");

/* CONFIG_HZ=250, CONFIG_KPROBE_EVENTS=y, CONFIG_UPROBE_EVENTS=y, as kernel/configs.c keeps it. */
const unsigned char kernel_config_data[] = {
	0x49, 0x4b, 0x43, 0x46, 0x47, 0x5f, 0x53, 0x54, 0x1f, 0x8b, 0x08, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x02, 0xff, 0x73, 0xf6, 0xf7, 0x73, 0xf3, 0x74,
	0x8f, 0xf7, 0x88, 0xb2, 0x35, 0x32, 0x35, 0xe0, 0x72, 0x86, 0xf0, 0xbc,
	0x03, 0x82, 0xfc, 0x9d, 0x5c, 0xe3, 0x5d, 0xc3, 0x5c, 0xfd, 0x42, 0x82,
	0x6d, 0x2b, 0x61, 0xc2, 0xa1, 0x68, 0xc2, 0x00, 0x64, 0x5b, 0xab, 0x19,
	0x3c, 0x00, 0x00, 0x00, 0x49, 0x4b, 0x43, 0x46, 0x47, 0x5f, 0x45, 0x44,
};

enum bpf_prog_type { TEN(PROGRAM_0), TEN(PROGRAM_1), TEN(PROGRAM_2), TEN(PROGRAM_3) };
enum bpf_attach_type {
	TEN(ATTACH_0),
	TEN(ATTACH_1),
	TEN(ATTACH_2),
	TEN(ATTACH_3),
	TEN(ATTACH_4),
	TEN(ATTACH_5),
};
enum bpf_map_type { TEN(MAP_0), TEN(MAP_1), TEN(MAP_2), TEN(MAP_3) };
enum bpf_link_type { TEN(LINK_0) };
enum bpf_func_id { HUNDRED(HELPER_0), HUNDRED(HELPER_1), TEN(HELPER_20) };

struct packet {
	u64 length;
	int mark;
};

struct bpf_tramp_link {
	u64 link;
	u64 cookie;
};

struct bpf_raw_tp_link {
	u64 link;
	u64 cookie;
};

typedef void (*btf_trace_packet_sent)(void *, struct packet *);

FUNCTION(int, steer_packet, struct packet *packet __attribute__((unused)))
HOLD(tramp_link, struct bpf_tramp_link);
HOLD(raw_tp_link, struct bpf_raw_tp_link);
HOLD(packet_sent, btf_trace_packet_sent);
COMMON;
