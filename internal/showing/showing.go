// Package showing is where whoever draws values meets who has values to show, so that neither links the other.
package showing

// By shows a value as its package does; nil where none is linked. Packages set it in their init functions.
var By func(v any)
