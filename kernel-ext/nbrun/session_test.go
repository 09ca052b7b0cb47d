package nbrun

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/session"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
)

// Cells of a notebook compute in a session that outlives them, find there what an earlier one held, and end it with their kernel.
func TestCellsComputeInASession(t *testing.T) {
	needKernel(t)
	dir, err := os.MkdirTemp("/tmp", "quire-nb-") // whose path is short
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	t.Setenv(session.EnvDir, dir)
	t.Setenv("QUIRE_BACKEND", "session:go")
	ws, err := workspace.Open(within(t, time.Minute), workspace.Options{})
	require.NoError(t, err)
	_, err = ws.Build(within(t, 3*time.Minute), nil, workspace.Headless()...)
	require.NoError(t, err)
	path := write(t, `import (
	"fmt"
	"os"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/backends/session"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
)
%%
b := backends.MustNew()
x, err := b.Put(tensors.FromValue([]float32{1, 2, 3}))
name, err2 := session.Hold(x)
fmt.Println(b.Name(), err, err2)
os.WriteFile("name", []byte(name), 0o600)`, `%%
name, _ := os.ReadFile("name")
b := backends.MustNew()
x, err := session.Held(b, string(name))
y := graph.MustNewExec(b, graph.Neg).MustCall(x)[0]
fmt.Println(tensors.Flat[float32](y), err)`)
	result, err := Run(within(t, 3*time.Minute), Options{Notebook: path})
	require.NoError(t, err)
	assert.Contains(t, result.Cells[0].Text(), "session:go <nil> <nil>")
	assert.Contains(t, result.Cells[1].Text(), "[-1 -2 -3] <nil>")
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		list, err := session.Workers()
		require.NoError(t, err)
		if len(list) == 0 {
			break
		}
		require.True(t, time.Now().Before(end), "the worker outlives its notebook")
	}
}
