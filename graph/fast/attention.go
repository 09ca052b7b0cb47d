package fast

import (
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/internal/axes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
)

// AttentionBuilder makes an attention, see [ScaledDotProductAttention].
type AttentionBuilder struct {
	query, key, value *graph.Node
	masks             []*graph.Node
	sinks, offset     *graph.Node
	keys              *graph.Node // positions of them
	causal            bool
	window            int
	scale, cap        float64
}

// ScaledDotProductAttention starts an attention as decoders of language models have it, [graph.ScaledDotProductAttention] with positions, a
// window, sinks and a cap; Done makes it:
//
//	s = scale · query·keyᵀ                      the scores, [..., H, Tq, Tk]
//	s = cap · tanh(s / cap)                     with SoftCap
//	p = exp(s + mask) / (Σ_j exp(s + mask)_j + exp(sinks_h))
//	y = p · value
//
// query is [..., H, Tq, D], key [..., H', Tk, D] and value [..., H', Tk, E], floats of one dtype; the result is [..., H, Tq, E]. H' divides
// H, and query head h looks at head h·H'/H of keys and values. The sum over keys is the last line's Σ; without Sinks its second term is
// not there. Without more settings scale is 1/√D and every query sees every key.
//
// Where Causal or Window asks for positions, key j is at j and query i at offset + i; the offset is Tk - Tq unless set, so that the last
// query is where the last key is, as in a step that appends to a cache.
//
// Where a query sees no key, the result is 0. Scores are float32 for narrower dtypes. The engine go never holds them as a whole, but with
// SoftCap; the gradient of a mask of numbers does. What a window hides is computed too, if other queries of the block see it.
//
// Source: Vaswani et al., "Attention Is All You Need", 2017, arXiv:1706.03762, eq. 1; windows as in Beltagy et al., "Longformer", 2020,
// arXiv:2004.05150; sinks as in Miller, "Attention is off by one", 2023, one learned for each head as in gpt-oss; the cap as in Gemma 2, 2024,
// arXiv:2408.00118, section 2.
func ScaledDotProductAttention(query, key, value *graph.Node) *AttentionBuilder {
	const op = "fast.ScaledDotProductAttention"
	needFloats(op, query, key, value)
	if r := query.Rank(); r < 3 || key.Rank() != r || value.Rank() != r {
		graph.Errorf("%s: query %s, key %s, value %s: want [..., heads, time, channels] of one rank (see ExpandAxes)", op, query.Shape(), key.Shape(), value.Shape())
	}
	return &AttentionBuilder{query: query, key: key, value: value, scale: 1 / math.Sqrt(float64(max(1, query.Dim(-1))))}
}

// Scale sets what the products of queries and keys are multiplied by, a finite number; 1/√D unless set.
func (b *AttentionBuilder) Scale(scale float64) *AttentionBuilder {
	b.scale = scale
	return b
}

// Causal says whether a query sees the keys up to its own position only.
func (b *AttentionBuilder) Causal(value bool) *AttentionBuilder {
	b.causal = value
	return b
}

// Window lets a query see keys that are less than so many positions away: with Causal the last size ones, its own included. 0 is no
// window.
func (b *AttentionBuilder) Window(size int) *AttentionBuilder {
	b.window = size
	return b
}

// Offset gives the position of the first query: an integer, a scalar, or one for each of the B rows of a query that is [B, ..., H, Tq, D].
func (b *AttentionBuilder) Offset(offset *graph.Node) *AttentionBuilder {
	b.offset = offset
	return b
}

// KeyPositions gives the position of each key, integers of [Tk], or [B, Tk] for a query that is [B, ..., H, Tq, D], where key j is not at j; a
// key at a negative position is seen by nobody. Queries are at offset + i, for which Offset is to be set.
func (b *AttentionBuilder) KeyPositions(positions *graph.Node) *AttentionBuilder {
	b.keys = positions
	return b
}

// Mask sets which keys a query sees, bools, false where a key is hidden, or what is added to its scores, numbers of the query's dtype,
// which may be -∞. It is broadcast to [..., H, Tq, Tk]. Masks that are given one after the other, and those of Causal and Window, hold
// together. nil is no mask.
func (b *AttentionBuilder) Mask(mask *graph.Node) *AttentionBuilder {
	if mask != nil {
		b.masks = append(b.masks, mask)
	}
	return b
}

// Sinks gives each head a score that no value belongs to, so that it need not look at any: [H], of the query's dtype.
func (b *AttentionBuilder) Sinks(sinks *graph.Node) *AttentionBuilder {
	b.sinks = sinks
	return b
}

// SoftCap keeps scores between -limit and limit, before masks are added; 0 is no cap.
func (b *AttentionBuilder) SoftCap(limit float64) *AttentionBuilder {
	b.cap = limit
	return b
}

// Done adds the attention to the graph and returns its result. It panics with [graph.Error] if the operands do not fit.
func (b *AttentionBuilder) Done() *graph.Node {
	b.check()
	q, k, v, d := b.query, b.key, b.value, b.query.DType()
	attrs := ir.AttentionAttrs{Scale: b.scale, Causal: b.causal && b.window == 0 && b.offset == nil && b.keys == nil && q.Dim(-2) == k.Dim(-2)}
	shown, added := b.split(attrs.Causal)
	if b.cap != 0 {
		added = sum(b.capped(), added)
		q, k, v = graph.Zeros(q.Graph(), one(q)), graph.Zeros(k.Graph(), one(k)), graph.ConvertDType(v, wide(d)) // all is in what is added
	}
	mask := shown
	if added != nil {
		if mask = added; shown != nil {
			mask = graph.Where(shown, added, graph.Infinity(q.Graph(), added.DType(), -1))
		}
	}
	in := []*graph.Node{q, k, v}
	if mask != nil {
		in = append(in, mask)
	}
	out := graph.ApplyMulti(ops.ScaledDotProductAttention, attrs, in...)
	y := out[0]
	if b.sinks != nil { // Σ exp(s) / (Σ exp(s) + exp(sink)), of which out[1] is the logarithm of the sums
		part := graph.Sigmoid(graph.Sub(out[1], graph.ExpandAxes(graph.ConvertDType(axes.Unnamed(b.sinks), out[1].DType()), -1)))
		y = graph.Mul(graph.ConvertDType(y, part.DType()), graph.ExpandAxes(part, -1))
	}
	return graph.ConvertDType(y, d)
}

func (b *AttentionBuilder) check() {
	const op = "fast.ScaledDotProductAttention"
	q, k := b.query, b.key
	switch {
	case q.Dim(-1) != k.Dim(-1) || k.Dim(-3) != b.value.Dim(-3) || k.Dim(-2) != b.value.Dim(-2):
		graph.Errorf("%s: query %s, key %s, value %s: want [..., heads, time, channels], channels as many in query and key, heads and time in key and value", op, q.Shape(), k.Shape(), b.value.Shape())
	case q.Dim(-3) != 0 && (k.Dim(-3) == 0 || q.Dim(-3)%k.Dim(-3) != 0):
		graph.Errorf("%s: %d heads of keys and values do not divide %d heads of queries", op, k.Dim(-3), q.Dim(-3))
	case math.IsNaN(b.scale) || math.IsInf(b.scale, 0):
		graph.Errorf("%s: the scale is %v: give a finite number", op, b.scale)
	case b.window < 0:
		graph.Errorf("%s: a window of %d positions: give a positive number, or 0 for none", op, b.window)
	case !(b.cap >= 0) || math.IsInf(b.cap, 0):
		graph.Errorf("%s: the cap is %v: give a positive number, or 0 for none", op, b.cap)
	case b.sinks != nil && !axes.Unnamed(b.sinks).Shape().Equal(shapes.Make(q.DType(), q.Dim(-3))):
		graph.Errorf("%s: sinks are %s, want %s, one for each head of the query %s", op, b.sinks.Shape(), shapes.Make(q.DType(), q.Dim(-3)), q.Shape())
	}
	if b.offset != nil {
		checkOffset(op, q, b.offset)
	}
	if b.keys != nil {
		if b.offset == nil {
			graph.Errorf("%s: the positions of keys are given, and those of queries are not (see Offset)", op)
		}
		checkPositions(op, "the positions of keys", k, b.keys, k.Rank()-2)
	}
	for _, m := range b.masks {
		if m.DType() != dtypes.Bool && m.DType() != q.DType() {
			graph.Errorf("%s: a mask is %s, want bools or numbers of the query's dtype, %s", op, m.Shape(), q.DType())
		}
		if err := m.Shape().BroadcastableTo(b.scores()...); err != nil {
			graph.Errorf("%s: a mask does not fit the scores, [..., heads, queries, keys]: %w", op, err)
		}
	}
}

// scores returns the sizes of the scores.
func (b *AttentionBuilder) scores() []int {
	dims := b.query.Shape().Clone().Dimensions
	dims[len(dims)-1] = b.key.Dim(-2)
	return dims
}

// split returns which keys are shown, and what is added to scores, nil for all and for nothing. Causal masks that the op has are left out.
func (b *AttentionBuilder) split(causal bool) (shown, added *graph.Node) {
	for _, m := range b.masks {
		switch m = axes.Unnamed(m); {
		case m.DType() != dtypes.Bool:
			added = sum(m, added)
		case shown == nil:
			shown = m
		default:
			shown = graph.LogicalAnd(shown, m)
		}
	}
	and := func(m *graph.Node) {
		if shown != nil {
			m = graph.LogicalAnd(shown, m)
		}
		shown = m
	}
	if b.causal && !causal || b.window > 0 || b.keys != nil {
		q, k := graph.ExpandAxes(positions(b.query, -2, b.offset, b.first()), -1), b.keyPositions() // [..., Tq, 1] and [Tk] or [B, 1…, Tk]
		if b.keys != nil {
			and(graph.IsNonNegative(k))
		}
		if b.causal {
			and(graph.LessOrEqual(k, q))
		}
		if b.window > 0 {
			and(graph.GreaterThan(k, graph.AddScalar(q, -b.window)))
		}
		if b.window > 0 && !b.causal {
			and(graph.LessThan(k, graph.AddScalar(q, b.window)))
		}
	}
	return shown, added
}

// keyPositions returns the positions of keys, [Tk], or [B, 1…, Tk] of the rank of scores.
func (b *AttentionBuilder) keyPositions() *graph.Node {
	if b.keys == nil {
		return positions(b.key, -2, nil, 0)
	}
	k := graph.ConvertDType(axes.Unnamed(b.keys), dtypes.Int32)
	if k.Rank() == 2 {
		k = perRow(k, b.key.Rank()-1)
	}
	return k
}

// first is the position of the first query, where no node gives it.
func (b *AttentionBuilder) first() int {
	if b.offset != nil {
		return 0
	}
	return b.key.Dim(-2) - b.query.Dim(-2)
}

// capped returns the scores, [..., H, Tq, Tk], within the cap: wide.
func (b *AttentionBuilder) capped() *graph.Node {
	in := wide(b.query.DType())
	q, k := graph.ConvertDType(axes.Unnamed(b.query), in), graph.ConvertDType(axes.Unnamed(b.key), in)
	dims, n := q.Shape().Clone().Dimensions, q.Rank()-3
	shared := k.Dim(-3)
	if shared == 0 || q.Dim(-3) == 0 {
		return graph.Zeros(q.Graph(), shapes.Make(in, b.scores()...))
	}
	q = graph.Reshape(q, append(append(dims[:n:n], shared, dims[n]/shared), dims[n+1:]...)...) // [..., H', G, Tq, D]
	batch := make([]int, n+1)
	for i := range batch {
		batch[i] = i
	}
	s := graph.DotGeneral(q, []int{-1}, batch, k, []int{-1}, batch) // [..., H', G, Tq, Tk]
	s = graph.Tanh(graph.MulScalar(s, b.scale/b.cap))
	return graph.Reshape(graph.MulScalar(s, b.cap), b.scores()...)
}

// one is the shape of x, [..., T, D], with a single channel, in which scores are added up.
func one(x *graph.Node) shapes.Shape {
	s := x.Shape().WithDType(wide(x.DType())).Clone()
	s.Dimensions[s.Rank()-1] = 1
	return s
}

// sum adds numbers of which the second may be missing.
func sum(x, y *graph.Node) *graph.Node {
	if y == nil {
		return x
	}
	return graph.Add(x, graph.ConvertDType(y, x.DType()))
}
