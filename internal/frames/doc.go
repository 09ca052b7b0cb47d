// Package frames decides which calls on a stack are the user's own, and how a line of theirs is named. Errors of package
// graph, the shapes beside a source, and panics in a function given to a data set all ask it, so they name the same line:
//
//	f, ok := frames.User(pcs)            // the innermost call of the user's own
//	place := frames.Place(f.File, f.Line) // "main.go:12", in a notebook's cell "In[3]:5"
package frames
