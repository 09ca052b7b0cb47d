//go:build cgo && (linux || darwin)

package xla_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/backends/xla"
	"github.com/quire-ml/quire/backends/xla/internal/double"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/checkpoints"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// onDevices runs a test on the double, which shows that the parts of values come and go as they should, and on the
// real CPU plugin, which also divides the program. open opens an engine with options.
func onDevices(t *testing.T, test func(t *testing.T, open func(t testing.TB, options string) *xla.Engine)) {
	t.Run("double", func(t *testing.T) {
		test(t, func(t testing.TB, options string) *xla.Engine {
			e, _ := onDouble(t.(*testing.T), options, double.Options{})
			return e
		})
	})
	t.Run("plugin", func(t *testing.T) {
		needPlugin(t)
		test(t, open)
	})
}

// gridMesh is mesh[data=N model=M].
func gridMesh(n, m int) *ir.Mesh {
	return &ir.Mesh{Axes: []ir.MeshAxis{{Name: "data", Size: n}, {Name: "model", Size: m}}}
}

// megatronBlock is a residual block as transformers have it: up by columns, down by rows (Shoeybi et al., "Megatron-LM",
// 2019, arXiv:1909.08053, section 3), with a batch norm and dropout, whose values depend on the whole batch.
func megatronBlock(scope *model.Scope, x *graph.Node) *graph.Node {
	h := layers.Dense(scope.In("up"), x, true, 16)
	h = layers.BatchNorm(scope.In("norm"), graph.Relu(h), -1).Done()
	h = layers.Dropout(scope.In("dropout"), h, 0.25)
	return layers.Dense(scope.In("down"), h, true, 8)
}

func megatron(scope *model.Scope, x *graph.Node) *graph.Node {
	x = layers.Dense(scope.In("embed"), x, true, 8)
	return layers.Dense(scope.In("readout"), graph.Add(x, megatronBlock(scope.In("block"), x)), true, 3)
}

// megatronPinned is megatron with a value inside that is divided by hand.
func megatronPinned(scope *model.Scope, x *graph.Node) *graph.Node {
	x = layers.Dense(scope.In("embed"), x, true, 8)
	if x.Graph().Mesh() != nil {
		x = graph.Shard(x, ir.Open, "model")
	}
	return layers.Dense(scope.In("readout"), graph.Add(x, megatronBlock(scope.In("block"), x)), true, 3)
}

// shardingRules divide variables of megatron.
type shardingRules map[string][]string

var (
	tensorParallel = shardingRules{"up/weights": {"", "model"}, "up/biases": {"model"}, "norm/*": {"model"}, "down/weights": {"model", ""}}
	fullyDivided   = shardingRules{"embed/weights": {"", "data,model"}, "up/weights": {"data", "model"}, "down/weights": {"model", "data"}, "readout/weights": {"data,model", ""}}
)

// meshBatch is batch number i of n examples, the same every time.
func meshBatch(n, i int) data.Batch {
	rng := rand.New(rand.NewPCG(uint64(i), 3))
	x, y := make([][]float32, n), make([]int32, n)
	for k := range x {
		x[k] = make([]float32, 5)
		for j := range x[k] {
			x[k][j] = float32(rng.NormFloat64())
		}
		if x[k][0] > 0.3 {
			y[k]++
		}
		if x[k][1] > x[k][2] {
			y[k]++
		}
	}
	return data.Batch{Inputs: []*tensors.Tensor{tensors.MustFromAnyValue(x)}, Labels: []*tensors.Tensor{tensors.MustFromAnyValue(y)}}
}

// meshTrainer trains with an epsilon that is far above what sums in another order differ by: Adam divides by the size of a gradient, and
// would make of a difference of 1e-8 in one that is almost 0 a step of its own.
func meshTrainer(t testing.TB, backend ir.Backend, store *model.Store, m *ir.Mesh, r shardingRules, fn func(*model.Scope, *graph.Node) *graph.Node) *train.Trainer {
	t.Helper()
	for pattern, axes := range r {
		require.NoError(t, store.ShardVariables(pattern, axes...))
	}
	return train.NewTrainer(backend, store, fn, losses.SparseCategoricalCrossEntropyLogits,
		optimizers.Adam().LearningRate(0.01).Epsilon(1e-3).ClipGlobalNorm(1).Done(), metrics.NewSparseCategoricalAccuracy()).WithMesh(m)
}

// meshSteps trains on batches from to to and returns the losses.
func meshSteps(t testing.TB, trainer *train.Trainer, from, to int) (list []float64) {
	t.Helper()
	for i := from; i < to; i++ {
		got, err := trainer.TrainStep(meshBatch(24, i))
		require.NoError(t, err)
		list = append(list, got[0].Value)
	}
	return list
}

// meshTolerance is how far a loss or a weight may be from that of one device after twenty steps, relative to what is
// above 1: sums are taken in another order, which costs some units in the last place of float32 (6e-8). Seen were 2e-7.
const meshTolerance = 4e-6

func nearOnMesh(x, y float64) bool { return math.Abs(x-y) <= meshTolerance*(1+math.Abs(y)) }

// sameOnMesh checks that all variables are the same within the tolerance.
func sameOnMesh(t testing.TB, got, want *model.Store) {
	t.Helper()
	assert.Equal(t, want.NumVariables(), got.NumVariables())
	for v := range want.IterVariables() {
		w := got.GetVariable(v.Path())
		if w == nil {
			t.Errorf("there is no variable %s", v.Path())
			continue
		}
		x, y := w.MustValue(), v.MustValue()
		for i := range y.Size() {
			if !nearOnMesh(x.Float64At(i), y.Float64At(i)) {
				t.Errorf("%s[%d] is %v, want %v", v, i, x.Float64At(i), y.Float64At(i))
				break
			}
		}
	}
}

// TestTrainingOnAMesh checks that training over devices is training on one.
func TestTrainingOnAMesh(t *testing.T) { onDevices(t, trainingOnAMesh) }

func trainingOnAMesh(t *testing.T, open func(t testing.TB, options string) *xla.Engine) {
	alone := meshTrainer(t, open(t, ""), model.NewStore(), nil, nil, megatron)
	want := meshSteps(t, alone, 0, 20)
	if !(want[19] < 0.8*want[0]) {
		t.Fatalf("one device does not learn: the loss goes from %v to %v", want[0], want[19])
	}
	odd, err := alone.EvalStep(meshBatch(7, 100))
	require.NoError(t, err)
	for _, c := range []struct {
		name  string
		mesh  *ir.Mesh
		rules shardingRules
		model func(*model.Scope, *graph.Node) *graph.Node
	}{
		{"the batch over 4", gridMesh(4, 1), nil, megatron},
		{"the batch over 8", gridMesh(8, 1), nil, megatron},
		{"the weights over 4", gridMesh(1, 4), tensorParallel, megatron},
		{"the weights over 8", gridMesh(1, 8), tensorParallel, megatron},
		{"both over 2 and 2", gridMesh(2, 2), tensorParallel, megatron},
		{"both over 4 and 2", gridMesh(4, 2), tensorParallel, megatron},
		{"weights over all of 2 and 2", gridMesh(2, 2), fullyDivided, megatron},
		{"weights over all of 4 and 2", gridMesh(4, 2), shardingRules{"up/weights": {"data", "model"}, "down/weights": {"", "data,model"}}, megatron},
		{"a value divided by hand", gridMesh(2, 2), tensorParallel, megatronPinned},
		{"an axis that nothing uses", &ir.Mesh{Axes: []ir.MeshAxis{{Name: "pipe", Size: 2}, {Name: "data", Size: 2}}}, nil, megatron},
		{"one device", gridMesh(1, 1), tensorParallel, megatron},
	} {
		if testing.Short() && c.name != "both over 2 and 2" { // each is a compilation of some seconds
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			devices := c.mesh.NumDevices()
			backend := open(t, fmt.Sprintf(",devices=%d", max(4, devices)))
			trainer := meshTrainer(t, backend, model.NewStore(), c.mesh, c.rules, c.model)
			before := backend.CacheStats().Misses
			got := meshSteps(t, trainer, 0, 20)
			for i := range want {
				require.True(t, nearOnMesh(got[i], want[i]), "step %d: the loss is %v, on one device %v", i, got[i], want[i])
			}
			assert.LessOrEqual(t, backend.CacheStats().Misses-before, 1, "programs were compiled for one shape of batch")
			// A batch that cannot be dealt, on the way out.
			last, err := trainer.EvalStep(meshBatch(7, 100))
			require.NoError(t, err)
			for i := range odd {
				assert.True(t, nearOnMesh(last[i].Value, odd[i].Value), "%s of the odd batch is %v, on one device %v", odd[i].Name, last[i].Value, odd[i].Value)
			}
			sameOnMesh(t, trainer.Store(), alone.Store())
		})
	}
}

// TestAnOddBatchIsTrainedOn trains on a batch that cannot be dealt over the devices, between two that can.
func TestAnOddBatchIsTrainedOn(t *testing.T) { onDevices(t, anOddBatchIsTrainedOn) }

func anOddBatchIsTrainedOn(t *testing.T, open func(t testing.TB, options string) *xla.Engine) {
	run := func(backend ir.Backend, m *ir.Mesh) *model.Store {
		trainer := meshTrainer(t, backend, model.NewStore(), m, tensorParallel, megatron)
		for i, n := range []int{8, 5, 8} {
			_, err := trainer.TrainStep(meshBatch(n, i))
			require.NoError(t, err)
		}
		_, err := trainer.Predict([][]float32{{1, 2, 3, 4, 5}})
		assert.NoError(t, err)
		return trainer.Store()
	}
	sameOnMesh(t, run(open(t, ",devices=4"), gridMesh(2, 2)), run(open(t, ""), nil))
}

// TestVariablesAreDivided weighs what lies on the devices: a divided variable once, a whole one on each of them.
func TestVariablesAreDivided(t *testing.T) {
	needPlugin(t)
	const size = 512 // of a side: a megabyte of float32
	weigh := func(axes ...string) int64 {
		backend, store := open(t, ",devices=4"), model.NewStore()
		exec, err := model.NewExec(backend, store, func(scope *model.Scope, g *graph.Graph) []*graph.Node {
			w := scope.VariableWithShape("w", shapes.Make(dtypes.Float32, size, size)).SetSharding(axes...)
			w.SetNodeValue(graph.AddScalar(w.NodeValue(g), 1))
			return nil
		})
		require.NoError(t, err)
		exec.WithMesh(gridMesh(2, 2))
		defer store.Close()
		for range 3 {
			_, err := exec.Call()
			require.NoError(t, err)
		}
		m, err := backend.MemoryStats(0)
		require.NoError(t, err, "%+v, %v: want what the engine counts, over all devices", m, err)
		require.False(t, m.OfPlugin, "%+v, %v: want what the engine counts, over all devices", m, err)
		return m.InUse
	}
	for _, c := range []struct {
		name   string
		axes   []string
		copies int64
	}{
		{"whole", nil, 4},
		{"columns", []string{"", "model"}, 2},
		{"rows over all", []string{"data,model", ""}, 1},
		{"both", []string{"data", "model"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, want := weigh(c.axes...), c.copies*4*size*size
			assert.Equal(t, want, got)
		})
	}
}

// TestDividedVariablesAreReadAndSet reads and replaces the value of a divided variable from outside.
func TestDividedVariablesAreReadAndSet(t *testing.T) { onDevices(t, dividedVariablesAreReadAndSet) }

func dividedVariablesAreReadAndSet(t *testing.T, open func(t testing.TB, options string) *xla.Engine) {
	backend, store := open(t, ",devices=4"), model.NewStore()
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		w := scope.VariableWithValue("w", []float32{0, 1, 2, 3, 4, 5, 6, 7}).SetSharding("model,data")
		w.SetNodeValue(graph.Add(w.NodeValue(x), x))
		return w.NodeValue(x)
	})
	require.NoError(t, err)
	exec.WithMesh(gridMesh(2, 2))
	check := func(x *tensors.Tensor, want ...float32) {
		t.Helper()
		assert.Equal(t, fmt.Sprint(want), fmt.Sprint(x.Value()))
	}
	check(exec.MustCall1(float32(10)), 10, 11, 12, 13, 14, 15, 16, 17)
	check(store.GetVariable("w").MustValue(), 10, 11, 12, 13, 14, 15, 16, 17)
	store.GetVariable("w").MustSetValue(tensors.FromValue([]float32{7, 6, 5, 4, 3, 2, 1, 0}))
	check(exec.MustCall1(float32(1)), 8, 7, 6, 5, 4, 3, 2, 1)
	store.GetVariable("w").SetSharding("data") // divided anew from here on
	check(exec.MustCall1(float32(1)), 9, 8, 7, 6, 5, 4, 3, 2)
	check(store.GetVariable("w").MustValue(), 9, 8, 7, 6, 5, 4, 3, 2)
}

// TestACheckpointGoesToAnotherMesh saves a model in the middle of its training on one mesh and goes on with it on
// another, and on one device.
func TestACheckpointGoesToAnotherMesh(t *testing.T) { onDevices(t, aCheckpointGoesToAnotherMesh) }

func aCheckpointGoesToAnotherMesh(t *testing.T, open func(t testing.TB, options string) *xla.Engine) {
	dir := t.TempDir()
	first := meshTrainer(t, open(t, ",devices=4"), model.NewStore(), gridMesh(2, 2), tensorParallel, megatron)
	meshSteps(t, first, 0, 5)
	h, err := checkpoints.Build(first.Store()).Dir(dir).Done()
	require.NoError(t, err)
	_, err = h.Save()
	require.NoError(t, err)
	meshSteps(t, first, 5, 10)
	for _, c := range []struct {
		name  string
		mesh  *ir.Mesh
		rules shardingRules
	}{
		{"the same", gridMesh(2, 2), tensorParallel},
		{"another", gridMesh(4, 1), fullyDivided},
		{"none", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := model.NewStore()
			_, err := checkpoints.Load(store).Dir(dir).Done()
			require.NoError(t, err)
			trainer := meshTrainer(t, open(t, ",devices=4"), store, c.mesh, c.rules, megatron)
			meshSteps(t, trainer, 5, 10)
			sameOnMesh(t, store, first.Store())
		})
	}
}

// TestMeshErrors holds what people read about a mesh that an engine does not have.
func TestMeshErrors(t *testing.T) {
	for _, c := range []struct {
		options string
		mesh    *ir.Mesh
		want    string
	}{
		{",devices=4", gridMesh(8, 1), "mesh[data=8 model=1] has 8 devices, xla:cpu has 4"},
		{"", gridMesh(2, 2), "mesh[data=2 model=2] has 4 devices, xla:cpu has 1"},
	} {
		_, err := meshTrainer(t, open(t, c.options), model.NewStore(), c.mesh, nil, megatron).TrainStep(meshBatch(24, 0))
		assert.ErrorContains(t, err, c.want)
	}
}

// TestAStepOfJAXOnAMesh runs a training step that JAX exported for four devices, shardings and all.
func TestAStepOfJAXOnAMesh(t *testing.T) { onDevices(t, aStepOfJAXOnAMesh) }

func aStepOfJAXOnAMesh(t *testing.T, open func(t testing.TB, options string) *xla.Engine) {
	text, err := os.ReadFile("../stablehlo/testdata/jax/sharded_step.mlir")
	require.NoError(t, err)
	values, err := tensors.LoadNpz("../stablehlo/testdata/jax/sharded_step.npz")
	require.NoError(t, err)
	m, err := stablehlo.Read(string(text))
	require.NoError(t, err)
	backend := open(t, ",devices=4")
	p, err := m.Program(backend.Lowers)
	require.NoError(t, err)
	exe, err := backend.Compile(context.Background(), p)
	require.NoError(t, err)
	var in []ir.Buffer
	for i := range p.Inputs {
		b, err := backend.Put(values[fmt.Sprintf("in%d", i)])
		require.NoError(t, err)
		in = append(in, b)
	}
	out, err := exe.Run(context.Background(), in, p.Donated)
	require.NoError(t, err)
	for i, b := range out {
		got, err := b.ToHost()
		require.NoError(t, err)
		want := values[fmt.Sprintf("out%d", i)]
		assert.True(t, got.InDelta(want, 1e-5), "result %d is\n%s\nJAX has\n%s", i, got, want)
	}
}

// TestProgramsOnAMesh runs what a model seldom has: bodies with shardings, outputs that are divided, inputs that are
// outputs, empty values and scalars.
func TestProgramsOnAMesh(t *testing.T) { onDevices(t, programsOnAMesh) }

func programsOnAMesh(t *testing.T, open func(t testing.TB, options string) *xla.Engine) {
	run := func(backend *xla.Engine, m *ir.Mesh) []*tensors.Tensor {
		g := graph.NewGraph(backend, "odds and ends")
		g.SetMesh(m)
		err := graph.Catch(func() {
			x := graph.Shard(graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 8, 4)), "data", "")
			n := graph.Parameter(g, "n", shapes.Make(dtypes.Int32))
			empty := graph.Shard(graph.Parameter(g, "empty", shapes.Make(dtypes.Float32, 0, 4)), "", "model")
			cond := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
				graph.Parameter(g, "y", x.Shape())
				return []*graph.Node{graph.LessThan(graph.Parameter(g, "i", n.Shape()), n)}
			})
			body := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
				y, i := graph.Parameter(g, "y", x.Shape()), graph.Parameter(g, "i", n.Shape())
				return []*graph.Node{graph.Shard(graph.Add(graph.MulScalar(y, 0.5), x), "", "model"), graph.AddScalar(i, 1)}
			})
			loop := graph.While(cond, body, x, graph.ScalarZero(g, dtypes.Int32))[0]
			branch := graph.If(graph.GreaterThan(n, graph.ScalarOne(g, dtypes.Int32)),
				graph.NewClosure(g, func(*graph.Graph) []*graph.Node {
					return []*graph.Node{graph.Shard(graph.Neg(x), "data,model", "")}
				}),
				graph.NewClosure(g, func(*graph.Graph) []*graph.Node { return []*graph.Node{x} }))[0]
			mean := graph.NewFunction(g, "mean", func(g *graph.Graph) []*graph.Node {
				y := graph.Parameter(g, "y", x.Shape())
				return []*graph.Node{graph.ReduceMean(graph.Shard(y, ir.Open, "model"), 0)}
			})
			values, indices := graph.TopK(x, 3, 0)
			outputs := []*graph.Node{loop, branch, mean.Call(x)[0], mean.Call(loop)[0], x, n, empty, values, indices,
				graph.Shard(graph.Neg(x), "model", "data"), graph.CumSum(x, 0), graph.Reverse(x, 0), graph.Shard(graph.Transpose(x, 0, 1), "model", "data")}
			require.NoError(t, g.Compile(outputs...))
		})
		require.NoError(t, err)
		out, err := g.Run(ir.Ramp(8, 4).Tensor(dtypes.Float32), int32(3), tensors.FromShape(shapes.Make(dtypes.Float32, 0, 4)))
		require.NoError(t, err)
		return out
	}
	want := run(open(t, ""), gridMesh(1, 1))
	for _, m := range []*ir.Mesh{gridMesh(2, 2), gridMesh(4, 1), gridMesh(1, 4)} {
		for i, x := range run(open(t, ",devices=4"), m) {
			if !x.InDelta(want[i], 1e-6) {
				t.Errorf("%s: output %d is\n%s\non one device\n%s", m, i, x, want[i])
			}
		}
	}
}

// scattered divides x over its graph's mesh, if there is one, along axes that the generator chooses among those that
// can be divided.
func scattered(rng *rand.Rand, x *graph.Node) *graph.Node {
	m := x.Graph().Mesh()
	if m == nil {
		return x
	}
	axes, left := make([]string, x.Rank()), []string{"data", "model"}
	if rng.IntN(4) == 0 {
		left = []string{"data,model"}
	}
	rng.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
	for _, axis := range rng.Perm(x.Rank()) {
		if len(left) == 0 {
			break
		}
		s := make(ir.Sharding, x.Rank())
		if s[axis] = left[0]; x.Dim(axis) > 0 && s.Check(m, x.Shape()) == nil {
			axes[axis], left = left[0], left[1:]
		}
	}
	if x.DType().IsStorage() {
		return x // Shard is not for these
	}
	return graph.Shard(x, axes...)
}

// TestRowsOnAMesh runs the samples of every row of the table of ops with operands and results divided over four
// devices in several ways. A failure is one of XLA's partitioner, to be kept from it by a guard of package stablehlo.
func TestRowsOnAMesh(t *testing.T) {
	backend := open(t, ",devices=4")
	seeds := uint64(2)
	if testing.Short() {
		seeds = 1
	}
	for _, op := range ir.Ops() {
		if op.Name == "Shard" { // its samples have a mesh of their own
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			want, err := runSamples(graphtest.Reference(), nil, op, 0)
			require.NoError(t, err)
			for seed := range seeds {
				got, err := runSamples(backend, gridMesh(2, 2), op, seed)
				if err != nil {
					t.Errorf("seed %d: %v", seed, err)
					continue
				}
				for i := range want {
					assert.NoError(t, graphtest.Diff(got[i], want[i], ir.Tolerance{ULP: op.Tol.ULP + 2, Abs: op.Tol.Abs}), "seed %d, result %d of all samples", seed, i)
				}
			}
		})
	}
}

// runSamples runs all samples of a row in one program: those at poles apart, where another order of sums makes NaN of
// what is infinite.
func runSamples(b ir.Backend, m *ir.Mesh, op *ir.Op, seed uint64) ([]*tensors.Tensor, error) {
	rng := rand.New(rand.NewPCG(seed, 5))
	g := graph.NewGraph(b, fmt.Sprint(op.Name, seed))
	var args []any
	var out []*graph.Node
	err := graph.Catch(func() {
		if m != nil {
			g.SetMesh(m)
		}
		for _, s := range op.Samples {
			if s.Pole {
				continue
			}
			set, d := op.DTypes, dtypes.Float32
			if s.DTypes != 0 {
				set = s.DTypes
			}
			if set != 0 && !set.Has(d) {
				d = set.List()[0]
			}
			var in []*graph.Node
			for _, x := range s.In {
				t := x.Tensor(d)
				args = append(args, t)
				in = append(in, scattered(rng, graph.Parameter(g, "", t.Shape())))
			}
			for _, y := range graphtest.Apply(g, op, s, in) {
				out = append(out, scattered(rng, graph.Identity(y)))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	if err := g.Compile(out...); err != nil {
		return nil, err
	}
	defer g.Close()
	return g.Run(args...)
}
