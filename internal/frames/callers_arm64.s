#include "textflag.h"

// A frame's record, at the address in R29, is the R29 of its caller and the return address into that. The stack of the
// goroutine ends at its descriptor's second word.

// func chain(pcs *uintptr, n int) int
TEXT ·chain(SB), NOSPLIT, $0-24
	MOVD pcs+0(FP), R0
	MOVD n+8(FP), R1
	MOVD 8(g), R2    // the end of the stack
	SUB  $16, R2     // where the last record may begin
	MOVD R29, R3
	MOVD RSP, R4     // records lie above
	SUB  $16, R4     // or, of the caller, just below
	MOVD $0, R5

next:
	CMP  R1, R5
	BGE  done
	CMP  R4, R3
	BLS  done
	CMP  R2, R3
	BHI  done
	MOVD 8(R3), R6
	MOVD R6, (R0)(R5<<3)
	ADD  $1, R5
	MOVD R3, R4
	MOVD (R3), R3
	B    next

done:
	MOVD R5, ret+16(FP)
	RET
