package frames

// MaxCalls is how many calls of a stack are noted: a step of training has some 40 between its caller and an op.
const MaxCalls = 48

// Callers fills pcs with the calls that led to the function that calls it, innermost first and without that function itself,
// and returns how many they are. They are what [runtime.Callers] returns for [runtime.CallersFrames], but where the processor's
// calling convention keeps a chain of frames that chain is followed, which takes a nanosecond a call in the place of some
// hundred: every node of a graph notes where it comes from. Calls that the compiler has put into others are not listed of their
// own; CallersFrames finds them.
//
//go:noinline
func Callers(pcs []uintptr) int { return callers(pcs) }
