package viz_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/viz"
)

// In a cell, views name lines by their text: the numbers are those of a file that nobody sees.
func TestPlacesInACell(t *testing.T) {
	_, file, _, _ := runtime.Caller(0)
	t.Setenv("GONB_TMP_DIR", filepath.Dir(file))
	for name, v := range map[string]any{
		"graph": viz.Graph(cellModel, f32(32, 64), f32(64, 10)), "summary": viz.Summary(cellModel, f32(32, 64), f32(64, 10)),
	} {
		text := viz.Text(v)
		assert.Contains(t, text, "graph.MatMul(x, w)", name)
		assert.NotContains(t, text, "_test.go", name)
	}
	html := viz.Shapes(cellMistake, f32(32, 64), f32(10, 64)).HTML()
	assert.Contains(t, html, "graph.MatMul(x, w)")
	assert.NotContains(t, html, "_test.go")
}

func TestShowPrintsTextOutsideOfNotebooks(t *testing.T) {
	t.Setenv("GONB_PIPE", "")
	out := captureStdout(t, func() {
		viz.Show(wave(3))
		viz.Show()
		viz.Show(nil)
		viz.Show("a", nil)
		viz.Show(viz.HTML("<b>x</b>", "x"))
	})
	assert.Equal(t, "float32[3]  12 B\nmin 0, max 0.985, mean 0.543, std 0.4084 · 1 zero (33.3%)\n[0.000 0.644 0.985]\nnil\na\nx\n", out)
}

func captureStdout(t *testing.T, f func()) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer file.Close()
	old := os.Stdout
	os.Stdout = file
	f()
	os.Stdout = old
	data, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	return string(data)
}
