package flow_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/kernel-ext/internal/flow"
	"github.com/quire-ml/quire/kernel-ext/internal/stamp"
)

// People edit packages beside their notebooks while a kernel runs.
func TestChangedPackagesAreReadAnew(t *testing.T) {
	dir, stamps := t.TempDir(), filepath.Join(t.TempDir(), "stamps")
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	}
	write("go.mod", "module example.com/m\n\ngo 1.26\n")
	write("p/p.go", "package p\n\nimport \"example.com/m/q\"\n\nvar P = q.Q\n")
	write("q/q.go", "package q\n\nvar Q = 1\n")
	e := flow.NewExports(dir, "go", append(env(), "GOWORK=off"))
	e.Stamps(stamps)
	typeOf := func(path, name string) string {
		t.Helper()
		e.Refresh(t.Context())
		p, err := e.Import(path)
		if err != nil {
			return err.Error()
		}
		if o := p.Scope().Lookup(name); o != nil {
			return o.Type().String()
		}
		return "not there"
	}
	require.Equal(t, "int", typeOf("example.com/m/p", "P"))
	for _, c := range []struct {
		name, file, text  string
		path, object, typ string
	}{
		{"another type", "p/p.go", "package p\n\nimport \"example.com/m/q\"\n\nvar P = float64(q.Q)\n", "example.com/m/p", "P", "float64"},
		{"one more file", "p/more.go", "package p\n\nvar More = \"\"\n", "example.com/m/p", "More", "string"},
		{"in a package that it imports", "q/q.go", "package q\n\nvar Q = 1\n\ntype T struct{}\n", "example.com/m/q", "T", "example.com/m/q.T"},
		{"a mistake", "q/q.go", "package q\n\nvar Q = X\n", "example.com/m/q", "Q", "q/q.go:3:9: undefined: X"},
		{"mended", "q/q.go", "package q\n\nvar Q = 2.5\n", "example.com/m/q", "Q", "float64"},
		{"a package that is new", "r/r.go", "package r\n\nvar R = 1\n", "example.com/m/r", "R", "int"},
	} {
		write(c.file, c.text)
		assert.Contains(t, typeOf(c.path, c.object), c.typ, c.name)
		packages, err := stamp.Read(stamps)
		require.NoError(t, err, c.name)
		assert.NotEmpty(t, packages[c.path], c.name)
	}
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "r")))
	assert.Contains(t, typeOf("example.com/m/r", "R"), "example.com/m/r", "one that is gone")
	require.Eventually(t, func() bool { // what was just written may change once more
		before, err := e.Import("example.com/m/p")
		require.NoError(t, err)
		e.Refresh(t.Context())
		after, err := e.Import("example.com/m/p")
		require.NoError(t, err)
		return before == after
	}, time.Minute, time.Millisecond, "what has not changed is read once")
}
