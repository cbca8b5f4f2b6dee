// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The programs of syscalls.bpf.c on the tracepoint that skips no call. */
#define SYSCALLS_EXACT
#include "syscalls.bpf.c"
