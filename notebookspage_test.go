package quire_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/kernel-ext/nbrun"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The page docs/notebooks.md is a notebook: its blocks of Go are cells, and a block of text below one is what it shows.
func TestNotebooksPageRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the real kernel: left out by -short")
	}
	page, err := os.ReadFile(filepath.Join("docs", "notebooks.md"))
	require.NoError(t, err)
	var sources, want []string
	for _, block := range regexp.MustCompile("(?s)```(go|text)\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		if block[1] == "go" {
			sources, want = append(sources, block[2]), append(want, "")
		} else {
			want[len(want)-1] = block[2]
		}
	}
	require.Greater(t, len(sources), 5)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	result, err := nbrun.Run(ctx, nbrun.Options{Notebook: notebookOf(t, sources, want)})
	if err != nil && strings.Contains(err.Error(), "building gonb") {
		testenv.Missing(t, "kernel", err.Error())
	}
	require.NoError(t, err)
	for i, w := range want {
		assert.Equal(t, w, result.Cells[i].Text(), "cell %d: %s", i+1, sources[i])
	}
}

// failing matches what a cell shows that is meant to fail.
var failing = regexp.MustCompile(`^[a-z ]+: In\[\d+\]:`)

// notebookOf writes cells as a notebook, those that are meant to fail with the tag that says so.
func notebookOf(t *testing.T, sources, want []string) string {
	t.Helper()
	var cells []any
	for i, source := range sources {
		metadata := map[string]any{}
		if failing.MatchString(want[i]) {
			metadata["tags"] = []string{"raises-exception"}
		}
		cells = append(cells, map[string]any{"cell_type": "code", "metadata": metadata, "outputs": []any{}, "source": strings.TrimSuffix(source, "\n")})
	}
	path := filepath.Join(t.TempDir(), "page.ipynb")
	text, err := json.Marshal(map[string]any{"cells": cells, "metadata": map[string]any{}, "nbformat": 4, "nbformat_minor": 4})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, text, 0o644))
	return path
}
