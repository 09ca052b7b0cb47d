package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/notebook"
	"github.com/quire-ml/quire/kernel-ext/nbrun"
)

// summary says what a run has reached, what was written, and how to go on. command is what people type to start quire.
func summary(opts nbrun.Options, result *nbrun.Result, command string) string {
	ran := 0
	for _, c := range result.Cells {
		if c.Ran {
			ran++
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d cells in %s (start %s)\n", ran, duration(result.Elapsed), duration(result.Setup))
	if last := lastPrinted(result); last != "" {
		fmt.Fprintf(&b, "  printed last   %s\n", last)
	}
	if opts.Output != "" {
		fmt.Fprintf(&b, "  notebook       %s\n", opts.Output)
	}
	if opts.HTML != "" {
		fmt.Fprintf(&b, "  page           %s   (opens in any browser)\n", fileURL(opts.HTML))
	}
	fmt.Fprintf(&b, "  to work in it  %s lab %s\n", command, quoted(opts.Notebook))
	return b.String()
}

// lastPrinted returns the last line that a cell wrote to stdout, or "".
func lastPrinted(result *nbrun.Result) (last string) {
	for _, c := range result.Cells {
		for _, o := range c.Outputs {
			if o.Kind != notebook.Stream || o.Name != "stdout" {
				continue
			}
			for line := range strings.Lines(o.Text) {
				if line = strings.TrimSpace(line); line != "" {
					last = line
				}
			}
		}
	}
	if r := []rune(last); len(r) > 100 {
		last = string(r[:99]) + "…"
	}
	return last
}

// fileURL returns the address of a file, for a browser.
func fileURL(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	slashed := filepath.ToSlash(abs)
	if !strings.HasPrefix(slashed, "/") { // a drive of Windows
		slashed = "/" + slashed
	}
	return (&url.URL{Scheme: "file", Path: slashed}).String()
}

// quoted returns a path as a shell takes it.
func quoted(path string) string {
	if strings.ContainsAny(path, " '\"$&()*;<>?[]\\`|~!#") {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}

// commandName is what people type to start this program.
func commandName() string {
	exe, err := os.Executable()
	if err != nil || !strings.Contains(filepath.ToSlash(exe), "/go-build") {
		return "quire"
	}
	if _, err := os.Stat(filepath.Join("kernel-ext", "quire", "main.go")); err == nil {
		return "go run ./kernel-ext/quire"
	}
	return "go run github.com/quire-ml/quire/kernel-ext/quire"
}
