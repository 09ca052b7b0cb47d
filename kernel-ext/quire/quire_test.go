package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/kernel-ext/nbrun"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// call runs a command line.
func call(args ...string) (status int, stdout, stderr string) {
	var out, err bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	status = realMain(ctx, args, &out, &err)
	return status, out.String(), err.String()
}

// TestHelpAndMistakes pins the texts that people read first.
func TestHelpAndMistakes(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("QUIRE_PLUGINS", dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "there.ipynb"), nil, 0o644))
	var b strings.Builder
	for _, line := range []string{
		"", "help", "help run", "help lab", "help kernel install", "help kernel doctor", "run -h",
		"frobnicate", "help frobnicate", "rnu x.ipynb", "x.ipynb", "kernel", "kernel fly", "run", "run a b", "run -nope x", "run -in-place x", "run -q=5 x", "run x -o", "run -timeout soon x", "run -backend xla:cpu,devices=2 x.ipynb",
		"run DIR/none.ipynb", "run DIR/there", "lab DIR/there", "run -inplace -o x y.ipynb", "run -o DIR/a.ipynb DIR/a.ipynb",
		"lab a b", "lab DIR/none.ipynb", "lab DIR", "lab -dir DIR/none", "lab -port many",
		"kernel install x", "kernel install -user -prefix DIR", "kernel uninstall -prefix DIR", "kernel doctor x",
		"kernel start", "kernel start DIR/none.json", "data", "data get", "data get mnsit", "data get imagenet", "help data get", "help tutorials", "tutorials a b",
		"plugin", "help plugin install", "help plugin list", "plugin install", "plugin install cpu tpu", "plugin install rocm", "plugin list x", "plugin remove",
		"assets", "help assets install", "assets install", "assets install d3", "assets install echarts -from DIR -to DIR/assets",
	} {
		var args []string
		for _, a := range strings.Fields(line) {
			args = append(args, strings.ReplaceAll(a, "DIR", dir))
		}
		status, out, err := call(args...)
		text := strings.ReplaceAll(strings.TrimRight(out+err, "\n"), dir, "DIR")
		b.WriteString("$ quire " + line + "\n" + text + "\n[" + map[int]string{0: "0", 1: "1", 2: "2"}[status] + "]\n\n")
	}
	golden.Check(t, "testdata/errors.golden", b.String())
}

func TestDataSetsAreThoseThatCanBeHad(t *testing.T) {
	source, err := os.ReadFile(filepath.Join("..", "internal", "dataget", "main.go"))
	require.NoError(t, err)
	_, table, _ := strings.Cut(string(source), "var sets = ")
	table, _, _ = strings.Cut(table, "\n")
	n := strings.Count(table, ": ")
	assert.Equal(t, len(dataSets), n, "%d of %d sets: %s", len(dataSets), n, table)
	for _, name := range dataSets {
		assert.Contains(t, table, `"`+name+`": `, "no %s", name)
	}
}

func TestVersion(t *testing.T) {
	for _, line := range []string{"version", "--version"} {
		if status, out, _ := call(line); status != 0 || !strings.HasPrefix(out, "quire ") || !strings.Contains(out, " go1.") {
			t.Errorf("%s: %d: %q", line, status, out)
		}
	}
}

func TestWhereTheFilesGo(t *testing.T) {
	for _, c := range []struct {
		name         string
		flags        runFlags
		output, html string
	}{
		{"by default beside the notebook", runFlags{}, "d/nb.executed.ipynb", "d/nb.html"},
		{"the page follows -o", runFlags{output: "x/out.ipynb"}, "x/out.ipynb", "x/out.html"},
		{"-html names the page", runFlags{html: "p.html"}, "d/nb.executed.ipynb", "p.html"},
		{"-no-html", runFlags{noHTML: true}, "d/nb.executed.ipynb", ""},
		{"-inplace", runFlags{inPlace: true}, "d/nb.ipynb", "d/nb.html"},
	} {
		t.Run(c.name, func(t *testing.T) {
			opts, err := runOptions(c.flags, "d/nb.ipynb")
			require.NoError(t, err)
			require.Equal(t, c.output, opts.Output)
			require.Equal(t, c.html, opts.HTML)
		})
	}
}

func TestProgressWithoutATerminalIsALinePerCell(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(&b, false)
	p.event(nbrun.Event{Kind: nbrun.Note, Text: "building"})
	p.event(nbrun.Event{Kind: nbrun.Started, Elapsed: 1500 * time.Millisecond})
	p.event(nbrun.Event{Kind: nbrun.CellBegun, Cell: 1, Cells: 10, Text: "first"})
	p.event(nbrun.Event{Kind: nbrun.CellShows, Cell: 1, Cells: 10, Text: "step 7"})
	p.event(nbrun.Event{Kind: nbrun.CellEnded, Cell: 1, Cells: 10, Text: "first", Elapsed: 200 * time.Second})
	p.close()
	want := "building\nkernel ready after 1.5 s\n[ 1/10] 3 min 20 s  first\n"
	assert.Equal(t, want, b.String())
}

func TestProgressOnATerminalRedrawsOneLine(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(&b, false)
	p.mu.Lock() // keeps tick away
	p.line.Width = 30
	p.mu.Unlock()
	p.event(nbrun.Event{Kind: nbrun.CellBegun, Cell: 1, Cells: 2, Text: "a long first line of this cell"})
	p.event(nbrun.Event{Kind: nbrun.CellShows, Text: "loss 0.5"})
	p.mu.Lock()
	p.line.Draw(p.state())
	p.mu.Unlock()
	p.close()
	lines := strings.Split(b.String(), "\r\x1b[K")
	if len(lines) != 4 || len([]rune(lines[1])) >= 30 || !strings.HasSuffix(lines[2], "loss 0.5") || lines[3] != "" {
		t.Errorf("%q", lines)
	}
}
