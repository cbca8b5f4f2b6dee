/* EFI's compressed image around a payload. */
start:	.ascii	"MZ\0\0zimg"
	.long	payload - start, payload_end - payload, 0, 0
	.asciz	"gzip"
	.org	512
payload: .incbin PAYLOAD
payload_end:
	.ascii	"what follows"
