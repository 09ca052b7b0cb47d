// Package hostile calls every exported function and method of graph, backends, ml, viz and kernel-ext with what callers should
// not give them: nil, zero, empty, huge, closed and foreign values. It is a test alone: no call may end the process,
// hang, or panic with an error of the runtime (a nil dereference, an index out of range, a make of absurd length).
//
// The list of calls, calls_test.go, is generated from the source, so a new function is called from the day it exists:
//
//	go test ./internal/hostile/generate -update
//
// The calls run in a child process that may have a few GB of memory. QUIRE_HOSTILE makes
// only the calls whose names begin with what it says, such as graph/tensors or graph.Sort.
package hostile
