/* x86's boot image around a payload: one sector of setup code, then 16 bytes, then the payload. */
start:	.ascii	"MZ"
	.org	0x1f1
	.byte	1
	.org	0x202
	.ascii	"HdrS"
	.word	0x20f
	.org	0x20e
	.word	banner - start - 0x200
	.org	0x248
	.long	payload - start - 1024, payload_end - payload
	.org	0x300
banner:	.asciz	"6.1.0-18-test (who@where) #1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1"
	.org	1024
	.fill	16, 1, 0x90
payload: .incbin PAYLOAD
payload_end:
	.ascii	"what follows"
