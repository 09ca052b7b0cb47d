// Package notebook reads and writes Jupyter notebooks (nbformat 4).
//
// [Parse] takes every notebook of format 4 and keeps what it does not know: unknown fields of the
// notebook, of cells and of outputs are written back. [Notebook.Encode] writes format 4.5 in the form that
// Jupyter itself writes (keys sorted, one space of indent, texts as lists of lines), so that opening and
// saving a file changes nothing in it.
//
//	nb, err := notebook.Read("00-start.ipynb")
//	for _, c := range nb.Cells { fmt.Println(c.Kind, c.Source) }
//	err = nb.Write("copy.ipynb")
//
// Source: the notebook file format, nbformat.readthedocs.io/en/latest/format_description.html.
package notebook
