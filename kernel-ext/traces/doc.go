// Package traces notes the shapes of what a cell's graphs compute, for the kernel to show them where the cursor is. Quire's
// kernel links it into cells that build graphs; nobody need import it:
//
//	import _ "github.com/quire-ml/quire/kernel-ext/traces"
//
// Where $QUIRE_TRACES names a directory, each graph that is compiled, or that could not be built to its end, is looked
// through once: for each line of the user's that added nodes to it, what the line computed last, from what, and how often.
// The program has one file there, written anew when something new was seen, so that a program that panics leaves what it
// had. Without the variable nothing is done, and what goes wrong is nobody's concern: a cell never fails of it.
package traces
