#include "textflag.h"

// A frame begins, at the address in BP, with the BP of its caller and the return address into that. The stack of the
// goroutine ends at its descriptor's second word.

// func chain(pcs *uintptr, n int) int
TEXT ·chain(SB), NOSPLIT, $0-24
	MOVQ pcs+0(FP), DI
	MOVQ n+8(FP), CX
	MOVQ (TLS), R8
	MOVQ 8(R8), R9   // the end of the stack
	SUBQ $16, R9     // where the last frame may begin
	MOVQ BP, SI
	MOVQ SP, R10     // frames lie above
	XORQ AX, AX

next:
	CMPQ AX, CX
	JGE  done
	CMPQ SI, R10
	JLS  done
	CMPQ SI, R9
	JHI  done
	MOVQ 8(SI), DX
	MOVQ DX, (DI)(AX*8)
	INCQ AX
	MOVQ SI, R10
	MOVQ (SI), SI
	JMP  next

done:
	MOVQ AX, ret+16(FP)
	RET
