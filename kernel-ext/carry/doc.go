// Package carry brings variables from one cell of a notebook to the next. Each cell is a program of its own; before it is
// built, loads of what it names from earlier cells and saves of what it declares are put into it:
//
//	carry.Begin(4)               // this is cell 4
//	defer carry.End()            // saves what has changed by then, also when the cell panics
//	var pictures *tensors.Tensor
//	carry.In("pictures", &pictures) // as an earlier cell left it
//	n := pictures.Shape().Dim(0)
//	carry.Out("n", &n)           // saved at once, for later cells
//
// People write none of this. They may give types of their own the methods of [Saver] and [Loader], where the fields alone do not
// say what a value is.
//
// # What flows
//
// Numbers, strings, and arrays, slices, maps, pointers and structs of them, to any depth and in cycles, with unexported fields where
// the struct is declared in a cell. What shares memory within one variable shares it in the next cell too: overlapping slices,
// pointers into arrays and structs, what lies beyond a slice's end within its capacity. Two variables share nothing. An interface
// holds any type that [Know] named, or that is part of the variable's own type; an error of another type becomes its text. Types of other
// packages with unexported fields flow if they hold no pointers, by [Saver] and [Loader], or by a codec: packages below this one register
// those of Quire's types, of times and random generators, and of types with the methods of the encoding packages. A cell links what it needs. Functions, channels and what the system holds open do not
// flow: then a file NAME.why has the reason, in one sentence.
//
// # Files
//
// Each variable is a file of the folder $QUIRE_CARRY, of which Describe reads what it is. It appears under its name when it is
// complete, so none is ever read half written. Plain memory of 64 KiB and more lies page by page in the file and is mapped when
// it is loaded, private to the cell: attaching costs no time, and what the cell changes is its own until it is saved.
//
// # Other goroutines
//
// A value that another goroutine changes while it is saved is saved as some mixture of what it was: numbers are whole, but two
// fields may be of different moments. What is a race in the program stays one. End saves variables with maps last: Go
// stops a program that reads a map which another goroutine is writing, and then all others have been saved.
package carry
