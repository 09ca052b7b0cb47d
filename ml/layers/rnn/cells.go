package rnn

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"
)

// kind is one of the three recurrences.
type kind struct {
	name   string
	gates  int // how many vectors the products with weights make
	states int

	// step returns the new state of the old one, [B, H] each, given the product of the input and its weights, with biases, [B, gates·H].
	step func(c *cell, x *graph.Node, state []*graph.Node) []*graph.Node
}

var (
	plainKind = &kind{"RNN", 1, 1, plainStep}
	gruKind   = &kind{"GRU", 3, 1, gruStep}
	lstmKind  = &kind{"LSTM", 4, 2, lstmStep}
)

// cell holds the variables of one layer in one direction, in a graph.
type cell struct {
	units      int
	weights    *graph.Node   // [In, gates·H]
	recurrent  *graph.Node   // [H, gates·H]
	biases     *graph.Node   // [gates·H], nil without
	candidate  *graph.Node   // [H]: the bias that the reset gate of a GRU scales, too
	peepholes  []*graph.Node // [H] each: from the cell to the input, forget and output gates
	activation string        // of a plain cell
}

// settings are what cells of one kind may have besides.
type settings struct {
	bias, peephole bool
	activation     string
}

// newCell makes the variables, or finds them.
func newCell(scope *model.Scope, k *kind, x *graph.Node, units int, s settings) *cell {
	scope = scope.Layer(k.name, x)
	d := x.DType()
	recurrent := scope.InitializerOr(initializers.OrthogonalFn(1))
	weights := scope.WithInitializer(scope.InitializerOr(initializers.XavierUniform))
	biases := scope.Biases()
	c := &cell{
		units:      units,
		weights:    weights.VariableWithShape("weights", shapes.Make(d, x.Dim(-1), k.gates*units)).NodeValue(x),
		recurrent:  scope.WithInitializer(recurrent).VariableWithShape("recurrent", shapes.Make(d, units, k.gates*units)).NodeValue(x),
		activation: s.activation,
	}
	if s.bias {
		c.biases = biases.VariableWithShape("biases", shapes.Make(d, k.gates*units)).NodeValue(x)
		if k == gruKind {
			c.candidate = biases.VariableWithShape("candidate_biases", shapes.Make(d, units)).NodeValue(x)
		}
	}
	if s.peephole {
		for _, gate := range []string{"input_peephole", "forget_peephole", "output_peephole"} {
			c.peepholes = append(c.peepholes, scope.WithInitializer(initializers.Zero).VariableWithShape(gate, shapes.Make(d, units)).NodeValue(x))
		}
	}
	return c
}

// input returns the part of the gates that depends on x alone, for one time or for all.
func (c *cell) input(x *graph.Node) *graph.Node {
	y := graph.DotGeneral(x, []int{x.Rank() - 1}, nil, c.weights, []int{0}, nil)
	if c.biases != nil {
		y = graph.Add(y, c.biases)
	}
	return y
}

func plainStep(c *cell, x *graph.Node, state []*graph.Node) []*graph.Node {
	return []*graph.Node{layers.Activation(c.activation, graph.Add(x, graph.MatMul(state[0], c.recurrent)))}
}

func gruStep(c *cell, x *graph.Node, state []*graph.Node) []*graph.Node {
	h := state[0]
	gates, fromH := graph.Split(x, -1, 3), graph.Split(graph.MatMul(h, c.recurrent), -1, 3)
	r := graph.Sigmoid(graph.Add(gates[0], fromH[0]))
	z := graph.Sigmoid(graph.Add(gates[1], fromH[1]))
	recalled := fromH[2]
	if c.candidate != nil {
		recalled = graph.Add(recalled, c.candidate)
	}
	n := graph.Tanh(graph.Add(gates[2], graph.Mul(r, recalled)))
	return []*graph.Node{graph.Add(n, graph.Mul(z, graph.Sub(h, n)))} // (1 - z)·n + z·h
}

func lstmStep(c *cell, x *graph.Node, state []*graph.Node) []*graph.Node {
	h, memory := state[0], state[1]
	gates := graph.Split(graph.Add(x, graph.MatMul(h, c.recurrent)), -1, 4)
	see := func(gate *graph.Node, which int, memory *graph.Node) *graph.Node {
		if c.peepholes == nil {
			return gate
		}
		return graph.Add(gate, graph.Mul(c.peepholes[which], memory))
	}
	i := graph.Sigmoid(see(gates[0], 0, memory))
	f := graph.Sigmoid(see(gates[1], 1, memory))
	memory = graph.Add(graph.Mul(f, memory), graph.Mul(i, graph.Tanh(gates[2])))
	o := graph.Sigmoid(see(gates[3], 2, memory))
	return []*graph.Node{graph.Mul(o, graph.Tanh(memory)), memory}
}

// oneStep is a cell with default settings.
func oneStep(scope *model.Scope, k *kind, x *graph.Node, state ...*graph.Node) []*graph.Node {
	if x.Rank() != 2 || !x.DType().IsFloat() {
		graph.Errorf("%sCell %s: want floats [batch, channels]", k.name, x.Shape())
	}
	for _, h := range state {
		if h.Rank() != 2 || h.Dim(0) != x.Dim(0) || h.Dim(1) < 1 || h.DType() != x.DType() || !h.Shape().Equal(state[0].Shape()) {
			graph.Errorf("%sCell %s: the state is %s, want %s[%d, units]", k.name, x.Shape(), h.Shape(), x.DType(), x.Dim(0))
		}
	}
	c := newCell(scope, k, x, state[0].Dim(1), settings{bias: true, activation: "tanh"})
	return k.step(c, c.input(x), state)
}

// RNNCell is one step of [RNN]:
//
//	h' = tanh(x·weights + h·recurrent + biases)
//
// x is [B, In], h [B, H]; the new state h' is returned, which is also the output.
//
// Source: Elman, "Finding Structure in Time", 1990.
func RNNCell(scope *model.Scope, x, h *graph.Node) *graph.Node {
	return scope.Result(oneStep(scope, plainKind, x, h)[0])
}

// GRUCell is one step of [GRU], whose comment has the equations:
//
//	h' = (1 - z)·n + z·h
//
// x is [B, In], h [B, H]; the new state h' is returned, which is also the output.
//
// Source: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", 2014, arXiv:1406.1078, section 2.3.
func GRUCell(scope *model.Scope, x, h *graph.Node) *graph.Node {
	return scope.Result(oneStep(scope, gruKind, x, h)[0])
}

// LSTMCell is one step of [LSTM], whose comment has the equations:
//
//	h', c' = o·tanh(c'), f·c + i·g
//
// x is [B, In], h and c [B, H]; the new state is returned, of which h' is also the output.
//
// Source: Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997, with the forget gate of Gers, Schmidhuber and Cummins, "Learning to
// Forget", 2000.
func LSTMCell(scope *model.Scope, x, h, c *graph.Node) (hidden, memory *graph.Node) {
	state := oneStep(scope, lstmKind, x, h, c)
	return scope.Result(state[0]), state[1]
}

// int32s converts lengths.
func int32s(x *graph.Node) *graph.Node { return graph.ConvertDType(x, dtypes.Int32) }
