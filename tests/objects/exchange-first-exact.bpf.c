// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* exchange-first.bpf.c on the tracepoint that skips no call. */
#define TRACEPOINT
#include "exchange-first.bpf.c"
