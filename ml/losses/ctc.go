package losses

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/internal/checks"
)

// CTCLogits returns the loss of connectionist temporal classification: -log of the probability that sequences of T frames spell labels, of which each
// may stand for several frames, with blanks between them. Logits are [B, T, C], of which class 0 is the blank. Labels are integers [B, S] from 1 to C-1; a
// shorter sequence is filled with 0. A second prediction, if there is one, are the numbers of frames of each example, integers (B) of 1 to T. It is the
// mean over the B examples of
//
//	-log Σ_paths Π_t softmax(x_t)_path(t)
//
// over all paths that become the labels when repetitions are joined and blanks left out. Labels that need more frames than there are cost 1e30. Weights
// and masks are (B).
//
// Source: Graves et al., "Connectionist Temporal Classification", 2006, section 4.1, in logarithms.
func CTCLogits(labels, logits []*graph.Node) *graph.Node {
	const name = "CTCLogits"
	k, x := pair(name, labels, logits)
	if x.Rank() != 3 || k.Rank() != 2 || !k.DType().IsInt() || k.Dim(0) != x.Dim(0) || k.Dim(1) < 1 || x.Dim(1) < 1 {
		graph.Errorf("%s: labels %s against predictions %s: want integers [B, S] and logits [B, T, C]", name, k.Shape(), x.Shape())
	}
	batch, frames, length := x.Dim(0), x.Dim(1), k.Dim(1)
	WeightsAndMask(shapes.Make(x.DType(), batch), labels)
	k = graph.ConvertDType(FillMasked(k, labels, 0), dtypes.Int32)
	logP := graph.LogSoftmax(values(x, labels), -1)
	checks.AddLabel(name, labels[0], k, x.Dim(2))
	g := x.Graph()
	var lengths *graph.Node
	if len(logits) > 1 {
		lengths = logits[1]
		if lengths.Rank() != 1 || lengths.Dim(0) != batch || !lengths.DType().IsInt() {
			graph.Errorf("%s: the second prediction, the numbers of frames, is %s: want integers [B]", name, lengths.Shape())
		}
		lengths = graph.ConvertDType(lengths, dtypes.Int32)
	} else {
		lengths = graph.MulScalar(graph.Ones(g, shapes.Make(dtypes.Int32, batch)), frames)
	}
	// States: blank, label, blank, label, …, blank.
	states := 2*length + 1
	symbols := graph.Pad(k, graph.ConstAs(k, 0), graph.PadAxis{}, graph.PadAxis{Start: 1, End: 1, Interior: 1}) // [B, 2S+1]
	classes := graph.Iota(g, shapes.Make(dtypes.Int32, batch, states, x.Dim(2)), -1)
	emits := graph.Equal(graph.ExpandAxes(symbols, -1), classes) // [B, states, C]
	before := graph.Pad(graph.SliceAxis(symbols, 1, graph.AxisRangeFromStart(states-2)), graph.ConstAs(k, 0), graph.PadAxis{}, graph.PadAxis{Start: 2})
	skips := graph.LogicalAnd(graph.NotEqual(symbols, graph.ZerosLike(symbols)), graph.NotEqual(symbols, before)) // a label after another one
	never := graph.ConstAs(logP, -1e30)
	at := func(p *graph.Node) *graph.Node { // of [B, C], for each state
		return graph.ReduceSum(graph.Where(emits, graph.BroadcastToShape(graph.ExpandAxes(p, 1), shapes.Make(p.DType(), batch, states, x.Dim(2))), graph.ScalarZero(g, p.DType())), -1)
	}
	later := func(alpha *graph.Node, n int) *graph.Node { // moved by n states
		return graph.Pad(graph.SliceAxis(alpha, 1, graph.AxisRangeFromStart(states-n)), never, graph.PadAxis{}, graph.PadAxis{Start: n})
	}
	place := graph.Iota(g, shapes.Make(dtypes.Int32, batch, states), 1)
	first := graph.Squeeze(graph.SliceAxis(logP, 1, graph.AxisRange(0, 1)), 1)
	alpha := graph.Where(graph.LessThan(place, graph.ConstAs(place, 2)), at(first), never)
	if frames > 1 {
		rest := graph.TransposeAllAxes(graph.SliceAxis(logP, 1, graph.AxisRangeToEnd(1)), 1, 0, 2) // [T-1, B, C]
		times := graph.AddScalar(graph.Iota(g, shapes.Make(dtypes.Int32, frames-1), 0), 1)
		last, _ := graph.Scan([]*graph.Node{alpha}, []*graph.Node{rest, times}, func(carry, in []*graph.Node) (next, y []*graph.Node) {
			a := carry[0]
			sum := graph.LogAddExp(a, later(a, 1))
			sum = graph.LogAddExp(sum, graph.Where(skips, later(a, 2), never))
			sum = graph.MaxScalar(graph.Add(sum, at(in[0])), -1e30)
			goesOn := graph.LessThan(in[1], lengths) // (B)
			return []*graph.Node{graph.Where(graph.BroadcastToShape(graph.ExpandAxes(goesOn, -1), sum.Shape().WithDType(dtypes.Bool)), sum, a)}, nil
		}).Done()
		alpha = last[0]
	}
	size := graph.ReduceSum(graph.ConvertDType(graph.NotEqual(k, graph.ZerosLike(k)), dtypes.Int32), -1) // (B)
	end := graph.ExpandAxes(graph.MulScalar(size, 2), -1)
	isEnd := graph.LogicalOr(graph.Equal(place, end), graph.Equal(place, graph.AddScalar(end, -1)))
	return Reduce(graph.Neg(graph.LogSumExp(graph.Where(isEnd, alpha, never), -1)), labels)
}
