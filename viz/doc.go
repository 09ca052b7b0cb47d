// Package viz shows things: tensors, graphs, shapes, batches, tables and the curves of training.
//
//	viz.Show(tensor)                   // in a notebook a picture, elsewhere text
//	viz.Live(loop)                     // curves while loop trains, a progress bar in a terminal
//	viz.NewProgress(steps)             // the same for a loop of one's own
//	viz.Show(viz.Shapes(model, shapes.Make(dtypes.Float32, 32, 64)))
//
// Every view is a [Bundle]: one thing in several forms, always as aligned text and mostly as HTML; a picture of the
// reader's own ([Image]) as a PNG, with its size in the metadata. Views are pure functions; [Show] displays what they
// return, or any other value: [Render] says how values without a view of their own look, [Register] and [Displayer]
// give types one.
//
// # What survives
//
// The HTML needs no script, no style sheet and no connection, and survives in a notebook that the reader's
// Jupyter does not trust: tables, details, inline styles that JupyterLab's sanitizer keeps, pictures as
// data: images. Pictures follow the page's dark mode by themselves.
//
// # Live views
//
// An [Area] is a place in a notebook that can be drawn anew, at most ten times a second. Its last state is
// what the notebook file keeps.
//
// # Controls
//
// [Interact] draws a function anew when a [Slider], [Choice], [Checkbox] or [Button] on the page is moved:
//
//	viz.Interact(func(lr float64, layers int) any {
//		return curve(lr, layers)
//	}, viz.Slider("lr", 0.001, 1).Log(), viz.Choice("layers", 1, 2, 3))
//
// Where nobody can move anything it shows the values that they begin with.
//
// The package depends on the standard library, golang.org/x/sys and gonb's protocol package only, since every
// cell links it. Package plots has more kinds of plots.
package viz
