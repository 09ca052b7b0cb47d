package graph

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// AttentionBuilder makes an attention, see [ScaledDotProductAttention].
type AttentionBuilder struct {
	query, key, value, mask *Node
	attrs                   ir.AttentionAttrs
}

// ScaledDotProductAttention starts an attention, in which each query takes the mean of all values, weighted by how well
// their keys fit; Done makes it:
//
//	s = scale · query·keyᵀ + mask        the scores, [..., H, Tq, Tk]
//	y = softmax(s) · value               the softmax over the keys
//
// query is [..., H, Tq, D], key [..., H', Tk, D] and value [..., H', Tk, E]; the result is [..., H, Tq, E]. All are of one
// dtype, a float; scores and sums are float32 for narrower ones. H' divides H: query head h looks at head h·H'/H of keys and
// values, so that H' = H is attention of many heads, and H' = 1 lets all of them share one. Without more settings scale is 1/√D
// and every query sees every key:
//
//	y := ScaledDotProductAttention(q, k, v).Causal(true).Done()
//
// A key whose score is -∞, as that of each key that a mask hides, has no weight. Where this holds for all keys, and where there
// are none, the result is 0 and no gradient flows. What is hidden must be finite nevertheless: 0·NaN is NaN.
//
// An engine that has a kernel for it never holds the scores as a whole. The gradient of a mask of numbers does.
//
// Source: Vaswani et al., "Attention Is All You Need", 2017, arXiv:1706.03762, eq. 1; shared heads as in Ainslie et al., "GQA",
// 2023, arXiv:2305.13245; in blocks as in Dao et al., "FlashAttention", 2022, arXiv:2205.14135.
func ScaledDotProductAttention(query, key, value *Node) *AttentionBuilder {
	need("ScaledDotProductAttention", query, key, value)
	b := &AttentionBuilder{query: query, key: key, value: value}
	if query.Rank() > 0 {
		b.attrs.Scale = 1 / math.Sqrt(float64(max(1, query.Dim(-1))))
	}
	return b
}

// Scale sets what the products of queries and keys are multiplied by, a finite number; 1/√D unless set.
func (b *AttentionBuilder) Scale(scale float64) *AttentionBuilder {
	b.attrs.Scale = scale
	return b
}

// Mask sets which keys a query sees, or what is added to its scores. mask is broadcast to [..., H, Tq, Tk] by NumPy's rule. It
// holds bools, false where a key is hidden, or numbers of the query's dtype, which may be -∞. nil is no mask.
func (b *AttentionBuilder) Mask(mask *Node) *AttentionBuilder {
	b.mask = mask
	return b
}

// Causal says whether query i sees the keys 0 to i only, of those that the mask shows.
func (b *AttentionBuilder) Causal(value bool) *AttentionBuilder {
	b.attrs.Causal = value
	return b
}

// Done adds the attention to the graph and returns its result. It panics with [Error] if the operands do not fit.
func (b *AttentionBuilder) Done() *Node {
	in := []*Node{b.query, b.key, b.value}
	if b.mask != nil {
		in = append(in, b.mask)
	}
	return ApplyMulti(attention, b.attrs, in...)[0]
}

var attention, attentionGradient *ir.Op

// attentionRule is the shape rule of attention of query, key, value and perhaps a mask: the shapes of the result and of the
// logarithms of the sums of exponentials.
func attentionRule(attrs any, in []shapes.Shape) ([]shapes.Shape, error) {
	if len(in) != 3 && len(in) != 4 {
		return nil, fmt.Errorf("it takes query, key, value and perhaps a mask, got %d operands", len(in))
	}
	q, k, v := in[0], in[1], in[2]
	if scale := attrs.(ir.AttentionAttrs).Scale; math.IsNaN(scale) || math.IsInf(scale, 0) {
		return nil, fmt.Errorf("the scale is %v: give a finite number", scale)
	}
	if k.DType != q.DType || v.DType != q.DType {
		return nil, fmt.Errorf("query, key and value are %s, %s and %s: they must be of one dtype", q.DType, k.DType, v.DType)
	}
	if q.Rank() < 3 || k.Rank() != q.Rank() || v.Rank() != q.Rank() {
		return nil, fmt.Errorf("query %s, key %s, value %s: want [..., heads, time, channels] of one rank (see ExpandAxes)", q, k, v)
	}
	heads := q.Rank() - 3
	names := make([]string, q.Rank())
	var err error
	join := func(what string, a, b shapes.Shape, axis, to int) {
		i := (axis + a.Rank()) % a.Rank()
		if a.Dimensions[i] != b.Dimensions[i] && err == nil {
			err = fmt.Errorf("%s differ: %d against %d, in %s and %s", what, a.Dimensions[i], b.Dimensions[i], a, b)
		}
		name, wrong := shapes.JoinName(a.Name(i), b.Name(i))
		if wrong != nil && err == nil {
			err = fmt.Errorf("%s: %w", what, wrong)
		}
		if to >= 0 && names[to] == "" {
			names[to] = name
		}
	}
	for i := range heads {
		join("batches", q, k, i, i)
		join("batches", q, v, i, i)
	}
	join("channels of query and key", q, k, -1, -1)
	join("heads of key and value", k, v, heads, -1)
	join("times of key and value", k, v, -2, -1)
	if err != nil {
		return nil, err
	}
	if h, shared := q.Dimensions[heads], k.Dimensions[heads]; h != 0 && (shared == 0 || h%shared != 0) || h == 0 && shared != 0 {
		return nil, fmt.Errorf("%d heads of keys and values do not divide %d heads of queries", shared, h)
	}
	names[heads], names[heads+1], names[heads+2] = q.Name(heads), q.Name(heads+1), v.Name(-1)
	y := shapes.Make(q.DType, q.Dimensions...)
	y.Dimensions[heads+2] = v.Dim(-1)
	sums := shapes.Make(wideOf(q.DType), q.Dimensions[:heads+2]...).WithAxisNames(names[:heads+2]...)
	if len(in) == 4 {
		if err := attentionMaskError(q, k, in[3]); err != nil {
			return nil, err
		}
	}
	return []shapes.Shape{y.WithAxisNames(names...), sums}, nil
}

// attentionMaskError says why mask cannot be one for the scores of q and k, if it cannot.
func attentionMaskError(q, k, mask shapes.Shape) error {
	if mask.DType != dtypes.Bool && mask.DType != q.DType {
		return fmt.Errorf("the mask must hold bools or numbers of the query's dtype, %s, not %s", q.DType, mask.DType)
	}
	scores := shapes.Make(q.DType, q.Dimensions...).Dimensions
	scores[len(scores)-1] = k.Dim(-2)
	if err := mask.BroadcastableTo(scores...); err != nil {
		return fmt.Errorf("the mask does not fit the scores, [..., heads, queries, keys]: %w", err)
	}
	return nil
}

// wideOf is the dtype in which floats of dtype d are added up.
func wideOf(d dtypes.DType) dtypes.DType {
	if d.IsHalf() {
		return dtypes.Float32
	}
	return d
}

// attentionGradientRule is the shape rule of the gradient: of query, key, value, the logarithms, what is taken from the products
// of gradients and values, the gradient of the result, and perhaps a mask.
func attentionGradientRule(attrs any, in []shapes.Shape) ([]shapes.Shape, error) {
	if len(in) != 6 && len(in) != 7 {
		return nil, fmt.Errorf("it takes query, key, value, logarithms, products, the gradient of the result and perhaps a mask, got %d operands", len(in))
	}
	out, err := attentionRule(attrs, append(in[:3:3], in[6:]...))
	if err != nil {
		return nil, err
	}
	for i, want := range []shapes.Shape{out[1], out[1], out[0]} {
		if s := in[3+i]; s.DType != want.DType || !s.EqualDimensions(want) {
			return nil, fmt.Errorf("operand %d is %s, want %s", 3+i, s, want)
		}
	}
	return in[:3:3], nil
}

// attentionScores are the parts of an expansion that forward and backward share.
type attentionScores struct {
	attrs   ir.AttentionAttrs
	q, k, v *Node // wide
	mask    *Node // nil for none
	groups  int   // query heads for each head of keys and values
}

func newAttentionScores(attrs any, in []*Node, mask []*Node) *attentionScores {
	plain := func(x *Node) *Node { return wide(withoutNames(x)) }
	s := &attentionScores{attrs: attrs.(ir.AttentionAttrs), q: plain(in[0]), k: plain(in[1]), v: plain(in[2]), groups: 1}
	if len(mask) > 0 {
		s.mask = plain(mask[0])
	}
	if shared := s.k.Dim(-3); shared > 0 {
		s.groups = s.q.Dim(-3) / shared
	}
	return s
}

// product is an Einsum over letters of the last axes, of which g is the group of heads that share one of keys and values.
func (s *attentionScores) product(equation string, x, y *Node) *Node {
	left, result, _ := strings.Cut(equation, "->")
	first, second, _ := strings.Cut(left, ",")
	x, y = s.grouped(first, x), s.grouped(second, y)
	if s.groups == 1 {
		first, second, result = strings.ReplaceAll(first, "g", ""), strings.ReplaceAll(second, "g", ""), strings.ReplaceAll(result, "g", "")
	}
	z := Einsum("..."+first+",..."+second+"->..."+result, x, y)
	if s.groups == 1 || !strings.Contains(result, "g") {
		return z
	}
	dims := z.Shape().Clone().Dimensions // [..., H', G, n, m] becomes [..., H, n, m]
	heads := len(dims) - 4
	dims = append(append(dims[:heads:heads], dims[heads]*dims[heads+1]), dims[heads+2:]...)
	return Reshape(z, dims...)
}

// grouped returns x, [..., H, n, m], as [..., H', G, n, m] if the letters of its axes ask for that.
func (s *attentionScores) grouped(letters string, x *Node) *Node {
	if s.groups == 1 || !strings.Contains(letters, "g") {
		return x
	}
	dims := x.Shape().Clone().Dimensions
	heads := len(dims) - 3
	return Reshape(x, append(append(dims[:heads:heads], dims[heads]/s.groups, s.groups), dims[heads+1:]...)...)
}

// scores returns the scores, with -∞ where a key is hidden.
func (s *attentionScores) scores() *Node {
	x := MulScalar(s.product("gqd,kd->gqk", s.q, s.k), s.attrs.Scale)
	var shown *Node
	switch {
	case s.mask == nil:
	case s.mask.DType() == dtypes.Bool:
		shown = s.mask
	default:
		x = Add(x, s.mask)
	}
	if s.attrs.Causal {
		places := shapes.Make(dtypes.Int32, x.Dim(-2), x.Dim(-1))
		before := GreaterOrEqual(Iota(x.graph, places, 0), Iota(x.graph, places, 1))
		if shown != nil {
			before = LogicalAnd(shown, before)
		}
		shown = before
	}
	if shown == nil {
		return x
	}
	return Where(shown, x, Infinity(x.graph, x.DType(), -1))
}

// expandAttention builds attention from other ops.
func expandAttention(attrs any, in []*Node) []*Node {
	s := newAttentionScores(attrs, in, in[3:])
	x := s.scores()
	last := []int{x.Rank() - 1}
	m := notInfinite(StopGradient(reduceKeep(reduceMax, x, last)))
	e := Exp(Sub(x, m))
	sum := reduceKeep(reduceSum, e, last)
	y := Div(s.product("gqk,kd->gqd", e, s.v), Where(IsZero(sum), ScalarOne(sum.graph, sum.DType()), sum))
	return []*Node{ConvertDType(y, in[0].DType()), Squeeze(Add(m, Log(sum)), -1)}
}

// gradients returns the weights p of the values, and the gradient of the scores: with l the logarithms, dy the gradient of
// the result and o what is taken away,
//
//	p = exp(s - l)    ds = p · (dy·vᵀ - o)
func (s *attentionScores) gradients(logs, off, dy *Node) (p, ds *Node) {
	p = Exp(Sub(s.scores(), ExpandAxes(notInfinite(logs), -1)))
	return p, Mul(p, Sub(s.product("gqd,kd->gqk", dy, s.v), ExpandAxes(off, -1)))
}

// expandAttentionGradient builds the gradient of attention with respect to query, key and value:
//
//	dq = scale · ds·k    dk = scale · dsᵀ·q    dv = pᵀ·dy
func expandAttentionGradient(attrs any, in []*Node) []*Node {
	s := newAttentionScores(attrs, in, in[6:])
	dy := wide(withoutNames(in[5]))
	p, ds := s.gradients(withoutNames(in[3]), withoutNames(in[4]), dy)
	list := []*Node{
		MulScalar(s.product("gqk,kd->gqd", ds, s.k), s.attrs.Scale),
		MulScalar(s.product("gqk,gqd->kd", ds, s.q), s.attrs.Scale),
		s.product("gqk,gqd->kd", p, dy),
	}
	for i, x := range list {
		list[i] = ConvertDType(x, in[i].DType())
	}
	return list
}

// attentionVJP returns the gradients of attention with respect to its operands. Row by row the softmax takes Σ dy·y away
// from the gradient of its scores; the gradient of the logarithms, dl, is one of the scores too:
//
//	ds = p · (dy·vᵀ - (Σ dy·y - dl))
func attentionVJP(ys, dys []*Node) []*Node {
	call := ys[0].Input(0)
	in, a := call.Inputs(), call.Attrs()
	y, logs, dy := ys[0], ys[1], dys[0]
	off := ZerosLike(logs)
	if dy == nil {
		dy = ZerosLike(y)
	} else {
		off = ReduceSum(Mul(wide(dy), wide(y)), -1)
	}
	if dys[1] != nil {
		off = Sub(off, dys[1])
	}
	list := ApplyMulti(attentionGradient, a, append([]*Node{in[0], in[1], in[2], logs, off, dy}, in[3:]...)...)
	if len(in) == 3 {
		return list
	}
	if in[3].DType() == dtypes.Bool {
		return append(list, nil)
	}
	_, ds := newAttentionScores(a, in, in[3:]).gradients(withoutNames(logs), withoutNames(off), wide(withoutNames(dy)))
	return append(list, ConvertDType(unbroadcast(ds, in[3]), in[3].DType()))
}

// batchAttention is the batch rule of attention and of its gradient: the batch is another of their leading axes. The mask, which
// stands behind so many other operands, is broadcast to the scores.
func batchAttention(op **ir.Op, others int) func(attrs any, in []*Node, batched []bool) []*Node {
	return func(attrs any, in []*Node, batched []bool) []*Node {
		xs, rank := slices.Clone(in), in[0].Rank()
		if batched[0] {
			rank--
		}
		n := batchSize(in, batched)
		for i, x := range in {
			switch {
			case i < others && !batched[i]:
				xs[i] = BroadcastPrefix(x, n)
			case i >= others && batched[i]:
				xs[i] = alignedTo(x, rank)
			}
		}
		return ApplyMulti(*op, attrs, xs...)
	}
}

// attentionCost counts products of so many pairs of queries and keys as are multiplied, and 5 operations for an exponential.
func attentionCost(products float64) func(any, []shapes.Shape, []shapes.Shape) ir.Cost {
	return func(attrs any, in, out []shapes.Shape) ir.Cost {
		queries, keys := float64(in[0].Dim(-2)), float64(in[1].Dim(-2))
		pairs := queries * keys
		if attrs.(ir.AttentionAttrs).Causal {
			seen := min(queries, keys)
			pairs = seen*(seen+1)/2 + (queries-seen)*keys
		}
		heads := float64(in[0].Size()) / max(1, queries*float64(in[0].Dim(-1)))
		channels := float64(in[0].Dim(-1)+in[2].Dim(-1)) / 2
		return ir.Cost{FLOPs: heads * pairs * (2*products*channels + 5), Bytes: ir.Traffic(in, out)}
	}
}

func init() {
	half, causal := ir.AttentionAttrs{Scale: 0.5}, ir.AttentionAttrs{Scale: 0.5, Causal: true}
	shown := ir.Array([]int{3, 4}, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1, 1).As(dtypes.Bool)
	none := ir.Array([]int{2, 1, 3, 1}, 1, 0, 1, 1, 1, 0).As(dtypes.Bool)
	q, k, v := ir.Ramp(1, 2, 3, 5), ir.Ramp(1, 2, 4, 5), ir.Ramp(1, 2, 4, 2)
	samples := []ir.Sample{ // a logarithm of -∞ has no differences, and so they are poles: TestAttentionOfNothing checks their gradients
		{In: []ir.Input{q, k, v}, Attrs: half},
		{Name: "causal", In: []ir.Input{ir.Ramp(2, 4, 3), ir.Ramp(2, 4, 3).Plus(0.1), ir.Ramp(2, 4, 3)}, Attrs: causal},
		{Name: "causal, more queries", In: []ir.Input{ir.Ramp(1, 5, 3), ir.Ramp(1, 2, 3), ir.Ramp(1, 2, 3)}, Attrs: causal},
		{Name: "causal, more keys", In: []ir.Input{ir.Ramp(1, 2, 3), ir.Ramp(1, 5, 3), ir.Ramp(1, 5, 3)}, Attrs: causal},
		{Name: "shared heads", In: []ir.Input{ir.Ramp(2, 4, 3, 2), ir.Ramp(2, 2, 3, 2), ir.Ramp(2, 2, 3, 4)}, Attrs: causal},
		{Name: "one mask for all", In: []ir.Input{q, k, v, shown}, Attrs: half},
		{Name: "a mask and causal", In: []ir.Input{q, k, v, shown}, Attrs: causal},
		{Name: "a query without any", Pole: true, In: []ir.Input{ir.Ramp(2, 1, 3, 2), ir.Ramp(2, 1, 4, 2), ir.Ramp(2, 1, 4, 2), none}, Attrs: half},
		{Name: "numbers", In: []ir.Input{q, k, v, ir.Ramp(2, 3, 4)}, Attrs: half},
		{Name: "a number for each key", In: []ir.Input{q, k, v, ir.Ramp(4)}, Attrs: causal},
		{Name: "numbers, some -∞", Pole: true, In: []ir.Input{q, k, v, ir.Array([]int{3, 4}, 1, -inf, 0, 2, -inf, -inf, -inf, -inf, 0, 0, -inf, 1)}, Attrs: half},
		{Name: "many", In: []ir.Input{ir.Ramp(2, 70, 16), ir.Ramp(1, 150, 16), ir.Ramp(1, 150, 16)}, Attrs: ir.AttentionAttrs{Scale: 0.05}},
		{Name: "many, causal", In: []ir.Input{ir.Ramp(1, 150, 16), ir.Ramp(1, 140, 16), ir.Ramp(1, 140, 24)}, Attrs: ir.AttentionAttrs{Scale: 0.05, Causal: true}},
		{Name: "no keys", Pole: true, In: []ir.Input{ir.Ramp(1, 2, 3), ir.Ramp(1, 0, 3), ir.Ramp(1, 0, 2)}, Attrs: half},
		{Name: "no queries", In: []ir.Input{ir.Ramp(1, 0, 3), ir.Ramp(1, 2, 3), ir.Ramp(1, 2, 2)}, Attrs: half},
	}
	large := ir.Sample{Name: "large scores", Pole: true, In: []ir.Input{ir.Ramp(1, 3, 4), ir.Ramp(1, 5, 4), ir.Ramp(1, 5, 4)}, Attrs: ir.AttentionAttrs{Scale: 20}}
	tol := ir.Tolerance{ULP: 32, Abs: 32, Why: library + ", sums in another order; terms cancel"}
	attention = Define(ir.Op{
		Name: "ScaledDotProductAttention", Family: "attention", Variadic: true, Cost: attentionCost(2), DTypes: dtypes.Floats, Attrs: ir.AttentionAttrs{},
		Doc:        "softmax(scale · x·yᵀ + mask)·z over the keys y, and the logarithms of the sums of exponentials; the mask, a fourth operand, may be left out",
		InferMulti: attentionRule,
		Samples:    append(samples[:len(samples):len(samples)], large),
		Tol:        tol,
	}, Rule{Expand: expandAttention, Batch: batchAttention(&attention, 3), VJPMulti: attentionVJP})
	attentionGradient = Define(ir.Op{
		Name: "ScaledDotProductAttentionGradient", Family: "attention", Variadic: true, Cost: attentionCost(5), DTypes: dtypes.Floats, Attrs: ir.AttentionAttrs{},
		Doc:        "the gradients of ScaledDotProductAttention with respect to x, y and z, given the logarithms, Σ dy·y less the gradient of these, and dy, the gradient of the result",
		InferMulti: attentionGradientRule,
		Samples:    append(attentionGradientSamples(samples, dtypes.Float64), attentionGradientSamples(samples, dtypes.Float32)...),
		Tol:        tol,
	}, Rule{Expand: expandAttentionGradient, Batch: batchAttention(&attentionGradient, 6)})
}

// attentionGradientSamples returns samples of the gradient for those of attention, for floats that are added up in a dtype.
func attentionGradientSamples(samples []ir.Sample, sum dtypes.DType) (list []ir.Sample) {
	var added dtypes.Set
	for _, d := range dtypes.Floats.List() {
		if wideOf(d) == sum {
			added |= dtypes.SetOf(d)
		}
	}
	for _, s := range samples {
		q, v := s.In[0], s.In[2]
		rows := q.Dims[: len(q.Dims)-1 : len(q.Dims)-1]
		logs, off, dy := ir.Ramp(rows...).Plus(3).As(sum), ir.Ramp(rows...).As(sum), ir.Ramp(append(rows, v.Dims[len(v.Dims)-1])...)
		s.In = append([]ir.Input{q, s.In[1], v, logs, off, dy}, s.In[3:]...)
		s.DTypes = added
		list = append(list, s)
	}
	return list
}
