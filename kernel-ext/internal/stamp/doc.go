// Package stamp knows whether the sources of packages have changed since the go command read them.
//
// [Of] notes what a package is made of: its files as they are now, the names of those that are there, and the go.mod files that
// decide to which module it belongs. [Same] compares that with what is there later. Packages whose files nobody changes, those of
// the standard library and of released modules in the module cache, need no stamps.
//
// A file is the same if its size and its times are: also that of its last change of any kind, which no program sets. A file that was
// written when the go command had begun to read, or just before, is the same as nothing: who knows what was read.
package stamp
