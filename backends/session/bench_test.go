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

// perCall is how many steps are made by one call where they are not made one by one.
const perCall = 10

// training returns what trains an MLP with hidden layers of some width on b, and returns the times of windows of steps: a twentieth of a second, so
// that some are undisturbed on a machine that others use too, and that it does not matter when a listener gets to hear of a step.
func training(t testing.TB, b ir.Backend, batch, width, perCall int) func(windows, window int) []float64 {
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
	trainer := train.NewTrainer(b, model.NewStore(), mlp, losses.SparseCategoricalCrossEntropyLogits,
		optimizers.Adam().LearningRate(1e-5).Done()) // so slow that moments do not shrink below what processors are fast with
	require.NoError(t, trainer.StepsPerCall(perCall))
	loop := train.NewLoop(trainer)
	var ends []time.Time
	loop.Listen(func(e train.Event) {
		if e.Kind == train.Step {
			ends = append(ends, e.Time)
		}
	})
	return func(windows, window int) (list []float64) {
		ends = ends[:0]
		_, err := loop.RunSteps(ds, (windows+1)*window)
		require.NoError(t, err)
		for i := 2*window - 1; i < len(ends); i += window { // the first ones wait for each other
			list = append(list, ends[i].Sub(ends[i-window]).Seconds()/float64(window))
		}
		return list
	}
}

// BenchmarkTraining trains in process and through the session in turns, the latter with a call for each step and with one for ten, and tells
// the ratios of the rates: of the fastest tenth of all windows, and of the medians.
func BenchmarkTraining(b *testing.B) {
	ground(b)
	for _, c := range []struct {
		engine               string
		batch, width, window int
	}{
		{"go:workers=1", 64, 256, 100}, {"go:workers=1", 64, 400, 50}, {"go:workers=1", 256, 512, 10}, {"go:workers=1", 256, 704, 10}, {"go:workers=1", 512, 600, 10},
		{"go", 64, 288, 100}, {"go", 64, 448, 50}, {"go", 256, 640, 10}, {"go", 256, 896, 10}, {"go", 512, 800, 10},
	} {
		b.Run(fmt.Sprintf("%s/batch=%d/width=%d", c.engine, c.batch, c.width), func(b *testing.B) {
			arms := []struct {
				name  string
				train func(windows, window int) []float64
				times []float64
			}{
				{name: "", train: training(b, open1(b, c.engine), c.batch, c.width, 1)},
				{name: "", train: training(b, open(b, c.engine), c.batch, c.width, 1)},
				{name: "@10", train: training(b, open(b, c.engine), c.batch, c.width, perCall)},
			}
			equally(b)
			defer stopAll(b) // the next engine has another worker
			for b.Loop() {
				for i := range arms {
					arms[i].times = append(arms[i].times, arms[i].train(4, c.window)...)
				}
			}
			at := func(i int, part float64) float64 {
				slices.Sort(arms[i].times)
				return arms[i].times[int(part*float64(len(arms[i].times)))]
			}
			b.ReportMetric(1e3*at(0, 0.1), "ms/step")
			for i, a := range arms[1:] {
				b.ReportMetric(100*at(0, 0.1)/at(1+i, 0.1), "%rate"+a.name)
				b.ReportMetric(100*at(0, 0.5)/at(1+i, 0.5), "%median"+a.name)
			}
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
