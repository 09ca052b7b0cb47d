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
}

// MultiHeadAttention lets each query look at all values, weighted by how well their keys fit, in several
// heads with projections of their own:
//
//	q, k, v = query·Wq, key·Wk, value·Wv            split into heads of size headDim
//	c       = softmax(q·kᵀ / √headDim + mask)       the coefficients, over the keys
//	y       = concat_heads(c·v)·Wo
//
// query is [B, Tq, C]; key and value are [B, Tk, …]; the result is [B, Tq, C], or with OutputDim
// another size. All are floats of one dtype; scores are made in float32 for narrower ones. Where a mask
// leaves a query no key, its coefficients are 0.
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
	return &MultiHeadAttentionBuilder{scope: scope, query: query, key: key, value: value, numHeads: numHeads, headDim: headDim,
		numKVHeads: numHeads, outputDim: query.Dim(-1), bias: true}
}

// SelfAttention is [MultiHeadAttention] of x with itself.
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

// Done adds the layer to the graph and returns its result. Without dropout the coefficients are never held as a whole, see
// [graph.ScaledDotProductAttention].
func (b *MultiHeadAttentionBuilder) Done() *graph.Node {
	if b.dropout != 0 && b.scope.IsTraining(b.query.Graph()) {
		y, _ := b.DoneWithCoefficients()
		return y
	}
	q, k, v := b.project()
	heads := func(x *graph.Node) *graph.Node { return graph.Transpose(x, 1, 2) } // [B, T, H, D] and [B, H, T, D]
	y := graph.ScaledDotProductAttention(heads(q), heads(k), heads(v)).Mask(b.fullMask(false)).Causal(b.causal).Done()
	return b.output(heads(y))
}

// DoneWithCoefficients is Done that also returns the coefficients, [B, heads, Tq, Tk], before dropout.
func (b *MultiHeadAttentionBuilder) DoneWithCoefficients() (output, coefficients *graph.Node) {
	q, k, v := b.project()
	k, v = b.repeatHeads(k), b.repeatHeads(v) // [B, Tk, H, D]

	score := wide(q.DType())
	q, k = graph.ConvertDType(q, score), graph.ConvertDType(k, score)
	scores := graph.MulScalar(graph.Einsum("bqhd,bkhd->bhqk", q, k), 1/math.Sqrt(float64(b.headDim))) // [B, H, Tq, Tk]
	coefficients = graph.ConvertDType(graph.MaskedSoftmax(scores, b.fullMask(b.causal), -1), v.DType())
	c := Dropout(b.scope, coefficients, b.dropout)
	return b.output(graph.Einsum("bhqk,bkhd->bqhd", c, v)), coefficients
}

// project returns query, key and value in heads.
func (b *MultiHeadAttentionBuilder) project() (q, k, v *graph.Node) {
	if b.numKVHeads < 1 || b.numHeads%b.numKVHeads != 0 {
		graph.Errorf("MultiHeadAttention: %d key and value heads do not divide %d heads", b.numKVHeads, b.numHeads)
	}
	key, value := b.shown(b.key), b.shown(b.value)                         // [B, Tk, …]
	q = Dense(b.scope.In("query"), b.query, b.bias, b.numHeads, b.headDim) // [B, Tq, H, D]
	k = Dense(b.scope.In("key"), key, b.bias, b.numKVHeads, b.headDim)     // [B, Tk, H', D]
	v = Dense(b.scope.In("value"), value, b.bias, b.numKVHeads, b.headDim) // [B, Tk, H', D]
	return q, k, v
}

// output is the projection of what the heads return, [B, Tq, H, D], to [B, Tq, C].
func (b *MultiHeadAttentionBuilder) output(y *graph.Node) *graph.Node {
	y = graph.Reshape(y, y.Dim(0), y.Dim(1), b.numHeads*b.headDim) // [B, Tq, H·D]
	return Dense(b.scope.In("output"), y, b.bias, b.outputDim)
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
	x = graph.BroadcastToDims(x, batch, keys, b.numKVHeads, times, b.headDim)
	return graph.Reshape(x, batch, keys, b.numHeads, b.headDim)
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
		s := shapes.Make(dtypes.Int32, 1, 1, b.query.Dim(1), b.key.Dim(1))
		g := b.query.Graph()
		and(graph.GreaterOrEqual(graph.Iota(g, s, 2), graph.Iota(g, s, 3))) // query ≥ key
	}
	return mask
}
