//go:build linux || darwin

package session_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/session/internal/serve"
	"github.com/quire-ml/quire/backends/session/internal/wire"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// frame returns a frame whose body write writes.
func frame(kind wire.Kind, write func(w *wire.Writer)) []byte {
	var w wire.Writer
	write(&w)
	return append(wire.Header{Kind: kind, ID: 1, Body: len(w.Body)}.Append(nil), w.Body...)
}

// FuzzWorker: whatever a client sends after its hello, the worker serves others, or has ended because it was told to.
func FuzzWorker(f *testing.F) {
	value := frame(wire.KindPut, func(w *wire.Writer) {
		w.Uint(5)
		w.Shape(shapes.Make(dtypes.Float32, 1))
		w.Uint(0)
		w.Body = append(w.Body, 0, 0, 128, 63)
	})
	number := func(w *wire.Writer) { w.Uint(5) }
	f.Add(value)
	f.Add(append(value, frame(wire.KindGet, number)...))
	f.Add(append(value, frame(wire.KindHold, number)...))
	f.Add(append(value, value...))
	f.Add(frame(wire.KindRun, func(w *wire.Writer) {
		for _, x := range []uint64{1, 1, 5, 1, 9, 0} {
			w.Uint(x)
		}
		w.Bool(true)
	}))
	f.Add(frame(wire.KindCompile, func(w *wire.Writer) {
		w.Body = append(w.Body, make([]byte, wire.HashBytes)...)
		w.Uint(7)
		w.Uint(0)
		w.Bool(true)
		w.Uint(0)
		w.Body = append(w.Body, "{}"...)
	}))
	f.Add(frame(wire.KindHeld, func(w *wire.Writer) {
		w.Text("a.b")
		w.Uint(3)
	}))
	f.Add(frame(wire.KindStatus, func(*wire.Writer) {}))
	f.Fuzz(func(t *testing.T, sent []byte) {
		dir := ground(t)
		ended := serveHere(t, dir, serve.Options{Idle: time.Hour})
		l := dial(t, dir, wire.Hello{Version: wire.Current(), Device: "go"})
		_ = l.Raw(sent) // the worker may have had enough
		l.Conn.Close()
		c, err := wire.Dial(wire.SocketPath(dir, "go"))
		if err != nil { // it was told to end
			require.NoError(t, <-ended)
			return
		}
		c.Close()
	})
}
