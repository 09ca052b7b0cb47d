// Package origin says what a function is made of, so that a value which it made can be known to be out of date: by the source of the
// function and of all that it can reach in its package, and by the versions of what it uses of others.
//
//	made, err := origin.Of(load)
//	changed := made.Differs(old.Parts) // "func load"
//
// # What is covered
//
//   - The function: its declaration, or the literal. Comments and layout do not count.
//   - What it names in its package, and what that names, to the end: functions, types with all their methods, constants, variables with
//     what they are set to where they are declared, and functions init that name one of these variables. In a notebook that is what all cells
//     have declared, since GoNB makes one program of them.
//   - Packages that it imports, as far as they lie in folders that can be edited (this module, those of a go.work, those that a replace leads
//     to): their files, those that they embed, and what they import in turn.
//   - Of other modules that these import, path and version; and the version of Go.
//
// What a function literal uses of the function around it, and package variables that something else sets, are not part of the source: Of
// lists them as Free. Neither are files, environment, time, chance and the network, nor what packages do that are imported by a blank
// name only.
//
// # When there is no source
//
// Source is read where the program was built. If it is not there, or is not older than the program, then it is not believed, and
// the program file itself is what the function is made of: any change of the program is then a change.
package origin
