//go:build linux || darwin

package session_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/backends/session"
	"github.com/quire-ml/quire/backends/session/internal/wire"
	"github.com/quire-ml/quire/graph/tensors"
)

// left returns what workers have left in a folder.
func left(t testing.TB, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*.left*"))
	require.NoError(t, err)
	return list
}

// inOrder are the ways in which a worker is asked to end.
var inOrder = map[string]func(t *testing.T, dir string){
	"stopped": func(t *testing.T, _ string) { require.NoError(t, worker(t).Stop(true)) },
	"terminated": func(t *testing.T, dir string) {
		require.NoError(t, syscall.Kill(worker(t).PID, syscall.SIGTERM))
		eventually(t, "it gives its lock up, at its very end", func() bool { return len(wire.Locks(dir)) == 0 })
	},
}

// A worker that is asked to end writes out what notebooks carry, and the next one has it when it is asked for.
func TestAWorkerThatEndsInOrderLosesNothing(t *testing.T) {
	for how, end := range inOrder {
		t.Run(how, func(t *testing.T) {
			dir := ground(t)
			want := inOneProgram(t, "train=6")
			n := newNotebook(t)
			got := n.run("1 new=net train=2")
			held := worker(t).HeldBytes
			end(t, dir)
			require.Len(t, left(t, dir), 1)
			got = append(got, n.run("2 in=net train=2")...)
			require.Empty(t, left(t, dir), "it is taken up")
			holds(t, int(held))
			end(t, dir)
			b, err := backends.New("session:go") // a worker that nobody asks for the store
			require.NoError(t, err)
			doubled(t, b)
			require.NoError(t, b.Close())
			end(t, dir)
			require.Len(t, left(t, dir), 1)
			got = append(got, n.run("3 in=net train=2")...)
			require.Equal(t, want, got)
			holds(t, int(held))
			require.NoError(t, os.Remove(filepath.Join(n.dir, "net")))
			holds(t, 0) // it lives with the file as before
			end(t, dir)
			require.Empty(t, left(t, dir))
		})
	}
}

// A value that a notebook holds by its name is there, too; one that no notebook holds ended with the worker.
func TestNamesOutliveAWorkerThatEndsInOrder(t *testing.T) {
	dir := ground(t)
	hold := func(x float32) string {
		b, err := backends.New("session:go")
		require.NoError(t, err)
		defer b.Close()
		name, err := session.Hold(put(t, b, tensors.FromScalarAndDimensions(x, 3)))
		require.NoError(t, err)
		return name
	}
	nobodys := hold(1)
	n := newNotebook(t)
	t.Setenv(wire.EnvOwner, filepath.Join(filepath.Dir(n.dir), "owner"))
	ours := hold(2)
	require.NoError(t, worker(t).Stop(true))
	b := open(t, "go")
	_, err := session.Held(b, nobodys)
	require.True(t, session.IsStale(err), "%v", err)
	x, err := session.Held(b, ours)
	require.NoError(t, err)
	require.Equal(t, []float32{2, 2, 2}, tensors.Flat[float32](read(t, x)))
	require.NoError(t, session.Drop(b, ours))
	_, err = session.Held(b, ours)
	require.ErrorContains(t, err, "it was dropped")
	require.Empty(t, left(t, dir))
}

// What nobody can ask for any more is not written, and swept if it was.
func TestWhatAWorkerWroteOutIsSwept(t *testing.T) {
	dir := ground(t)
	n, ended := newNotebook(t), newNotebook(t)
	n.run("1 new=net train=1")
	ended.run("1 new=net train=1")
	require.NoError(t, worker(t).Stop(true))
	require.Len(t, left(t, dir), 1)
	session.Sweep()
	require.Len(t, left(t, dir), 1)
	ended.owner.Close()
	session.Sweep()
	require.Len(t, left(t, dir), 1, "of one notebook there is still something")
	require.NoError(t, os.Remove(filepath.Join(n.dir, "net")))
	session.Sweep()
	require.Empty(t, left(t, dir))

	n.run("2 new=net train=1")
	require.NoError(t, worker(t).Stop(true))
	n.owner.Close()
	b := open(t, "go")
	doubled(t, b)
	require.Empty(t, left(t, dir), "a worker sweeps when it begins")
}

// A file that cannot be read is as good as none.
func TestWhatAWorkerWroteOutIsDamaged(t *testing.T) {
	for what, damage := range map[string]func(data []byte) []byte{
		"cut short":        func(data []byte) []byte { return data[:len(data)-1] },
		"empty":            func([]byte) []byte { return nil },
		"another version":  func(data []byte) []byte { return append([]byte("quire left 0\n"), data[13:]...) },
		"a header of junk": func(data []byte) []byte { return append(append(data[:17:17], make([]byte, 40)...), data[57:]...) },
	} {
		t.Run(what, func(t *testing.T) {
			dir := ground(t)
			n := newNotebook(t)
			n.run("1 new=net train=1")
			require.NoError(t, worker(t).Stop(true))
			path := left(t, dir)[0]
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, damage(data), 0o600))
			assert.Contains(t, n.fails("2 in=net"), "it was lost with the worker that held it")
			assert.Empty(t, left(t, dir))
		})
	}
}
