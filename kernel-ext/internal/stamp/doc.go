// Package stamp knows whether the sources of packages have changed since the go command read them.
//
// [Of] notes what a package is made of: its files as they are now, the names of those that are there, and the go.mod files that
// decide to which module it belongs. [Same] compares that with what is there later. Packages whose files nobody changes, those of
// the standard library and of released modules in the module cache, need no stamps.
//
// A file is the same if its size and its times are: also that of its last change of any kind, which no program sets. A file that was
// written in the moment in which it was noted is the same as nothing: it may be written once more within what clocks tell apart.
package stamp
