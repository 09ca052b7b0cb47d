//go:build cgo

package xla_test

import (
	"fmt"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/backends/xla"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/digits"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/gomlx/go-xla/pjrt"
	"github.com/stretchr/testify/require"
)

type modelFn = func(scope *model.Scope, images *graph.Node) *graph.Node

// networks are those of the tutorials.
var networks = []struct {
	name  string
	fn    modelFn
	batch int
	side  int // of the images
}{
	{"mlp", func(scope *model.Scope, x *graph.Node) *graph.Node {
		x = graph.Reshape(x, x.Dim(0), -1)
		x = graph.Relu(layers.Dense(scope.In("hidden"), x, true, 256))
		return layers.Dense(scope.In("readout"), x, true, 10)
	}, 128, 28},
	{"cnn", func(scope *model.Scope, x *graph.Node) *graph.Node {
		for i, channels := range []int{16, 32} {
			x = graph.Relu(layers.Convolution(scope.In(fmt.Sprint("conv", i)), x).Channels(channels).KernelSize(3).PadSame().Done())
			x = graph.MaxPool(x).Window(2).Done()
		}
		x = graph.Reshape(x, x.Dim(0), -1)
		return layers.Dense(scope.In("readout"), x, true, 10)
	}, 64, 28},
}

func newTrainer(b ir.Backend, fn modelFn, seed int64) *train.Trainer {
	store := model.NewStore()
	store.SetRNGStateFromSeed(seed)
	return train.NewTrainer(b, store, fn, losses.SparseCategoricalCrossEntropyLogits, optimizers.Adam().LearningRate(3e-3).Done(), metrics.NewSparseCategoricalAccuracy())
}

// BenchmarkStep times steps of training on the go engine and on XLA, in one run.
func BenchmarkStep(b *testing.B) {
	for _, n := range networks {
		for name, open := range map[string]func() ir.Backend{"go": gocpu.New, "xla": func() ir.Backend { return open(b, "") }} {
			b.Run(name+"/"+n.name, func(b *testing.B) {
				backend := open()
				defer backend.Close()
				trainer := newTrainer(backend, n.fn, 1)
				images := tensors.FromShape(shapes.Make(dtypes.Float32, n.batch, n.side, n.side, 1))
				labels := tensors.FromShape(shapes.Make(dtypes.Int32, n.batch, 1))
				for i := range tensors.Flat[float32](images) {
					tensors.Flat[float32](images)[i] = float32(i*7919%1000) / 1000
				}
				for i := range tensors.Flat[int32](labels) {
					tensors.Flat[int32](labels)[i] = int32(i % 10)
				}
				batch := data.Batch{Inputs: []*tensors.Tensor{images}, Labels: []*tensors.Tensor{labels}}
				step := func() {
					_, err := trainer.TrainStep(batch)
					require.NoError(b, err)
				}
				step()
				b.ReportAllocs()
				for b.Loop() {
					step()
				}
			})
		}
	}
}

// BenchmarkStart times opening the plugin and compiling a network's step, with and without the folder of compiled programs.
func BenchmarkStart(b *testing.B) {
	needPlugin(b)
	for _, cached := range []bool{false, true} {
		b.Run(map[bool]string{false: "compiled", true: "from the folder"}[cached], func(b *testing.B) {
			cache := "off"
			if cached {
				cache = b.TempDir()
			}
			start := func() {
				e, err := xla.Open("cpu,cache=" + cache)
				require.NoError(b, err)
				defer e.Close()
				batch := data.Batch{
					Inputs: []*tensors.Tensor{tensors.FromShape(shapes.Make(dtypes.Float32, 64, 28, 28, 1))},
					Labels: []*tensors.Tensor{tensors.FromShape(shapes.Make(dtypes.Int32, 64, 1))},
				}
				_, err = newTrainer(e, networks[1].fn, 1).TrainStep(batch)
				require.NoError(b, err)
			}
			start()
			for b.Loop() {
				start()
			}
		})
	}
}

// BenchmarkCall times the smallest program, with scalars from the host and back.
func BenchmarkCall(b *testing.B) {
	for name, open := range map[string]func() ir.Backend{"go": gocpu.New, "xla": func() ir.Backend { return open(b, "") }} {
		b.Run(name, func(b *testing.B) {
			exec := graph.MustNewExec(open(), func(x, y *graph.Node) *graph.Node { return graph.Add(x, y) })
			x, y := tensors.FromScalar(float32(1)), tensors.FromScalar(float32(2))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := exec.Call1(x, y); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The first lesson trains on XLA as it does on the go engine: same code, same seed, about the same losses; the step is
// compiled once and takes nothing with it.
func TestTraining(t *testing.T) {
	e := open(t, "")
	losses := func(b ir.Backend) (values []float64) {
		set, _, err := digits.Datasets(64)
		require.NoError(t, err)
		trainer := newTrainer(b, networks[0].fn, 7)
		for batch, err := range set.Iter() {
			require.NoError(t, err)
			m, err := trainer.TrainStep(batch)
			require.NoError(t, err)
			if values = append(values, m.Value("Batch loss")); len(values) == 30 {
				break
			}
		}
		trainer.Store().Close()
		return values
	}
	before := settled(pjrt.BuffersAlive)
	got, want := losses(e), losses(gocpu.New())
	for i := range want {
		if d := got[i] - want[i]; d > 1e-2*want[i]+1e-4 || d < -1e-2*want[i]-1e-4 {
			t.Errorf("step %d: loss %v, on the go engine %v", i, got[i], want[i])
		}
	}
	if last, first := got[len(got)-1], got[0]; !(last < first/2) {
		t.Errorf("the loss goes from %v to %v", first, last)
	}
	settles(t, "buffers", func() int64 { return pjrt.BuffersAlive() - before })
}
