package main

import (
	"fmt"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
)

// main15 is the group of the cases over which the geometric mean is taken.
const main15 = "fifteen"

// million is the number of elements of many cases.
const million = 1 << 20

// fifteen returns the cases that stand for what a network spends its time on.
func fifteen() []*benchCase {
	list := []*benchCase{product(main15, "matmul_256", 256, 256, 256), product(main15, "matmul_512", 512, 512, 512), product(main15, "matmul_1024", 1024, 1024, 1024),
		unary(main15, "chain6_1m", chain6, million),
		unary(main15, "add_scalar_1m", func(x *graph.Node) *graph.Node { return graph.AddScalar(x, 1) }, million),
		unary(main15, "softmax_1024", func(x *graph.Node) *graph.Node { return graph.Softmax(x, -1) }, 1024, 1024),
		layerNorm1024(),
		unary(main15, "reduce_sum_rows_1024", func(x *graph.Node) *graph.Node { return graph.ReduceSum(x, 1) }, 1024, 1024),
		unary(main15, "transpose_1024", func(x *graph.Node) *graph.Node { return graph.Transpose(x, 0, 1) }, 1024, 1024),
		convolution(convSpec{group: main15, name: "conv3x3_b32_28x28x32_64", batch: 32, side: 28, in: 32, out: 64, window: 3}),
		unary(main15, "dispatch_scalar_add", func(x *graph.Node) *graph.Node { return graph.AddScalar(x, 1) }),
		unary(main15, "dispatch_chain10_scalar", sin10)}
	for _, c := range list[len(list)-2:] {
		c.elements = 0 // a rate says nothing
	}
	return append(list, mlpStep(), blockForward(), blockStep(), mlpCompile(), mlpCompileAgain(), chainCompile(), mlpFirstStep())
}

// chain6 is max(exp(tanh(1.5x + 0.25))·x, 0).
func chain6(x *graph.Node) *graph.Node {
	y := graph.Exp(graph.Tanh(graph.AddScalar(graph.MulScalar(x, 1.5), 0.25)))
	return graph.MaxScalar(graph.Mul(y, x), 0)
}

func sin10(x *graph.Node) *graph.Node {
	for range 10 {
		x = graph.Sin(x)
	}
	return x
}

// product is the case of a product of a matrix of m rows of k with one of k rows of n.
func product(group, name string, m, k, n int) *benchCase {
	return &benchCase{name: name, group: group, flops: 2 * float64(m) * float64(k) * float64(n), prepare: func(mk *maker) (*work, error) {
		return mk.exec(one(func(in []*graph.Node) *graph.Node { return graph.MatMul(in[0], in[1]) }), mk.normal(m, k), mk.normal(k, n))
	}}
}

// layerNorm1024 normalises rows with a gain and an offset.
func layerNorm1024() *benchCase {
	return &benchCase{name: "layernorm_1024", group: main15, elements: million, prepare: func(m *maker) (*work, error) {
		return m.exec(one(func(in []*graph.Node) *graph.Node {
			return graph.LayerNorm(in[0], in[1], in[2], 1e-5)
		}), m.normal(1024, 1024), m.normal(1024), m.normal(1024))
	}}
}

// The MLP 784-512-512-10 on 128 examples. Its step is three products a layer but two in the first, whose input needs no
// gradient.
const (
	mlpBatch = 128
	mlpFlops = 2 * mlpBatch * (3*(784*512+512*512+512*10) - 784*512)
)

func mlp(scope *model.Scope, x *graph.Node) *graph.Node {
	x = graph.Relu(layers.Dense(scope.In("hidden1"), x, true, 512))
	x = graph.Relu(layers.Dense(scope.In("hidden2"), x, true, 512))
	return layers.Dense(scope.In("readout"), x, true, 10)
}

// digits is a batch of noise with labels.
func (m *maker) digits() data.Batch {
	return data.Batch{Inputs: []*tensors.Tensor{m.normal(mlpBatch, 784)}, Labels: []*tensors.Tensor{m.integers(10, mlpBatch, 1)}}
}

func adam() optimizers.Interface { return optimizers.Adam().LearningRate(1e-3).Done() }

func mlpStep() *benchCase {
	return &benchCase{name: "mlp_train_step_b128", group: main15, flops: mlpFlops, prepare: func(m *maker) (*work, error) {
		return trainWork(train.NewTrainer(m.backend, model.NewStore(), mlp, losses.SparseCategoricalCrossEntropyLogits, adam()), m.digits())
	}}
}

// trainWork returns the work of training on one batch again and again.
func trainWork(t *train.Trainer, batch data.Batch) (*work, error) {
	w := &work{close: t.ResetComputationGraphs, call: func() error {
		_, err := t.TrainStep(batch)
		return err
	}}
	if err := w.call(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// The transformer block: 4 sequences of 128, 256 channels in 4 heads, an inner layer of 1024. Products with weights, then the
// two of attention.
const (
	blockBatch, blockTime, blockWidth, blockHeads = 4, 128, 256, 4

	blockFlops = 2*blockBatch*blockTime*(4*blockWidth*blockWidth+2*blockWidth*4*blockWidth) + 2*2*blockBatch*blockTime*blockTime*blockWidth
)

// block is a transformer's layer with the normalisation before its parts.
func block(scope *model.Scope, x *graph.Node, heads int, causal bool) *graph.Node {
	width := x.Dim(-1)
	h := layers.LayerNorm(scope.In("norm1"), x).Done()
	x = graph.Add(x, layers.SelfAttention(scope.In("attention"), h, heads, width/heads).CausalMask(causal).Done())
	h = layers.LayerNorm(scope.In("norm2"), x).Done()
	h = graph.GeluApproximate(layers.Dense(scope.In("up"), h, true, 4*width))
	return graph.Add(x, layers.Dense(scope.In("down"), h, true, width))
}

func theBlock(scope *model.Scope, x *graph.Node) *graph.Node {
	return block(scope, x, blockHeads, false)
}

func blockForward() *benchCase {
	return &benchCase{name: "xblock_fwd", group: main15, flops: blockFlops, prepare: func(m *maker) (*work, error) {
		e, err := model.NewExec(m.backend, model.NewStore(), theBlock)
		if err != nil {
			return nil, err
		}
		return modelWork(e, m.normal(blockBatch, blockTime, blockWidth))
	}}
}

func blockStep() *benchCase {
	return &benchCase{name: "xblock_train_step", group: main15, flops: 3 * blockFlops, prepare: func(m *maker) (*work, error) {
		x, y := m.normal(blockBatch, blockTime, blockWidth), m.normal(blockBatch, blockTime, blockWidth)
		return trainWork(train.NewTrainer(m.backend, model.NewStore(), theBlock, losses.MeanSquaredError, adam()),
			data.Batch{Inputs: []*tensors.Tensor{x}, Labels: []*tensors.Tensor{y}})
	}}
}

// building is the group of what happens before the first step.
const building = "building"

// mlpCompile builds and compiles the MLP's training step, and runs nothing.
func mlpCompile() *benchCase {
	return &benchCase{name: "mlp_train_graph_build_compile", group: building, prepare: func(m *maker) (*work, error) {
		batch := m.digits()
		return &work{close: func() {}, call: onNewEngine(func(backend graph.Backend) error {
			return compileStep(backend, batch)
		})}, nil
	}}
}

// compileStep builds the MLP's training step for a batch, and lets the backend compile it.
func compileStep(backend graph.Backend, batch data.Batch) error {
	store := model.NewStore()
	e, err := model.NewExec(backend, store, func(scope *model.Scope, x, y *graph.Node) *graph.Node {
		store.SetTraining(x.Graph(), true)
		loss := losses.SparseCategoricalCrossEntropyLogits([]*graph.Node{y}, []*graph.Node{mlp(scope, x)})
		if !loss.IsScalar() {
			loss = graph.ReduceAllMean(loss)
		}
		optimizers.Minimize(adam(), store, loss)
		return loss
	})
	if err != nil {
		return err
	}
	defer e.Close()
	if _, err = e.Compile(batch.Inputs[0].Shape(), batch.Labels[0].Shape()); err != nil {
		return fmt.Errorf("compiling the step: %w", err)
	}
	return nil
}

// mlpCompileAgain does so on an engine that has compiled the same step before.
func mlpCompileAgain() *benchCase {
	return &benchCase{name: "mlp_train_graph_built_again", group: building, prepare: func(m *maker) (*work, error) {
		batch := m.digits()
		return &work{close: func() {}, call: func() error { return compileStep(m.backend, batch) }}, nil
	}}
}

// chainCompile builds a chain of 2,000 calls with its gradient, some 6,000 nodes, and lets a new engine compile it.
func chainCompile() *benchCase {
	return &benchCase{name: "chain_2000_with_gradient_build_compile", group: building, prepare: func(*maker) (*work, error) {
		return &work{close: func() {}, call: onNewEngine(func(backend graph.Backend) error {
			g := graph.NewGraph(backend, "chain")
			x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 64, 64))
			y := x
			for i := range 1000 {
				if y = graph.Tanh(graph.MulScalar(y, 1.001)); i%8 == 0 {
					y = graph.MatMul(y, x)
				}
			}
			defer g.Close()
			return g.Compile(append(graph.Gradient(graph.ReduceAllSum(y), x), y)...)
		})}, nil
	}}
}

// mlpFirstStep makes a new model and its trainer, and takes one step.
func mlpFirstStep() *benchCase {
	return &benchCase{name: "mlp_new_trainer_first_step", group: building, prepare: func(m *maker) (*work, error) {
		batch := m.digits()
		return &work{close: func() {}, call: onNewEngine(func(backend graph.Backend) error {
			t := train.NewTrainer(backend, model.NewStore(), mlp, losses.SparseCategoricalCrossEntropyLogits, adam())
			defer t.ResetComputationGraphs()
			_, err := t.TrainStep(batch)
			return err
		})}, nil
	}}
}

// onNewEngine returns a call of f with an engine that has compiled nothing yet, with as many workers as there are threads.
func onNewEngine(f func(backend graph.Backend) error) func() error {
	return func() error {
		backend, err := backends.New("go")
		if err != nil {
			return err
		}
		defer backend.Close()
		return f(backend)
	}
}
