package flow_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/kernel-ext/internal/notebook"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
	"github.com/quire-ml/quire/kernel-ext/nbrun"
)

// Every sixth of the notebooks, one behind the other in one kernel, print on gonb itself what they print as programs.
func TestNotebooksOnGonb(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the real kernel: left out by -short")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	ws, err := workspace.Open(ctx, workspace.Options{})
	if err == nil {
		_, err = ws.Build(ctx, nil, workspace.Headless()...)
	}
	if err != nil {
		testenv.Missing(t, "kernel", err.Error())
	}
	nb := notebook.New()
	var wants []string
	count := 0
	for _, s := range stories(t, "testdata/notebooks.txt") {
		if !s.plain() {
			continue
		}
		if count++; count%6 != 1 {
			continue
		}
		for _, c := range s.steps {
			nb.Cells = append(nb.Cells, &notebook.Cell{Kind: notebook.Code, Source: c.source})
			wants = append(wants, c.want)
		}
	}
	path := filepath.Join(t.TempDir(), "all.ipynb")
	require.NoError(t, nb.Write(path))
	result, err := nbrun.Run(ctx, nbrun.Options{Notebook: path})
	require.NoError(t, err)
	for i, c := range result.Cells {
		assert.Equal(t, wants[i], strings.TrimRight(c.Text(), "\n"), "cell %d: %s", i+1, c.Source)
	}
}
