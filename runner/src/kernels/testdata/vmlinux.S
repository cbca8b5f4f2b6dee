/* A kernel that never ran: what a vmlinux says of itself, and two types. */
#ifdef ARM64_IMAGE
	.ascii	"MZ"
	.org	56
	.ascii	"ARM\x64"
	.org	64
#else
	.text
	.globl	_start
_start:	ret
	.section .rodata, "a"
#endif
	.asciz	"Linux version %s (%s)"
	.asciz	"Linux version 6.1.0-18-test (who@where) (gcc-12 (Debian 12.2.0-14) 12.2.0) #1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1\n"
	/* What a program that is built in could bring along: it is not the kernel's. */
	.byte	0x9f, 0xeb, 1, 0
	.long	24, 0, 0, 0, 1
	.byte	0
#ifdef CONFIG
	.ascii	"IKCFG_ST"
	.incbin	CONFIG
	.ascii	"IKCFG_ED"
#endif
#ifndef NO_TYPES
#ifndef ARM64_IMAGE
	.section .BTF, "a"
#endif
	.byte	0x9f, 0xeb, 1, 0
	.long	24, 0, types_end - types, types_end - types, names_end - names
types:	.long	task - names, 4 << 24, 0
	.long	of_arch - names, 4 << 24, 10
types_end:
names:	.byte	0
task:	.asciz	"task_struct"
#ifdef ARM64_IMAGE
of_arch: .asciz	"user_pt_regs"
#else
of_arch: .asciz	"desc_ptr"
#endif
names_end:
#endif
	.ascii	"what follows"
