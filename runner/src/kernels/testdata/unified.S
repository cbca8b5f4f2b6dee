/* An EFI program with a whole boot image somewhere in it, and with bytes that only look like one. */
	.ascii	"MZ"
	.org	256
	.ascii	"\x1f\x8b\x08 not gzip"
	.org	512
	.incbin	PAYLOAD
