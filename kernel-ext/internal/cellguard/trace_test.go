package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"

	"github.com/stretchr/testify/require"
)

// What notes shapes is linked into cells that build graphs, where somebody wants to know them.
func TestTheTracedFileComesAndGoes(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("GONB_TMP_DIR", dir)
	imports := func(path string) string {
		return "package main\n\nimport _ \"github.com/quire-ml/quire/" + path + "\"\n"
	}
	for _, c := range []struct {
		name, dir, program string
		want               bool
	}{
		{"a graph", "/traces", imports("graph"), true},
		{"nobody asks", "", imports("graph"), false},
		{"a model", "/traces", imports("ml/model"), true},
		{"tensors alone", "/traces", imports("graph/tensors"), false},
		{"data alone", "/traces", imports("ml/data/digits"), false},
		{"a view", "/traces", imports("viz"), true},
		{"another's graph", "/traces", "package main\n\nimport _ \"example.com/graph\"\n", false},
		{"no Go", "/traces", "}", false},
	} {
		t.Setenv(cells.TracesDir, c.dir)
		require.NoError(t, trace(c.program), c.name)
		text, err := os.ReadFile(filepath.Join(dir, traced))
		require.Equal(t, c.want, err == nil, "%s: %s", c.name, text)
		require.Equal(t, c.want, strings.Contains(string(text), `"github.com/quire-ml/quire/kernel-ext/traces"`), c.name)
	}
}
