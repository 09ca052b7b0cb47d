//go:build linux || darwin

package session_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
)

// window is of how many steps times are compared: so few that some windows are undisturbed on a machine that others use too.
const window = 10

// training returns what trains an MLP with hidden layers of some width on b, and returns the times of windows of steps.
func training(t testing.TB, b ir.Backend, batch, width int) func(steps int) []float64 {
	t.Helper()
	x, y := tensors.FromScalarAndDimensions(float32(0), 4096, 128), tensors.FromScalarAndDimensions(int32(0), 4096, 1)
	for i := range tensors.Flat[float32](x) {
		tensors.Flat[float32](x)[i] = float32(i%251)/125 - 1
	}
	for i := range tensors.Flat[int32](y) {
		tensors.Flat[int32](y)[i] = int32(i % 10)
	}
	ds, err := data.InMemory("bench", x, y)
	require.NoError(t, err)
	ds.BatchSize(batch, true).Infinite(true)
	mlp := func(scope *model.Scope, x *graph.Node) *graph.Node {
		for i := range 2 {
			x = graph.Relu(layers.Dense(scope.In("d%d", i), x, true, width))
		}
		return layers.Dense(scope.In("out"), x, true, 10)
	}
	loop := train.NewLoop(train.NewTrainer(b, model.NewStore(), mlp, losses.SparseCategoricalCrossEntropyLogits, optimizers.Adam().Done()))
	var ends []time.Time
	loop.Listen(func(e train.Event) {
		if e.Kind == train.Step {
			ends = append(ends, e.Time)
		}
	})
	return func(steps int) (windows []float64) {
		ends = ends[:0]
		_, err := loop.RunSteps(ds, steps)
		require.NoError(t, err)
		for i := 2 * window; i+1 < len(ends); i += window { // the first and the last ones wait for each other
			windows = append(windows, ends[i].Sub(ends[i-window]).Seconds()/window)
		}
		return windows
	}
}

// BenchmarkTraining trains in process and through the session in turns, and tells the ratio of the rates: of the fastest tenth of all
// windows, and of the medians.
func BenchmarkTraining(b *testing.B) {
	ground(b)
	for _, c := range []struct {
		engine              string
		batch, width, steps int
	}{{"go:workers=1", 64, 256, 200}, {"go:workers=1", 256, 512, 60}, {"go", 64, 320, 200}, {"go", 256, 768, 60}} {
		b.Run(fmt.Sprintf("%s/batch=%d/width=%d", c.engine, c.batch, c.width), func(b *testing.B) {
			within := training(b, open1(b, c.engine), c.batch, c.width)
			through := training(b, open(b, c.engine), c.batch, c.width)
			equally(b)
			defer stopAll(b) // the next engine has another worker
			var alone, session []float64
			for b.Loop() {
				alone = append(alone, within(c.steps)...)
				session = append(session, through(c.steps)...)
			}
			slices.Sort(alone)
			slices.Sort(session)
			at := func(list []float64, part float64) float64 { return list[int(part*float64(len(list)))] }
			b.ReportMetric(1e3*at(alone, 0.1), "ms/step")
			b.ReportMetric(100*at(alone, 0.1)/at(session, 0.1), "%rate")
			b.ReportMetric(100*at(alone, 0.5)/at(session, 0.5), "%median")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// equally gives the worker the priority of this process on a system that shares time among groups of processes first (sched(7),
// autogroup): a worker is in a group of its own, and beside other programs nice alone would compare groups.
func equally(t testing.TB) {
	mine, err := os.ReadFile("/proc/self/autogroup") // "/autogroup-28 nice -5"
	_, nice, ok := strings.Cut(strings.TrimSpace(string(mine)), " nice ")
	if err != nil || !ok {
		return
	}
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/autogroup", worker(t).PID), []byte(nice), 0); err != nil {
		t.Log("the worker has another priority: ", err)
	}
}

// open1 opens an engine in this process.
func open1(t testing.TB, config string) ir.Backend {
	b, err := backends.New(config)
	require.NoError(t, err)
	t.Cleanup(func() { b.Close() })
	return b
}
