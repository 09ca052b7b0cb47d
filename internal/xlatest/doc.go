// Package xlatest gives tests of packages that know no engine the engine xla on a real plugin, where there is one: shelves whose values are compared with
// other programs on Quire's own engines are compared on it too, all of a shelf in one program or two, since compiling takes longest.
package xlatest

import "os"

// Some returns every seventh of a shelf, which is what a test takes of it by default: programs of all of it take most of a minute to compile. With
// QUIRE_SWEEP=1 it returns all.
func Some[T any](all []T) []T {
	if os.Getenv("QUIRE_SWEEP") == "1" {
		return all
	}
	var some []T
	for i := 0; i < len(all); i += 7 {
		some = append(some, all[i])
	}
	return some
}
