package blocks

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/segment"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"
)

// ExpertsBuilder is a mixture of experts to be set up, see [Experts].
type ExpertsBuilder struct {
	scope      *model.Scope
	x          *graph.Node
	experts    int
	hidden     int
	top        int
	activation string
}

// Experts is a mixture of feed-forward layers, of which a router chooses a few for each vector:
//
//	s = x·router                                   one score for each expert
//	p = softmax of the k largest scores, 0 for the others
//	y = Σ_e p[e] · (activation(x·gate[e]) · (x·up[e]))·down[e]
//
// x is [..., C], a float; router is [C, experts], gate and up [experts, C, hidden], down [experts, hidden, C]; the result has x's shape.
// k is 2 and the activation silu unless set. What an expert computes is computed for the vectors that are sent to it alone; all are taken, however
// many there are. Where scores are equal, the first experts are chosen.
//
// Source: Shazeer et al., "Outrageously Large Neural Networks", 2017, arXiv:1701.06538, eq. 1 and 3, without noise; experts as in Jiang et al.,
// "Mixtral of Experts", 2024, arXiv:2401.04088, section 2.1.
func Experts(scope *model.Scope, x *graph.Node, experts, hidden int) *ExpertsBuilder {
	needFloat("Experts", x, 0, "[..., channels]")
	if experts < 1 || hidden < 1 {
		graph.Errorf("Experts: %d experts of %d, want 1 or more of both", experts, hidden)
	}
	return &ExpertsBuilder{scope: scope.Layer("Experts", x), x: x, experts: experts, hidden: hidden, top: min(2, experts), activation: "silu"}
}

// Top sets how many experts work on each vector.
func (b *ExpertsBuilder) Top(k int) *ExpertsBuilder {
	if k < 1 || k > b.experts {
		graph.Errorf("Experts: %d of %d experts, want 1 to all of them", k, b.experts)
	}
	b.top = k
	return b
}

// Activation sets the activation function, by the names of [layers.Activation].
func (b *ExpertsBuilder) Activation(name string) *ExpertsBuilder {
	b.activation = name
	return b
}

// Done adds the layer to the graph and returns its result.
func (b *ExpertsBuilder) Done() *graph.Node {
	y, _ := b.DoneWithBalance()
	return y
}

// DoneWithBalance is Done that also returns how unevenly vectors are dealt over experts, a scalar that is 1 where all get as many: with a
// small factor, such as 0.01, it is added to the loss:
//
//	balance = experts · Σ_e f[e]·q[e] / k
//
// f[e] is the part of the vectors that e gets, and q[e] the mean of softmax(s) for it.
//
// Source: Fedus, Zoph and Shazeer, "Switch Transformers", 2021, arXiv:2101.03961, eq. 4 to 6, for k experts each.
func (b *ExpertsBuilder) DoneWithBalance() (output, balance *graph.Node) {
	channels, g := b.x.Dim(-1), b.x.Graph()
	x := graph.Reshape(b.x, -1, channels) // [N, C]
	n := x.Dim(0)
	scores := layers.Dense(b.scope.In("router"), x, false, b.experts)
	scores = graph.ConvertDType(scores, wide(x.DType())) // [N, E]
	best, chosen := graph.TopK(scores, b.top, -1)        // [N, k]
	p := graph.Softmax(best, -1)

	// Pairs of vector and expert, sorted by expert: each expert has a range of rows.
	expert := graph.ConvertDType(graph.Reshape(chosen, n*b.top), dtypes.Int32)
	order := graph.ArgSort(expert, 0, true)
	vector := graph.Div(graph.ConvertDType(order, dtypes.Int32), graph.Scalar(g, dtypes.Int32, b.top))
	ones := graph.Ones(g, shapes.Make(dtypes.Int32, n*b.top))
	count := segment.Sum(ones, expert, b.experts) // [E]
	rows := graph.Gather(x, graph.ExpandAxes(vector, -1))
	variable := func(name string, in, out int) *graph.Node {
		return b.scope.VariableWithShape(name, oneOf(x, b.experts, in, out)).NodeValue(x)
	}
	h := layers.Activation(b.activation, segment.RaggedDot(rows, variable("gate", channels, b.hidden), count))
	h = graph.Mul(h, segment.RaggedDot(rows, variable("up", channels, b.hidden), count))
	h = segment.RaggedDot(h, variable("down", b.hidden, channels), count) // [N·k, C]
	weight := graph.Gather(graph.Reshape(p, n*b.top), graph.ExpandAxes(order, -1))
	h = graph.Mul(h, graph.ConvertDType(graph.ExpandAxes(weight, -1), h.DType()))
	y := segment.Sum(h, vector, n)

	part := graph.DivScalar(graph.ConvertDType(count, scores.DType()), max(1, n))
	mean := graph.ReduceMean(graph.Softmax(scores, -1), 0)
	balance = graph.MulScalar(graph.ReduceAllSum(graph.Mul(part, mean)), float64(b.experts)/float64(b.top))
	return b.scope.Result(graph.ReshapeWithShape(y, b.x.Shape())), balance
}
