// Package nbrun executes Go notebooks without a browser, Jupyter or Python: it starts the pinned GoNB
// kernel in a prepared workspace on private Unix sockets, sends the cells, and keeps what they show.
//
//	result, err := nbrun.Run(ctx, nbrun.Options{Notebook: "tutorials/00-start.ipynb"})
//	fmt.Println(result.Cells[3].Text())
//
// "quire run" is this package with a progress display. Tests use it to check what a notebook claims.
//
// Two tags in a cell's metadata change how it is run: "skip-execution" leaves it out, and
// "raises-exception" says that it is meant to fail; then it is an error if it does not.
package nbrun
