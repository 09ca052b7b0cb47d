package rnn

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"
)

// RecurrentBuilder is a recurrent layer to be set up, see [RNN], [GRU] and [LSTM].
type RecurrentBuilder struct {
	scope         *model.Scope
	kind          *kind
	x             *graph.Node
	units         int
	layers        int
	bidirectional bool
	reverse       bool
	lengths       *graph.Node
	initial       []*graph.Node
	dropout       float64
	settings      settings
}

func newBuilder(scope *model.Scope, k *kind, x *graph.Node, units int) *RecurrentBuilder {
	if x.Rank() != 3 || !x.DType().IsFloat() || units < 1 {
		graph.Errorf("%s %s to %d units: want floats [batch, time, channels] and 1 unit or more", k.name, x.Shape(), units)
	}
	return &RecurrentBuilder{scope: scope, kind: k, x: x, units: units, layers: 1, settings: settings{bias: true, activation: "tanh"}}
}

// RNN goes through a sequence with a state of H units:
//
//	h[t] = tanh(x[t]·weights + h[t-1]·recurrent + biases),   y[t] = h[t]
//
// x is [B, T, In], a float; the result is [B, T, H], twice as wide if it is bidirectional. The state begins with 0 unless it is
// given. weights begin with Xavier's distribution, recurrent ones with an orthogonal matrix, biases with 0.
//
// Source: Elman, "Finding Structure in Time", 1990.
func RNN(scope *model.Scope, x *graph.Node, units int) *RecurrentBuilder {
	return newBuilder(scope, plainKind, x, units)
}

// GRU is a gated recurrent unit with a state of H units:
//
//	r, z = sigmoid(x[t]·W + h[t-1]·U + b)             reset and update gates
//	n    = tanh(x[t]·Wn + bn + r·(h[t-1]·Un + cn))    the candidate
//	h[t] = (1 - z)·n + z·h[t-1],   y[t] = h[t]
//
// x is [B, T, In], a float; the result is [B, T, H], twice as wide if it is bidirectional. weights, recurrent and biases hold r, z and n
// side by side, and candidate_biases cn. They begin as those of [RNN].
//
// Source: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", 2014, arXiv:1406.1078, with the reset gate behind the
// product, as in cuDNN and PyTorch.
func GRU(scope *model.Scope, x *graph.Node, units int) *RecurrentBuilder {
	return newBuilder(scope, gruKind, x, units)
}

// LSTM is a long short-term memory with a state of H units and a memory of as many:
//
//	i, f, o = sigmoid(x[t]·W + h[t-1]·U + b)          input, forget and output gates
//	g       = tanh(x[t]·Wg + h[t-1]·Ug + bg)
//	c[t]    = f·c[t-1] + i·g
//	h[t]    = o·tanh(c[t]),   y[t] = h[t]
//
// x is [B, T, In], a float; the result is [B, T, H], twice as wide if it is bidirectional. weights, recurrent and biases hold i, f, g and
// o side by side. They begin as those of [RNN].
//
// Source: Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997, with the forget gate of Gers, Schmidhuber and Cummins, "Learning to
// Forget", 2000.
func LSTM(scope *model.Scope, x *graph.Node, units int) *RecurrentBuilder {
	return newBuilder(scope, lstmKind, x, units)
}

// name returns that of the kind.
func (b *RecurrentBuilder) name() string {
	if b.kind == nil {
		graph.Errorf("the recurrent layer is a zero RecurrentBuilder: RNN, GRU and LSTM make one that can be set up")
	}
	return b.kind.name
}

// Layers stacks several layers, each of which gets what the one below returns.
func (b *RecurrentBuilder) Layers(count int) *RecurrentBuilder {
	if count < 1 {
		graph.Errorf("%s: %d layers, want 1 or more", b.name(), count)
	}
	b.layers = count
	return b
}

// Bidirectional says whether a second layer goes from the last time to the first, and results stand side by side.
func (b *RecurrentBuilder) Bidirectional(value bool) *RecurrentBuilder {
	b.bidirectional = value
	return b
}

// Reverse says whether the layer goes from the last time to the first. Results stand where their inputs do.
func (b *RecurrentBuilder) Reverse(value bool) *RecurrentBuilder {
	b.reverse = value
	return b
}

// Lengths says how long each sequence is, as a vector of B integers. What is behind has no effect, even if it is NaN: results there are 0, the last
// state is that of the sequence's end, and backward directions begin there.
func (b *RecurrentBuilder) Lengths(lengths *graph.Node) *RecurrentBuilder {
	if !lengths.DType().IsInt() || lengths.Rank() != 1 || lengths.Dim(0) != b.x.Dim(0) {
		graph.Errorf("%s %s: lengths %s, want integers [%d]", b.name(), b.x.Shape(), lengths.Shape(), b.x.Dim(0))
	}
	b.lengths = int32s(lengths)
	return b
}

// InitialState sets the state before the first time: [B, H], and for LSTM a memory of the same shape; all layers one after the other, of each
// the forward direction first. It is what DoneWithState returns.
func (b *RecurrentBuilder) InitialState(state ...*graph.Node) *RecurrentBuilder {
	b.initial = state
	return b
}

// Dropout drops a part of what goes from one layer to the next while training, see [layers.Dropout].
func (b *RecurrentBuilder) Dropout(rate float64) *RecurrentBuilder {
	b.dropout = rate
	return b
}

// Bias says whether there are biases; there are unless told otherwise.
func (b *RecurrentBuilder) Bias(value bool) *RecurrentBuilder {
	b.settings.bias = value
	return b
}

// Activation sets the function of [RNN], tanh unless set, by the names of [layers.Activation].
func (b *RecurrentBuilder) Activation(name string) *RecurrentBuilder {
	if name := b.name(); b.kind != plainKind {
		graph.Errorf("%s: its activation cannot be chosen, that of RNN can", name)
	}
	b.settings.activation = name
	return b
}

// Peephole says whether the gates of [LSTM] see the memory, each through a vector: i and f that before, o that after the step.
//
// Source: Gers and Schmidhuber, "Recurrent Nets that Time and Count", 2000.
func (b *RecurrentBuilder) Peephole(value bool) *RecurrentBuilder {
	if name := b.name(); value && b.kind != lstmKind {
		graph.Errorf("%s: it has no memory that gates could look at, LSTM has", name)
	}
	b.settings.peephole = value
	return b
}

// Done adds the layer to the graph and returns its result.
func (b *RecurrentBuilder) Done() *graph.Node {
	y, _ := b.DoneWithState()
	return y
}

// DoneWithState is Done that also returns the last state, in the order of InitialState.
func (b *RecurrentBuilder) DoneWithState() (output *graph.Node, state []*graph.Node) {
	b.name()
	directions := []bool{b.reverse} // backward?
	if b.bidirectional {
		directions = []bool{false, true}
	}
	initial := b.start(b.layers * len(directions) * b.kind.states)
	x := b.x
	for layer := range b.layers {
		scope := b.scope
		if b.layers > 1 {
			scope = scope.In("layer%d", layer)
		}
		if layer > 0 && b.dropout != 0 {
			x = layers.Dropout(scope.In("dropout"), x, b.dropout)
		}
		var results []*graph.Node
		for i, backward := range directions {
			own := scope
			if len(directions) > 1 {
				own = scope.In("%s", []string{"forward", "backward"}[i])
			}
			y, last := b.run(own, x, backward, initial[:b.kind.states])
			initial = initial[b.kind.states:]
			results, state = append(results, y), append(state, last...)
		}
		x = graph.Concatenate(results, -1)
	}
	return b.scope.Result(x), state
}

// start returns the state to begin with.
func (b *RecurrentBuilder) start(count int) []*graph.Node {
	want := shapes.Make(b.x.DType(), b.x.Dim(0), b.units)
	if b.initial == nil {
		all := make([]*graph.Node, count)
		for i := range all {
			all[i] = graph.Zeros(b.x.Graph(), want)
		}
		return all
	}
	if len(b.initial) != count {
		graph.Errorf("%s: %d initial states, want %d", b.name(), len(b.initial), count)
	}
	for _, s := range b.initial {
		if !s.Shape().Equal(want) {
			graph.Errorf("%s: an initial state is %s, want %s", b.name(), s.Shape(), want)
		}
	}
	return b.initial
}

// run goes through x, [B, T, In], in one direction.
func (b *RecurrentBuilder) run(scope *model.Scope, x *graph.Node, backward bool, state []*graph.Node) (y *graph.Node, last []*graph.Node) {
	g := x.Graph()
	xs := make([]*graph.Node, 0, 2)
	if b.lengths != nil {
		mask := graph.LessThan(graph.Iota(g, shapes.Make(dtypes.Int32, x.Dim(0), x.Dim(1)), 1), graph.ExpandAxes(b.lengths, 1)) // [B, T]
		x = graph.Where(graph.BroadcastToDims(graph.ExpandAxes(mask, 2), x.Shape().Dimensions...), x, graph.ZerosLike(x))
		xs = append(xs, graph.Transpose(mask, 0, 1))
	}
	c := newCell(scope, b.kind, x, b.units, b.settings)
	xs = append([]*graph.Node{graph.Transpose(c.input(x), 0, 1)}, xs...) // [T, B, gates·H]
	scan := graph.Scan(state, xs, func(carry, x []*graph.Node) (next, y []*graph.Node) {
		next = b.kind.step(c, x[0], carry)
		out := next[0]
		if len(x) > 1 {
			inside := graph.BroadcastToDims(graph.ExpandAxes(x[1], 1), out.Shape().Dimensions...)
			out = graph.Where(inside, out, graph.ZerosLike(out))
			for i := range next {
				next[i] = graph.Where(inside, next[i], carry[i])
			}
		}
		return next, []*graph.Node{out}
	})
	if backward {
		scan = scan.Reverse()
	}
	last, ys := scan.Done()
	return graph.Transpose(ys[0], 0, 1), last
}
