package main

import (
	"fmt"
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/train"
)

const modelsGroup = "models"

// models returns steps of whole models.
func models() []*benchCase {
	return []*benchCase{cnnStep(), lstmCell(), lstmForward(), lstmStep(), charStep(), decode()}
}

// The CNN that tutorial 01 trains, on 64 digits of 28 x 28: its convolutions see 1 and 8 channels. The gradient by the image is
// not wanted.
const (
	cnnBatch = 64
	cnnFlops = 2 * cnnBatch * (2*28*28*8*25 + 3*(14*14*16*9*8+784*64+64*10))
)

func cnn(scope *model.Scope, x *graph.Node) *graph.Node {
	x = graph.Relu(layers.Convolution(scope.In("edges"), x).Channels(8).KernelSize(5).PadSame().Done())
	x = graph.MaxPool(x).Window(2).Done()
	x = graph.Relu(layers.Convolution(scope.In("parts"), x).Channels(16).KernelSize(3).PadSame().Done())
	x = graph.MaxPool(x).Window(2).Done()
	x = graph.Reshape(x, -1, 7*7*16)
	x = layers.Dropout(scope.In("dropout"), x, 0.1)
	x = graph.Relu(layers.Dense(scope.In("hidden"), x, true, 64))
	return layers.Dense(scope.In("readout"), x, true, 10)
}

func cnnStep() *benchCase {
	return &benchCase{name: "cnn_train_step_b64", group: modelsGroup, flops: cnnFlops, prepare: func(m *maker) (*work, error) {
		batch := data.Batch{Inputs: []*tensors.Tensor{m.normal(cnnBatch, 28, 28, 1)}, Labels: []*tensors.Tensor{m.integers(10, cnnBatch, 1)}}
		return trainWork(train.NewTrainer(m.backend, model.NewStore(), cnn, losses.SparseCategoricalCrossEntropyLogits, adam()), batch)
	}}
}

// The LSTM: 32 sequences of 64, 128 numbers in and 128 out.
const (
	lstmBatch, lstmTime, lstmWidth = 32, 64, 128

	lstmFlops = 2 * lstmBatch * (2 * lstmWidth) * (4 * lstmWidth) // of one time
)

// lstmGates is a step of an LSTM: from what its gates i, f, g, o are made of, [B, 4C], and the cell c it makes the next h and c.
//
//	c' = σ(f)·c + σ(i)·tanh(g)
//	h' = σ(o)·tanh(c')
func lstmGates(gates, c *graph.Node) (h, next *graph.Node) {
	parts := graph.Split(gates, -1, 4)
	next = graph.Add(graph.Mul(graph.Sigmoid(parts[1]), c), graph.Mul(graph.Sigmoid(parts[0]), graph.Tanh(parts[2])))
	return graph.Mul(graph.Sigmoid(parts[3]), graph.Tanh(next)), next
}

// lstmWeights are the input's weights, the state's, and the bias.
func (m *maker) lstmWeights() []*tensors.Tensor {
	return []*tensors.Tensor{m.normal(lstmWidth, 4*lstmWidth), m.normal(lstmWidth, 4*lstmWidth), m.normal(4 * lstmWidth)}
}

// lstmCell is one step from x, h and c.
func lstmCell() *benchCase {
	return &benchCase{name: "lstm_step_b32_h128", group: modelsGroup, flops: lstmFlops, prepare: func(m *maker) (*work, error) {
		state := func() *tensors.Tensor { return m.normal(lstmBatch, lstmWidth) }
		return m.exec(func(in []*graph.Node) []*graph.Node {
			x, h, c, w, u, b := in[0], in[1], in[2], in[3], in[4], in[5]
			h, c = lstmGates(graph.Add(graph.Add(graph.MatMul(x, w), graph.MatMul(h, u)), b), c)
			return []*graph.Node{h, c}
		}, append([]*tensors.Tensor{state(), state(), state()}, m.lstmWeights()...)...)
	}}
}

// lstmForward goes over a sequence, [T, B, C], in a loop of the graph: the input's share of all times is one product before it.
func lstmForward() *benchCase {
	return &benchCase{name: "lstm_fwd_t64_b32_h128", group: modelsGroup, flops: lstmTime * lstmFlops, prepare: func(m *maker) (*work, error) {
		return m.exec(one(func(in []*graph.Node) *graph.Node {
			x, w, u, b := in[0], in[1], in[2], in[3]
			g := x.Graph()
			shares := graph.Add(graph.MatMul(x, w), b) // [T, B, 4C]
			zero := graph.Zeros(g, shapes.Make(dtypes.Float32, lstmBatch, lstmWidth))
			_, all := graph.Scan([]*graph.Node{zero, zero}, []*graph.Node{shares}, func(state, share []*graph.Node) (next, y []*graph.Node) {
				h, c := lstmGates(graph.Add(share[0], graph.MatMul(state[0], u)), state[1])
				return []*graph.Node{h, c}, []*graph.Node{h}
			}).Done()
			return all[0]
		}), append([]*tensors.Tensor{m.normal(lstmTime, lstmBatch, lstmWidth)}, m.lstmWeights()...)...)
	}}
}

// lstmModel returns the last h of an LSTM whose loop over time is written out, so that it has a gradient.
func lstmModel(scope *model.Scope, x *graph.Node) *graph.Node { // [T, B, C]
	g := x.Graph()
	weights := func(name string) *graph.Node {
		return scope.VariableWithShape(name, shapes.Make(dtypes.Float32, lstmWidth, 4*lstmWidth)).NodeValue(g)
	}
	w, u := weights("w"), weights("u")
	b := scope.VariableWithShape("b", shapes.Make(dtypes.Float32, 4*lstmWidth)).NodeValue(g)
	shares := graph.Add(graph.MatMul(x, w), b) // [T, B, 4C]
	h := graph.Zeros(g, shapes.Make(dtypes.Float32, lstmBatch, lstmWidth))
	c := h
	for t := range lstmTime {
		h, c = lstmGates(graph.Add(graph.Squeeze(graph.SliceAxis(shares, 0, graph.AxisElem(t)), 0), graph.MatMul(h, u)), c)
	}
	return h
}

func lstmStep() *benchCase {
	return &benchCase{name: "lstm_train_step_t64_b32_h128", group: modelsGroup, flops: 3 * lstmTime * lstmFlops, prepare: func(m *maker) (*work, error) {
		batch := data.Batch{Inputs: []*tensors.Tensor{m.normal(lstmTime, lstmBatch, lstmWidth)}, Labels: []*tensors.Tensor{m.normal(lstmBatch, lstmWidth)}}
		return trainWork(train.NewTrainer(m.backend, model.NewStore(), lstmModel, losses.MeanSquaredError, adam()), batch)
	}}
}

// The character transformer: 16 texts of 64, 128 channels in 4 heads, four layers, 65 characters; 0.82 million parameters.
const (
	charBatch, charTime, charWidth, charHeads, charLayers, charKinds = 16, 64, 128, 4, 4, 65

	charTokens = charBatch * charTime
	charFlops  = 3 * (2*charTokens*(charLayers*12*charWidth*charWidth+charWidth*charKinds) + charLayers*2*2*charTokens*charTime*charWidth)
)

func charModel(scope *model.Scope, x *graph.Node) *graph.Node { // [B, T] characters
	places := scope.VariableWithShape("places", shapes.Make(dtypes.Float32, charTime, charWidth)).NodeValue(x)
	h := graph.Add(layers.Embedding(scope.In("characters"), x, dtypes.Float32, charKinds, charWidth), places) // [B, T, C]
	for i := range charLayers {
		h = block(scope.In(fmt.Sprintf("layer%d", i)), h, charHeads, true)
	}
	h = layers.LayerNorm(scope.In("norm"), h).Done()
	return layers.Dense(scope.In("readout"), h, true, charKinds) // [B, T, kinds]
}

func charStep() *benchCase {
	return &benchCase{name: "char_transformer_train_step_b16_t64", group: modelsGroup, flops: charFlops, prepare: func(m *maker) (*work, error) {
		batch := data.Batch{Inputs: []*tensors.Tensor{m.integers(charKinds, charBatch, charTime)}, Labels: []*tensors.Tensor{m.integers(charKinds, charBatch, charTime, 1)}}
		return trainWork(train.NewTrainer(m.backend, model.NewStore(), charModel, losses.SparseCategoricalCrossEntropyLogits, adam()), batch)
	}}
}

// The decoder: one token goes through four layers of 256 channels in 4 heads, against the keys and values of the 256 places
// before it, which are kept; 1024 kinds of tokens.
const (
	decodeWidth, decodeHeads, decodeLayers, decodePlaces, decodeKinds = 256, 4, 4, 256, 1024

	decodeFlops = 2*(decodeLayers*12*decodeWidth*decodeWidth+decodeWidth*decodeKinds) + decodeLayers*2*2*decodePlaces*decodeWidth
)

// decodeModel returns the scores of the next token, [1, kinds], and changes the kept keys and values.
func decodeModel(scope *model.Scope, token, place *graph.Node) *graph.Node { // int32 scalars
	x := layers.Embedding(scope.In("tokens"), graph.Reshape(token, 1), dtypes.Float32, decodeKinds, decodeWidth) // [1, C]
	for i := range decodeLayers {
		x = decodeLayer(scope.In(fmt.Sprintf("layer%d", i)), x, place)
	}
	return layers.Dense(scope.In("readout"), layers.LayerNorm(scope.In("norm"), x).Done(), true, decodeKinds)
}

func decodeLayer(scope *model.Scope, x, place *graph.Node) *graph.Node {
	const size = decodeWidth / decodeHeads
	h := layers.LayerNorm(scope.In("norm1"), x).Done()
	qkv := layers.Dense(scope.In("qkv"), h, true, 3, decodeHeads, size) // [1, 3, H, D]
	part := func(i int) *graph.Node { return graph.Squeeze(graph.SliceAxis(qkv, 1, graph.AxisElem(i)), 1) }
	q := graph.Reshape(part(0), decodeHeads, 1, size)
	keys := kept(scope, "keys", graph.Reshape(part(1), decodeHeads, 1, size), place)     // [H, P, D]
	values := kept(scope, "values", graph.Reshape(part(2), decodeHeads, 1, size), place) // [H, P, D]
	scores := graph.MulScalar(graph.Einsum("hqd,hpd->hqp", q, keys), 1/math.Sqrt(size))  // [H, 1, P]
	past := graph.LessOrEqual(graph.Iota(x.Graph(), shapes.Make(dtypes.Int32, 1, 1, decodePlaces), 2), place)
	y := graph.Einsum("hqp,hpd->hqd", graph.MaskedSoftmax(scores, graph.BroadcastToDims(past, scores.Shape().Dimensions...), -1), values)
	x = graph.Add(x, layers.Dense(scope.In("output"), graph.Reshape(y, 1, decodeWidth), true, decodeWidth))
	h = layers.LayerNorm(scope.In("norm2"), x).Done()
	h = graph.GeluApproximate(layers.Dense(scope.In("up"), h, true, 4*decodeWidth))
	return graph.Add(x, layers.Dense(scope.In("down"), h, true, decodeWidth))
}

// kept writes what a place adds, [H, 1, D], into what is kept of all places, and returns that.
func kept(scope *model.Scope, name string, added, place *graph.Node) *graph.Node {
	v := scope.VariableWithShape(name, shapes.Make(dtypes.Float32, decodeHeads, decodePlaces, decodeWidth/decodeHeads)).SetTrainable(false)
	origin := graph.Const(added.Graph(), int32(0))
	all := graph.DynamicUpdateSlice(v.NodeValue(added), added, []*graph.Node{origin, place, origin})
	v.SetNodeValue(all)
	return all
}

func decode() *benchCase {
	return &benchCase{name: "decode_token_l4_d256_p256", group: modelsGroup, flops: decodeFlops, prepare: func(m *maker) (*work, error) {
		e, err := model.NewExec(m.backend, model.NewStore(), decodeModel)
		if err != nil {
			return nil, err
		}
		return modelWork(e, tensors.FromScalar(int32(7)), tensors.FromScalar(int32(decodePlaces-1)))
	}}
}
