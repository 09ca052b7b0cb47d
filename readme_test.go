package quire_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/kernel-ext/nbrun"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The program in the README is the one in example_test.go, which compiles and runs.
func TestReadmeShowsTheExample(t *testing.T) {
	source, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	_, code, _ := strings.Cut(string(source), "func Example() {")
	want := "func main() {" + strings.TrimSpace(code) + "\n"
	want = strings.Replace(want, "func main() {backend", "func main() {\n\tbackend", 1)
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```go\nfunc main.*?```")
	require.True(t, block.Match(readme), "README.md shows no program")
	golden.Check(t, "README.md", string(block.ReplaceAllLiteral(readme, []byte("```go\n"+want+"```"))))
}

func TestReadmeProgramRuns(t *testing.T) {
	Example() // ends the process on an error
}

// The section "First minutes" is a notebook: its blocks are the cells, in their order, and they run in the real kernel.
func TestReadmesFirstMinutesRun(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the real kernel: left out by -short")
	}
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, section, _ := strings.Cut(string(readme), "\n## First minutes\n")
	section, _, _ = strings.Cut(section, "\n## ")
	type cell struct {
		Kind     string         `json:"cell_type"`
		Metadata map[string]any `json:"metadata"`
		Outputs  []any          `json:"outputs"`
		Source   string         `json:"source"`
	}
	var cells []cell
	for _, block := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(section, -1) {
		cells = append(cells, cell{"code", map[string]any{}, []any{}, block[1]})
	}
	text, err := json.Marshal(map[string]any{"cells": cells, "metadata": map[string]any{}, "nbformat": 4, "nbformat_minor": 4})
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "first.ipynb"), text, 0o644))
	table := "petal_length,petal_width,kind\n"
	for i := range 90 { // three kinds that a straight line tells apart; one value is missing
		length := fmt.Sprint(1.4 + 2*float64(i%3) + 0.01*float64(i))
		if i == 7 {
			length = ""
		}
		table += fmt.Sprintf("%s,%g,kind%d\n", length, 0.3+0.8*float64(i%3), i%3)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "flowers.csv"), []byte(table), 0o644))
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	result, err := nbrun.Run(ctx, nbrun.Options{Notebook: filepath.Join(dir, "first.ipynb")})
	var failed *nbrun.CellError
	switch {
	case errors.As(err, &failed):
		t.Fatalf("%v\n%s", failed, strings.Join(failed.Details, "\n"))
	case err != nil && result == nil:
		testenv.Missing(t, "kernel", err.Error())
	case err != nil:
		t.Fatal(err)
	}
	for i, want := range map[int]string{1: `\[\[ 7 10\]\n \[15 22\]\]`, 3: `\n2 .*(?i:acc)\w* 9\d`, 4: `(?i:acc)\w* (9\d|100)`} {
		got := result.Cells[i].Text()
		assert.True(t, regexp.MustCompile(want).MatchString(got), "cell %d says %q, want %s", i+1, got, want)
	}
}

// Links to files in the pages that people read first lead somewhere.
func TestLinksLeadSomewhere(t *testing.T) {
	docs, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	for _, page := range append(docs, "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "DESIGN.md", "CHANGELOG.md",
		"kernel-ext/README.md", "docker/README.md", "notebooks/README.md", "tutorials/README.md") {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		prose := regexp.MustCompile("(?s)\n```.*?\n```").ReplaceAllString(string(text), "") // in Go, a type and a call look like a link
		prose = regexp.MustCompile("`[^`\n]*`").ReplaceAllString(prose, "")
		for _, m := range regexp.MustCompile(`\]\(([^)#]+)`).FindAllStringSubmatch(prose, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			_, err := os.Stat(filepath.Join(filepath.Dir(page), m[1]))
			assert.NoError(t, err, "%s links to %s", page, m[1])
		}
	}
}
