//go:build linux || darwin

package session_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/backends/session"
	"github.com/quire-ml/quire/backends/session/internal/serve"
	"github.com/quire-ml/quire/backends/session/internal/wire"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
)

// asClient makes the program of the tests another client, and what a worker is started with makes it a worker: tests need no other
// program.
const asClient = "QUIRE_TEST_CLIENT"

func TestMain(m *testing.M) {
	switch what := os.Getenv(asClient); {
	case len(os.Args) > 1 && os.Args[1] == "-ready":
		os.Exit(serve.Main(os.Args[1:], func(device string) (ir.Backend, error) { return backends.New(device) }))
	case what != "":
		if err := beClient(what); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// beClient does what a client of a test does.
func beClient(what string) error {
	if cell, ok := strings.CutPrefix(what, "cell "); ok {
		return beCell(strings.Fields(cell))
	}
	b, err := backends.New("session:go")
	if err != nil {
		return err
	}
	x, err := b.Put(tensors.FromScalarAndDimensions(float32(1), 1<<20))
	if err != nil {
		return err
	}
	if _, err := x.ToHost(); err != nil || what != "wait" {
		return err
	}
	fmt.Println("ready")
	select {}
}

// ground gives a test a folder for sockets, and ends the workers in it at its end.
func ground(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "quire-session-test-") // whose path is short
	require.NoError(t, err)
	t.Setenv(wire.EnvDir, dir)
	self, err := os.Executable()
	require.NoError(t, err)
	t.Setenv(wire.EnvWorker, self)
	t.Cleanup(func() {
		stopAll(t)
		require.NoError(t, os.RemoveAll(dir))
	})
	return dir
}

// open opens an engine, for the whole test.
func open(t testing.TB, device string) ir.Backend {
	t.Helper()
	b, err := backends.New(fmt.Sprint("session:", device))
	require.NoError(t, err)
	t.Cleanup(func() { b.Close() })
	return b
}

// stopAll ends all workers of the test's folder.
func stopAll(t testing.TB) {
	list, err := session.Workers()
	require.NoError(t, err)
	for _, w := range list {
		require.NoError(t, w.Stop(true))
	}
}

// statusOf asks a worker what it does.
func statusOf(t testing.TB, l *wire.Link) (s wire.Status) {
	t.Helper()
	require.NoError(t, l.Send(wire.KindStatus, 1, nil))
	f, err := l.Receive()
	require.NoError(t, err)
	require.Equal(t, wire.KindOK, f.Kind)
	require.NoError(t, json.Unmarshal(f.Payload, &s))
	return s
}
