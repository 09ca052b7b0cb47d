// Package recipe builds a cell's program again as the go command has built one before it.
//
// A cell that somebody edits imports what it imported, mostly, and the go command finds out anew, in a tenth of a second, that none of
// a hundred packages has changed. [Learn] takes from what "go build -x" says how it compiled and linked the program: the commands, and
// which files of the build cache are which packages. [Recipe.Build] compiles and links another main.go in the same way, if nothing
// has changed that the go command looks at: the imports, the sources of packages that are not in the module cache (package stamp),
// go.mod and go.work files, the toolchain, the environment. Where anything is not as expected, or fails, it says so, and the go
// command does the work and has the word: a recipe never speaks.
package recipe
