package viz_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

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
		if !strings.Contains(text, "graph.MatMul(x, w)") || strings.Contains(text, "_test.go") {
			t.Errorf("%s:\n%s", name, text)
		}
	}
	shapes := viz.Shapes(cellMistake, f32(32, 64), f32(10, 64))
	if html := shapes.HTML(); strings.Contains(html, "_test.go") || !strings.Contains(html, "graph.MatMul(x, w)") {
		t.Errorf("the shapes of a cell:\n%s", html)
	}
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
	want := "float32[3]  12 B\nmin 0, max 0.985, mean 0.543, std 0.4084 · 1 zero (33.3%)\n[0.000 0.644 0.985]\nnil\na\nx\n"
	if out != want {
		t.Errorf("printed %q, want %q", out, want)
	}
}

func captureStdout(t *testing.T, f func()) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	old := os.Stdout
	os.Stdout = file
	f()
	os.Stdout = old
	data, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
