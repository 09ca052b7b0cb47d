//go:build cgo && (linux || darwin)

package xla_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/xla"
	"github.com/quire-ml/quire/backends/xla/internal/double"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Equal programs are compiled once, as long as the cache holds them; what it drops still runs where it is in use.
func TestProgramsInMemory(t *testing.T) {
	e, d := onDouble(t, "", double.Options{})
	a := compile(t, e, []*tensors.Tensor{ramp(3, 1)}, nil, twice)
	compile(t, e, []*tensors.Tensor{ramp(3, 1)}, nil, twice)
	assert.Equal(t, xla.CacheStats{Programs: 1, Hits: 1, Misses: 1, Compiled: 1}, e.CacheStats(), "after the same program twice")
	compile(t, e, []*tensors.Tensor{ramp(3, 1)}, []int{0}, twice)
	s := e.CacheStats()
	assert.Equal(t, 2, s.Misses, "another donation is another program: %+v", s)
	e.LimitPrograms(1)
	wantRamp(t, "a program that was dropped", run(t, a, []ir.Buffer{put(t, e, ramp(3, 1))})[0], 1, 2)
	a.Close()
	compile(t, e, []*tensors.Tensor{ramp(3, 1)}, nil, twice)
	if s := e.CacheStats(); s.Misses != 3 || s.Programs != 1 {
		t.Errorf("a program that was dropped is compiled again: %+v", s)
	}
	n := d.Stats().Compiled
	assert.Equal(t, 3, n, "the plugin compiled %d programs", n)
	d.SetFaults(double.Faults{{At: double.Compile, Code: double.Internal, Times: 1}})
	assert.Error(t, compileOther(t, e), "a compilation that fails is no error")
	assert.NoError(t, compileOther(t, e), "an error is kept in the cache")
}

// An engine that was closed has left its programs in the folder: the second start compiles nothing. That another process
// finds them too is tested in internal/capi.
func TestSecondStartCompilesNothing(t *testing.T) {
	needPlugin(t)
	dir := t.TempDir()
	for start := range 2 {
		e, err := xla.Open("cpu,cache=" + dir)
		require.NoError(t, err)
		x := ramp(100, 1)
		wantRamp(t, "the result", run(t, compile(t, e, []*tensors.Tensor{x}, []int{0}, twice), []ir.Buffer{put(t, e, x)}, true)[0], 1, 2)
		s := e.CacheStats()
		require.NoError(t, e.Close())
		if want := 1 - start; s.Compiled != want || s.DiskHits != start || s.DiskErrors != 0 || s.DiskBytes == 0 {
			t.Errorf("start %d: %+v, want %d compiled and %d from the folder", start+1, s, want, start)
		}
	}
}

// After many compilations of a program for other shapes a line in the log says so, once.
func TestManyCompilationsAreNoted(t *testing.T) {
	e, _ := onDouble(t, "", double.Options{})
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	step := graph.MustNewExec(e, func(x *graph.Node) *graph.Node { return graph.Add(x, x) }).WithName("step")
	other := graph.MustNewExec(e, func(x *graph.Node) *graph.Node { return graph.Neg(x) }).WithName("step")
	for n := range 45 {
		if n == 19 && log.Len() > 0 {
			t.Errorf("noted after 19: %s", &log)
		}
		_, err := step.Call1(ramp(n+1, 1))
		require.NoError(t, err)
		if n < 15 {
			_, err := other.Call1(ramp(n+1, 1))
			require.NoError(t, err)
		}
	}
	text := log.String()
	assert.Equal(t, 1, strings.Count(text, "level=WARN"), "the log holds")
	assert.Contains(t, text, "program=step compilations=20", "the log holds")
	assert.Contains(t, text, "padding", "the log holds")
}

// Goroutines that want the same program wait for one compilation, or for the end of their context.
func TestOneCompilationForMany(t *testing.T) {
	e, d := onDouble(t, "", double.Options{})
	release := make(chan struct{})
	d.SetFaults(double.Faults{{At: double.Compile, Until: release}})
	p := meshlessProgram(t)
	errs := make(chan error)
	for range 4 {
		go func() {
			exe, err := e.Compile(context.Background(), p)
			if err == nil {
				exe.Close()
			}
			errs <- err
		}()
	}
	for e.CacheStats().Hits < 3 { // all four are there
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, err := e.Compile(ctx, p)
		errs <- err
	}()
	cancel()
	assert.ErrorContains(t, <-errs, context.Canceled.Error(), "the one whose context ended")
	close(release)
	for range 4 {
		assert.NoError(t, <-errs)
	}
	assert.Equal(t, 1, d.Stats().Compiled, "compilations")
}

func meshlessProgram(t *testing.T) *ir.Program {
	p := meshProgram(t, 1, ramp(4, 0), ramp(2, 0))
	p.Mesh, p.InputShardings, p.OutputShardings = nil, nil, nil
	return p
}
