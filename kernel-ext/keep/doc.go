// Package keep has values that last: over cells, over restarts of the kernel, and for other programs of the same user.
//
//	train, err := keep.Once("mnist/train", load)
//
// calls load the first time. Later, in any cell and after any restart, train is there at once: large values are mapped from their file rather
// than read. If load has changed since, it is called again, and a line says so.
//
//	keep.Put("best", store)                      // by hand
//	store, err := keep.Get[*model.Store]("best") // anywhere
//	fmt.Println(keep.List())                     // what there is
//
// # When Once makes a value again
//
// A value is known by its name, its type, and what made it. That is the source of the function, and of all that it calls or otherwise names in this
// notebook (or package): functions, types with their methods, constants, and variables with what they are declared with. Comments and layout
// do not count. Besides it is the source of packages in folders that can be edited, the versions of the modules that are imported directly, and that
// of Go; package kernel-ext/internal/origin says it in detail. Any change of these makes the value again.
//
// What no source says is not covered: files, the network, the time, chance, environment variables, and what other programs do.
// [Version] is for these: another version makes the value again. A function literal that uses variables of the function around it is refused
// until [On] gives their values, or Version says that you see to it yourself; so are package variables that something else sets.
//
// Where source is not to be had, as in a program that was built elsewhere, any change of the program makes its values again.
//
// # Where values are
//
// In the folder that $QUIRE_KEEP names, by default quire/keep in the user's cache directory, which nobody else may enter. There may be
// 20 GiB, or what $QUIRE_KEEP_QUOTA says ("500MB", "2TiB"). Beyond that, values that Once made and that were not used for longest are dropped, and
// a line says so. What was put by hand stays until it is dropped by [Drop]; a Put for which there is no room is an error.
//
// Any number of cells and programs may use a name at once: one makes the value, the others wait for it. A value is there when it is complete and
// on disk, so that none is ever read that was half written, whenever a program ends.
package keep
