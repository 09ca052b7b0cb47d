package diffusion

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
)

// Net is a net that sees data with noise, x [B, …], at times t, float32[B], of classes, int32[B], or nil if there are none; it returns something of x's shape.
type Net func(scope *model.Scope, x, t, class *graph.Node) *graph.Node

// Model is a net and the process that it learns.
type Model struct {
	Process Process
	Net     Net
	Classes int     // labels are 0 to Classes-1; the net takes the number Classes for none. 0 if there are no labels
	Drop    float64 // how often training hides the label, so that the net learns to do without, as guidance wants it: 0.1 is usual
}

func (m Model) check() {
	if m.Process == nil || m.Net == nil || m.Classes < 0 || !(m.Drop >= 0 && m.Drop <= 1) {
		graph.Errorf("diffusion: a Model with %d classes and a Drop of %v: want a Process and a Net, 0 classes and more, and 0 to 1", m.Classes, m.Drop)
	}
}

// targetOutput is the name under which Train tells Loss what was to be predicted.
const targetOutput = "diffusion/target"

// Train returns what the net makes of inputs with noise at random times: of data x, [B, …], floats of about -1 to 1, and if Classes is not 0 of labels, integers, int32[B]. It is a model
// for a trainer, with the loss [Loss].
//
// Source: Ho et al. 2020, algorithm 1; Ho and Salimans, "Classifier-Free Diffusion Guidance", 2022, arXiv:2207.12598, algorithm 1.
func (m Model) Train(scope *model.Scope, inputs []*graph.Node) *graph.Node {
	m.check()
	want := 1
	if m.Classes > 0 {
		want = 2
	}
	if len(inputs) != want || inputs[0].Rank() < 2 || !inputs[0].DType().IsFloat() {
		graph.Errorf("diffusion: %d inputs for a model of %d classes, want %d: data, floats of [batch, …], and labels if there are classes", len(inputs), m.Classes, want)
	}
	x := inputs[0]
	g := x.Graph()
	each := shapes.Make(dtypes.Float32, x.Dim(0))
	var class *graph.Node
	if m.Classes > 0 {
		class = m.labels(x, inputs[1])
		if m.Drop > 0 {
			hidden := graph.LessThan(scope.RandomUniform(g, each), graph.Scalar(g, dtypes.Float32, m.Drop))
			class = graph.Where(hidden, m.none(class), class)
		}
	}
	at := m.Process.At(m.Process.Times(scope.RandomUniform(g, each)))
	z, y := at.Noised(x, scope.RandomNormal(g, x.Shape()))
	losses.SetOutput(targetOutput, y)
	return m.net(scope, z, at.Time, class)
}

// labels returns labels as int32[B].
func (m Model) labels(x, class *graph.Node) *graph.Node {
	if !class.DType().IsInt() || class.Rank() != 1 || class.Dim(0) != x.Dim(0) {
		graph.Errorf("diffusion: labels are %s for data %s, want an integer for each", class.Shape(), x.Shape())
	}
	return graph.ConvertDType(class, dtypes.Int32)
}

// none returns the number that stands for no label, for each of some labels.
func (m Model) none(class *graph.Node) *graph.Node {
	return graph.BroadcastToShape(graph.ConstAs(class, m.Classes), class.Shape())
}

func (m Model) net(scope *model.Scope, x, t, class *graph.Node) *graph.Node {
	y := m.Net(scope, x, t, class)
	if y == nil || !y.Shape().Equal(x.Shape()) {
		graph.Errorf("diffusion: the net made %s of %s, want the same shape", shapeOf(y), x.Shape())
	}
	return y
}

func shapeOf(x *graph.Node) string {
	if x == nil {
		return "nothing"
	}
	return x.Shape().String()
}

// Loss returns the mean of the squares by which what [Model.Train] returned differs from what it was to be. The first label is not looked at, and there need be none.
//
// Source: Ho et al. 2020, eq. 14; Lipman et al. 2022, eq. 23.
func Loss(labels, predictions []*graph.Node) *graph.Node {
	if len(predictions) != 1 {
		graph.Errorf("diffusion: a loss of %d predictions, want that of Train", len(predictions))
	}
	y := predictions[0]
	rest := make([]int, 0, y.Rank())
	for i := 1; i < y.Rank(); i++ {
		rest = append(rest, i)
	}
	off := graph.Square(graph.Sub(y, losses.Output(y.Graph(), targetOutput)))
	return losses.Reduce(graph.ReduceMean(off, rest...), labels) // float32[B]
}

// Guided returns what the net makes of x, [B, …], at times, float32[B], pushed away from what it makes of it without a label, in one call with twice the batch:
//
//	y = none + guidance · (with - none)
//
// A guidance of 1 pushes nothing, and is one call of the batch.
//
// Source: Ho and Salimans 2022, eq. 6, with w = guidance - 1.
func (m Model) Guided(scope *model.Scope, x, t, class *graph.Node, guidance float64) *graph.Node {
	m.check()
	if class == nil || guidance == 1 {
		return m.net(scope, x, t, class)
	}
	twice := func(a, b *graph.Node) *graph.Node { return graph.Concatenate([]*graph.Node{a, b}, 0) }
	class = m.labels(x, class)
	y := m.net(scope, twice(x, x), twice(t, t), twice(class, m.none(class)))
	with := graph.SliceAxis(y, 0, graph.AxisRange(0, x.Dim(0)))
	none := graph.SliceAxis(y, 0, graph.AxisRangeToEnd(x.Dim(0)))
	return graph.Add(none, graph.MulScalar(graph.Sub(with, none), guidance))
}
