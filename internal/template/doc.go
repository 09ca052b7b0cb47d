// Package template derives programs for further sizes from programs that are the same but for sizes.
//
// [Derive] compares the programs of one function for several sizes, value by value and setting by setting, and finds what each number in
// them is of the sizes' symbols: a polynomial of degree 2. The [Template] then makes the program for any sizes, without the function being called
// and without the passes of [ir.Lower]. What does not come out as such a polynomial is an error, and so are programs that differ in more
// than numbers: the function is then called for each size, as before.
package template
