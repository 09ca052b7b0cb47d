package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/notebook"
	"github.com/quire-ml/quire/kernel-ext/internal/scratch"
	"github.com/quire-ml/quire/kernel-ext/nbrun"
)

// examineCell runs a notebook of two cells in a real kernel: the second is the one that is timed.
func examineCell(ctx context.Context) []check {
	const remedy = "quire run -log NOTEBOOK shows what the kernel says"
	own, err := scratch.New()
	if err != nil {
		return []check{{"cell", "FAILS", err.Error(), "free some space in the temporary directory"}}
	}
	defer own.Close()
	nb := notebook.New()
	for i := range 2 {
		nb.Cells = append(nb.Cells, &notebook.Cell{Kind: notebook.Code, Source: fmt.Sprintf("%%%%\nfmt.Println(%d)", i)})
	}
	path := filepath.Join(own.Dir, "doctor.ipynb")
	if err := nb.Write(path); err != nil {
		return []check{{"cell", "FAILS", err.Error(), "free some space in the temporary directory"}}
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	result, err := nbrun.Run(ctx, nbrun.Options{Notebook: path})
	if err != nil {
		return []check{{"cell", "FAILS", err.Error(), remedy}}
	}
	if got := result.Cells[1].Text(); got != "1\n" {
		return []check{{"cell", "FAILS", fmt.Sprintf("a cell that prints 1 printed %q", got), remedy}}
	}
	return []check{{"cell", "ok", fmt.Sprintf("kernel ready in %s, an edited cell takes %s", duration(result.Setup), duration(result.Cells[1].Elapsed)), ""}}
}
