// Package generate holds the list of calls of package hostile against the source, and writes it:
//
//	go test ./internal/hostile/generate -update
//
// It is a package of its own so that it compiles when a function of the list is gone.
package generate
