// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* exchange-second.bpf.c on the tracepoint that skips no call. */
#define TRACEPOINT
#include "exchange-second.bpf.c"
