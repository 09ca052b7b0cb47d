// Package cellwire is what a running cell and its kernel say to one another past gonb: lines of JSON on a Unix socket.
//
// The kernel listens (kernel-ext/internal/cellsock) and names its socket in [RelayEnv]; the cell dials (viz/internal/display)
// and says hello. Each [Line] has an operation and what belongs to it:
//
//	from the cell: hello, display, update, stream, comm_open, comm_msg, comm_close, sync, detach
//	to the cell:   welcome, comm_msg, comm_close, joined, synced, end
//
// A line is bounded by [MaxLine]. Whoever sends something else is not spoken to any longer.
package cellwire
