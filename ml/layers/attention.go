package layers

import (
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/model"
)

// MultiHeadAttentionBuilder is an attention layer to be set up, see [MultiHeadAttention].
type MultiHeadAttentionBuilder struct {
	scope             *model.Scope
	query, key, value *graph.Node
	numHeads, headDim int
	numKVHeads        int
	outputDim         int
	bias              bool
	causal            bool
	keyMask, mask     *graph.Node
	dropout           float64
	valueDim          int
	window            int // 0 for none
	scoreBias         *graph.Node
	softCap           float64 // 0 for none
	qkNorm            bool
	scale             float64
	rotary            *Rotary
	alibi             bool
	positions         [2]*graph.Node // of queries and keys; nil for 0, 1, 2 …
	k, v              *graph.Node    // projected before, by KeysAndValues
}

// MultiHeadAttention lets each query look at all values, weighted by how well their keys fit, in several
// heads with projections of their own:
//
//	q, k, v = query·Wq, key·Wk, value·Wv            split into heads of size headDim
//	c       = softmax(q·kᵀ / √headDim + bias)       the coefficients, over the keys that masks show
//	y       = concat_heads(c·v)·Wo
//
// query is [B, Tq, C]; key and value are [B, Tk, …]; the result is [B, Tq, C], or with OutputDim
// another size. All are floats of one dtype; scores are made in float32 for narrower ones. Where a mask
// leaves a query no key, its coefficients are 0. [model.Capture] of "coefficients" in the layer's scope shows them.
//
// Source: Vaswani et al., "Attention Is All You Need", 2017, arXiv:1706.03762, section 3.2; key and value
// heads shared between query heads as in Ainslie et al., "GQA", 2023, arXiv:2305.13245.
func MultiHeadAttention(scope *model.Scope, query, key, value *graph.Node, numHeads, headDim int) *MultiHeadAttentionBuilder {
	for _, x := range []*graph.Node{query, key, value} {
		needFloat("MultiHeadAttention", x)
		if x.Rank() != 3 || x.Dim(0) != query.Dim(0) || x.DType() != query.DType() {
			graph.Errorf("MultiHeadAttention: query %s, key %s, value %s: want [batch, time, channels] of one batch size and dtype", query.Shape(), key.Shape(), value.Shape())
		}
	}
	if key.Dim(1) != value.Dim(1) {
		graph.Errorf("MultiHeadAttention: key %s and value %s: want as many keys as values", key.Shape(), value.Shape())
	}
	if numHeads < 1 || headDim < 1 {
		graph.Errorf("MultiHeadAttention: %d heads of size %d, want 1 or more", numHeads, headDim)
	}
	return &MultiHeadAttentionBuilder{scope: scope.Layer("MultiHeadAttention", query), query: query, key: key, value: value, numHeads: numHeads, headDim: headDim,
		numKVHeads: numHeads, valueDim: headDim, outputDim: query.Dim(-1), bias: true, scale: 1 / math.Sqrt(float64(headDim))}
}

// SelfAttention is [MultiHeadAttention] of x with itself:
//
//	y = MultiHeadAttention(x, x, x)
//
// x is [B, T, C], a float; the result is [B, T, C].
//
// Source: Vaswani et al. 2017, section 3.2.3.
func SelfAttention(scope *model.Scope, x *graph.Node, numHeads, headDim int) *MultiHeadAttentionBuilder {
	return MultiHeadAttention(scope, x, x, x, numHeads, headDim)
}

// Bias says whether the projections have biases; they do unless told otherwise.
func (b *MultiHeadAttentionBuilder) Bias(value bool) *MultiHeadAttentionBuilder {
	b.bias = value
	return b
}

// CausalMask says whether query t looks at the keys up to t only.
func (b *MultiHeadAttentionBuilder) CausalMask(value bool) *MultiHeadAttentionBuilder {
	b.causal = value
	return b
}

// KeyMask hides the keys and values where keyMask, bools [B, Tk], is false. They may be anything there, also NaN:
// they have no effect and get no gradient.
func (b *MultiHeadAttentionBuilder) KeyMask(keyMask *graph.Node) *MultiHeadAttentionBuilder {
	if s := keyMask.Shape(); !s.Equal(shapes.Make(dtypes.Bool, b.key.Dim(0), b.key.Dim(1))) {
		graph.Errorf("MultiHeadAttention: the key mask is %s, want bool[%d %d]", s, b.key.Dim(0), b.key.Dim(1))
	}
	b.keyMask = keyMask
	return b
}

// Mask hides key j from query i where mask, bools that broadcast to [B, heads, Tq, Tk], is false.
func (b *MultiHeadAttentionBuilder) Mask(mask *graph.Node) *MultiHeadAttentionBuilder {
	if mask.DType() != dtypes.Bool || mask.Rank() > 4 {
		graph.Errorf("MultiHeadAttention: the mask is %s, want bools that broadcast to [batch, heads, queries, keys]", mask.Shape())
	}
	b.mask = graph.ExpandLeftToRank(mask, 4)
	return b
}

// Dropout drops a part of the coefficients while training, see [Dropout].
func (b *MultiHeadAttentionBuilder) Dropout(rate float64) *MultiHeadAttentionBuilder {
	b.dropout = rate
	return b
}

// NumKVHeads sets fewer heads for keys and values than for queries: a divisor of their number.
func (b *MultiHeadAttentionBuilder) NumKVHeads(numKVHeads int) *MultiHeadAttentionBuilder {
	b.numKVHeads = numKVHeads
	return b
}

// OutputDim sets the size of the result's last axis.
func (b *MultiHeadAttentionBuilder) OutputDim(outputDim int) *MultiHeadAttentionBuilder {
	b.outputDim = outputDim
	return b
}

// ValueDim sets the size of each head's values; headDim unless set.
func (b *MultiHeadAttentionBuilder) ValueDim(valueDim int) *MultiHeadAttentionBuilder {
	b.valueDim = valueDim
	return b
}

// Scale sets what the products of queries and keys are multiplied by; 1/√headDim unless set.
func (b *MultiHeadAttentionBuilder) Scale(scale float64) *MultiHeadAttentionBuilder {
	b.scale = scale
	return b
}

// SlidingWindow hides keys whose position is size or more away from that of the query. With CausalMask a query sees itself and
// the size-1 keys before it. 0 is no window.
//
// Source: Beltagy, Peters and Cohan, "Longformer", 2020, arXiv:2004.05150, section 3.1.
func (b *MultiHeadAttentionBuilder) SlidingWindow(size int) *MultiHeadAttentionBuilder {
	if size < 0 {
		graph.Errorf("MultiHeadAttention: a window of %d keys, want 1 or more, or 0 for none", size)
	}
	b.window = size
	return b
}

// ScoreBias adds numbers that broadcast to [B, heads, Tq, Tk] to the scores, which are scaled before, and capped.
func (b *MultiHeadAttentionBuilder) ScoreBias(bias *graph.Node) *MultiHeadAttentionBuilder {
	if !bias.DType().IsFloat() || bias.Rank() > 4 {
		graph.Errorf("MultiHeadAttention: the bias of scores is %s, want floats that broadcast to [batch, heads, queries, keys]", bias.Shape())
	}
	b.scoreBias = graph.ExpandLeftToRank(bias, 4)
	return b
}

// SoftCap keeps scores within ±limit, smoothly: s becomes limit·tanh(s/limit). 0 is no limit.
//
// Source: Gemma Team, "Gemma 2", 2024, arXiv:2408.00118, section 2.
func (b *MultiHeadAttentionBuilder) SoftCap(limit float64) *MultiHeadAttentionBuilder {
	if !(limit >= 0) {
		graph.Errorf("MultiHeadAttention: scores cannot be kept within ±%g, want a limit above 0, or 0 for none", limit)
	}
	b.softCap = limit
	return b
}

// QKNorm says whether the queries and keys of each head are normalised by [RMSNorm] before their products, and before rotary
// positions.
//
// Source: Henry et al., "Query-Key Normalization for Transformers", 2020, arXiv:2010.04245, with RMSNorm as in Qwen 3.
func (b *MultiHeadAttentionBuilder) QKNorm(value bool) *MultiHeadAttentionBuilder {
	b.qkNorm = value
	return b
}

// RotaryPositions turns queries and keys by their positions, see [RotaryPositions].
func (b *MultiHeadAttentionBuilder) RotaryPositions(rotary Rotary) *MultiHeadAttentionBuilder {
	b.rotary = &rotary
	return b
}

// ALiBi says whether scores fall with the distance of query and key, in each head at a rate of its own: the score of keys d away is
// m·d smaller, with m = 2^(-8h/H) for head h = 1 … H, where H is a power of 2.
//
// Source: Press, Smith and Lewis, "Train Short, Test Long", 2021, arXiv:2108.12409, section 3; for other numbers of heads as in its code.
func (b *MultiHeadAttentionBuilder) ALiBi(value bool) *MultiHeadAttentionBuilder {
	b.alibi = value
	return b
}

// Positions says where queries and keys stand, as integers [Tq] and [Tk]: for windows, rotary positions, ALiBi and the causal mask. Unless
// it is called, and where one is nil, they are 0, 1, 2 …
func (b *MultiHeadAttentionBuilder) Positions(query, key *graph.Node) *MultiHeadAttentionBuilder {
	for i, p := range []*graph.Node{query, key} {
		want := []int{b.query.Dim(1), b.key.Dim(1)}[i]
		if p != nil && (!p.DType().IsInt() || p.Rank() != 1 || p.Dim(0) != want) {
			graph.Errorf("MultiHeadAttention: positions %s, want integers [%d]", p.Shape(), want)
		}
	}
	b.positions = [2]*graph.Node{query, key}
	return b
}

// KeysAndValues uses keys and values that [MultiHeadAttentionBuilder.DoneKeysAndValues] has made: so that a memory that many queries look at
// is projected once. They are [B, Tk, H', D] and [B, Tk, H', E].
func (b *MultiHeadAttentionBuilder) KeysAndValues(k, v *graph.Node) *MultiHeadAttentionBuilder {
	for _, x := range []*graph.Node{k, v} {
		if x.Rank() != 4 || x.Dim(0) != b.query.Dim(0) || x.Dim(1) != b.key.Dim(1) || x.Dim(2) != k.Dim(2) || x.DType() != b.query.DType() {
			graph.Errorf("MultiHeadAttention: keys %s and values %s, want [%d, %d, heads, size] of %s", k.Shape(), v.Shape(), b.query.Dim(0), b.key.Dim(1), b.query.DType())
		}
	}
	b.k, b.v, b.numKVHeads, b.valueDim = k, v, k.Dim(2), v.Dim(3)
	return b
}

// DoneKeysAndValues adds nothing but the projections of keys and values to the graph, for [MultiHeadAttentionBuilder.KeysAndValues].
func (b *MultiHeadAttentionBuilder) DoneKeysAndValues() (k, v *graph.Node) {
	b.check()
	return b.projectKeys()
}

// Done adds the layer to the graph and returns its result. Without dropout the coefficients are never held as a whole, see
// [graph.ScaledDotProductAttention].
func (b *MultiHeadAttentionBuilder) Done() *graph.Node {
	g := b.query.Graph()
	if b.dropout != 0 && b.scope.IsTraining(g) || b.softCap != 0 || b.scope.Captured(g, coefficientsName) {
		y, _ := b.DoneWithCoefficients()
		return y
	}
	q, k, v := b.project()
	heads := func(x *graph.Node) *graph.Node { return graph.Transpose(x, 1, 2) } // [B, T, H, D] and [B, H, T, D]
	causal := b.causal && b.positions == [2]*graph.Node{}
	mask := b.fullMask(b.causal && !causal)
	if bias := b.fullBias(q.DType()); bias != nil {
		if mask != nil {
			never := graph.Infinity(g, q.DType(), -1)
			dims := make([]int, 4) // of both
			for i := range dims {
				dims[i] = max(mask.Dim(i), bias.Dim(i))
			}
			bias = graph.Where(graph.BroadcastToDims(mask, dims...), graph.BroadcastToDims(bias, dims...), never)
		}
		mask = bias
	}
	y := graph.ScaledDotProductAttention(heads(q), heads(k), heads(v)).Mask(mask).Causal(causal).Scale(b.scale).Done()
	return b.output(heads(y))
}

// DoneWithCoefficients is Done that also returns the coefficients, [B, heads, Tq, Tk], before dropout.
func (b *MultiHeadAttentionBuilder) DoneWithCoefficients() (output, coefficients *graph.Node) {
	q, k, v := b.project()
	k, v = b.repeatHeads(k), b.repeatHeads(v) // [B, Tk, H, D]

	score := wide(q.DType())
	q, k = graph.ConvertDType(q, score), graph.ConvertDType(k, score)
	scores := graph.MulScalar(graph.Einsum("bqhd,bkhd->bhqk", q, k), b.scale) // [B, H, Tq, Tk]
	if b.softCap != 0 {
		scores = graph.MulScalar(graph.Tanh(graph.DivScalar(scores, b.softCap)), b.softCap)
	}
	if bias := b.fullBias(score); bias != nil {
		scores = graph.Add(scores, bias)
	}
	coefficients = graph.ConvertDType(graph.MaskedSoftmax(scores, b.fullMask(b.causal), -1), v.DType())
	b.scope.At(coefficientsName).Result(coefficients)
	c := coefficients
	if b.dropout != 0 {
		c = Dropout(b.scope.At("dropout"), coefficients, b.dropout)
	}
	return b.output(graph.Einsum("bhqk,bkhd->bqhd", c, v)), coefficients
}

// project returns query, key and value in heads.
func (b *MultiHeadAttentionBuilder) project() (q, k, v *graph.Node) {
	b.check()
	q = b.turned(Dense(b.scope.In("query"), b.query, b.bias, b.numHeads, b.headDim), "query_norm", 0) // [B, Tq, H, D]
	if b.k != nil {
		return q, b.k, b.v
	}
	k, v = b.projectKeys()
	return q, k, v
}

// projectKeys returns keys and values in heads, keys with their positions.
func (b *MultiHeadAttentionBuilder) projectKeys() (k, v *graph.Node) {
	key, value := b.shown(b.key), b.shown(b.value)                          // [B, Tk, …]
	k = Dense(b.scope.In("key"), key, b.bias, b.numKVHeads, b.headDim)      // [B, Tk, H', D]
	v = Dense(b.scope.In("value"), value, b.bias, b.numKVHeads, b.valueDim) // [B, Tk, H', E]
	return b.turned(k, "key_norm", 1), v
}

// coefficientsName is the scope in a layer's whose result its coefficients are.
const coefficientsName = "coefficients"

// check reports settings that fit no attention.
func (b *MultiHeadAttentionBuilder) check() {
	switch {
	case b.numKVHeads < 1 || b.numHeads%b.numKVHeads != 0:
		graph.Errorf("MultiHeadAttention: %d key and value heads do not divide %d heads", b.numKVHeads, b.numHeads)
	case b.valueDim < 1:
		graph.Errorf("MultiHeadAttention: values of size %d, want 1 or more", b.valueDim)
	}
}

// turned normalises queries or keys, and turns them by their positions.
func (b *MultiHeadAttentionBuilder) turned(x *graph.Node, norm string, which int) *graph.Node {
	if b.qkNorm {
		x = RMSNorm(b.scope.In("%s", norm), x).Done()
	}
	if b.rotary != nil {
		x = RotaryPositions(x, b.position(x.Graph(), which), *b.rotary)
	}
	return x
}

// position returns where queries (0) or keys (1) stand, int32 [T].
func (b *MultiHeadAttentionBuilder) position(g *graph.Graph, which int) *graph.Node {
	if p := b.positions[which]; p != nil {
		return graph.ConvertDType(p, dtypes.Int32)
	}
	return graph.Iota(g, shapes.Make(dtypes.Int32, []int{b.query.Dim(1), b.key.Dim(1)}[which]), 0)
}

// distance returns the position of each query less that of each key, int32 [1, 1, Tq, Tk].
func (b *MultiHeadAttentionBuilder) distance(g *graph.Graph) *graph.Node {
	q, k := b.position(g, 0), b.position(g, 1)
	return graph.Sub(graph.ExpandAxes(q, 0, 1, 3), graph.ExpandAxes(k, 0, 1, 2))
}

// fullBias returns all that is added to scores in one, nil if there is nothing.
func (b *MultiHeadAttentionBuilder) fullBias(dtype dtypes.DType) *graph.Node {
	var bias *graph.Node
	if b.scoreBias != nil {
		bias = graph.ConvertDType(b.scoreBias, dtype)
	}
	if b.alibi {
		g := b.query.Graph()
		slopes := graph.Reshape(graph.ConstAsDType(g, dtypes.Float32, alibiSlopes(b.numHeads)), 1, b.numHeads, 1, 1)
		fall := graph.ConvertDType(graph.Neg(graph.Mul(slopes, graph.ConvertDType(graph.Abs(b.distance(g)), dtypes.Float32))), dtype)
		if bias != nil {
			fall = graph.Add(bias, fall)
		}
		bias = fall
	}
	return bias
}

// output is the projection of what the heads return, [B, Tq, H, D], to [B, Tq, C].
func (b *MultiHeadAttentionBuilder) output(y *graph.Node) *graph.Node {
	y = graph.Reshape(y, y.Dim(0), y.Dim(1), b.numHeads*b.valueDim) // [B, Tq, H·E]
	return b.scope.Result(Dense(b.scope.In("output"), y, b.bias, b.outputDim))
}

// shown returns keys or values with 0 where the key mask hides them: a coefficient of 0 does not, since 0·NaN is NaN.
func (b *MultiHeadAttentionBuilder) shown(x *graph.Node) *graph.Node {
	if b.keyMask == nil {
		return x
	}
	return graph.Where(graph.ExpandAxes(b.keyMask, -1), x, graph.ScalarZero(x.Graph(), x.DType()))
}

// repeatHeads gives each query head its key or value head: head h gets h·H'/H.
func (b *MultiHeadAttentionBuilder) repeatHeads(x *graph.Node) *graph.Node {
	times := b.numHeads / b.numKVHeads
	if times == 1 {
		return x
	}
	batch, keys := x.Dim(0), x.Dim(1)
	x = graph.ExpandAxes(x, 3) // [B, Tk, H', 1, D]
	x = graph.BroadcastToDims(x, batch, keys, b.numKVHeads, times, x.Dim(-1))
	return graph.Reshape(x, batch, keys, b.numHeads, x.Dim(-1))
}

// fullMask returns all masks in one that broadcasts to the scores, with that of causal attention if it is asked for; nil if there
// are none.
func (b *MultiHeadAttentionBuilder) fullMask(causal bool) *graph.Node {
	mask := b.mask
	and := func(m *graph.Node) {
		if mask != nil {
			m = graph.LogicalAnd(mask, m)
		}
		mask = m
	}
	if b.keyMask != nil {
		and(graph.ExpandAxes(b.keyMask, 1, 2)) // [B, 1, 1, Tk]
	}
	if causal {
		and(graph.IsNonNegative(b.distance(b.query.Graph()))) // query ≥ key
	}
	if b.window > 0 {
		d := graph.Abs(b.distance(b.query.Graph()))
		and(graph.LessThan(d, graph.ConstAs(d, b.window)))
	}
	return mask
}
