package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/notebook"
	"github.com/quire-ml/quire/kernel-ext/nbrun"

	"github.com/stretchr/testify/assert"
)

func TestARunEndsWithWhatWasReachedAndHowToGoOn(t *testing.T) {
	text := func(name, s string) *notebook.Output {
		return &notebook.Output{Kind: notebook.Stream, Name: name, Text: s}
	}
	cell := func(ran bool, outputs ...*notebook.Output) nbrun.Cell {
		return nbrun.Cell{Cell: &notebook.Cell{Kind: notebook.Code, Outputs: outputs}, Ran: ran}
	}
	result := &nbrun.Result{Elapsed: 75 * time.Second, Setup: 500 * time.Millisecond, Cells: []nbrun.Cell{
		cell(true, text("stdout", "epoch 1\n✓ 98.6 % of the test digits are read\n\n"), text("stderr", "a warning\n")),
		cell(true), cell(false),
	}}
	dir := t.TempDir()
	opts := nbrun.Options{Notebook: "my nb.ipynb", Output: "my nb.executed.ipynb", HTML: filepath.Join(dir, "my nb.html")}
	want := `2 cells in 1 min 15 s (start 0.5 s)
  printed last   ✓ 98.6 % of the test digits are read
  notebook       my nb.executed.ipynb
  page           file://DIR/my%20nb.html   (opens in any browser)
  to work in it  quire lab 'my nb.ipynb'
`
	assert.Equal(t, want, strings.ReplaceAll(summary(opts, result, "quire"), filepath.ToSlash(dir), "DIR"))
	result.Cells = nil
	assert.Equal(t, "0 cells in 1 min 15 s (start 0.5 s)\n  to work in it  quire lab a.ipynb\n", summary(nbrun.Options{Notebook: "a.ipynb"}, result, "quire"), "without outputs")
}
