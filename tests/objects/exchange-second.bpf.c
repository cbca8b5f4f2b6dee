// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The other handler of the slot that exchange-first.bpf.c calls through. */
#include "exchange.h"

SYS_ENTER
int second(u64 *ctx)
{
	(void)ctx;
	COUNT_HERE(exchanged, second);
	return 0;
}

DUAL_LICENSE;
