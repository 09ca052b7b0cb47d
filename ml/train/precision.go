package train

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
)

// Precision says in which dtypes a trainer computes, see [Trainer.SetPrecision]. The zero value is that of the data.
type Precision struct {
	// Compute is the dtype that inputs are converted to if they are floats, and with it what layers compute in. Unset, inputs are as they are.
	// What a model makes itself has the dtype that it says: an embedding of tokens is to be asked for in Compute, or all behind it is not.
	Compute dtypes.DType

	// Param is the dtype of the variables that a model asks for in Compute: float32, if unset, so that layers as they are have
	// weights of float32, which are converted where they are used. If it is Compute, optimizers keep copies in float32.
	Param dtypes.DType

	// Output is the dtype that predictions are converted to if they are floats: float32, if unset.
	Output dtypes.DType

	// LossScale keeps the gradients of a model in float16 away from 0, where they would be rounded to.
	LossScale LossScale
}

// LossScale is what the loss is multiplied by before its gradients are computed; they are divided by it again, in float32. The zero value is none.
//
// A dynamic scale is as large as gradients allow: where one is not finite, the step changes no variable and no state of the optimizer, and the scale is halved;
// after so many steps without that it is doubled. It is kept in the store, below "/loss_scale", with the number of steps that were skipped, and so it
// is in checkpoints. A gradient that is not finite at a scale of 1 is an error, as it is without a scale.
//
// Source: Micikevicius et al., "Mixed Precision Training", 2017, arXiv:1710.03740, section 3.2, with the constants of PyTorch's GradScaler.
type LossScale struct {
	Factor  float64 // of the loss; of a dynamic scale the first one, 65536 if 0
	Dynamic bool
	Every   int // steps of a dynamic scale after which it is doubled; 2000 if 0
}

// lossScalePath is the scope of a dynamic scale.
const lossScalePath = "/loss_scale"

// SetPrecision says in which dtypes the trainer computes from the next step on:
//
//	err := trainer.SetPrecision(train.Precision{Compute: dtypes.BFloat16})
//	err := trainer.SetPrecision(train.Precision{Compute: dtypes.Float16, LossScale: train.LossScale{Dynamic: true}})
//
// It returns an error if a dtype is no float, or if a scale makes no sense, or between the steps of a loop. A store whose variables have other
// dtypes already is an error of the next step.
func (t *Trainer) SetPrecision(p Precision) error {
	for _, d := range []dtypes.DType{p.Compute, p.Param, p.Output} {
		if d != dtypes.Invalid && !d.IsFloat() {
			return fmt.Errorf("train.SetPrecision: %s is no dtype to compute in: want floats", d)
		}
	}
	s := p.LossScale
	switch {
	case !(s.Factor >= 0) || math.IsInf(s.Factor, 0) || s.Every < 0:
		return fmt.Errorf("train.SetPrecision: a loss scale of %g that is doubled every %d steps: want 0 or more", s.Factor, s.Every)
	case len(t.flights) > 0:
		return fmt.Errorf("train.SetPrecision: called by a listener while a loop makes its steps: call it before the run")
	}
	if p.Compute != dtypes.Invalid {
		if p.Param == dtypes.Invalid {
			p.Param = dtypes.Float32
		}
		if p.Output == dtypes.Invalid {
			p.Output = dtypes.Float32
		}
	}
	if s.Dynamic {
		if s.Factor == 0 {
			s.Factor = 65536
		}
		if s.Every == 0 {
			s.Every = 2000
		}
	}
	p.LossScale = s
	t.precision = p
	t.ResetComputationGraphs()
	return nil
}

// Precision returns what [Trainer.SetPrecision] was told, with defaults.
func (t *Trainer) Precision() Precision { return t.precision }

// precise calls the model in the trainer's precision.
func (t *Trainer) precise(scope *model.Scope, spec any, inputs []*graph.Node) []*graph.Node {
	p := t.precision
	if p.Compute != dtypes.Invalid && len(inputs) > 0 {
		var end func()
		scope, end = scope.WithPrecision(inputs[0].Graph(), p.Compute, p.Param)
		defer end()
	}
	return converted(t.model(scope, spec, converted(inputs, p.Compute)), p.Output)
}

// converted returns the nodes with those that are floats in another dtype, if it is one.
func converted(nodes []*graph.Node, dtype dtypes.DType) []*graph.Node {
	if dtype == dtypes.Invalid {
		return nodes
	}
	nodes = slices.Clone(nodes)
	for i, x := range nodes {
		if x.DType().IsFloat() {
			nodes[i] = graph.ConvertDType(x, dtype)
		}
	}
	return nodes
}

// scale is a loss scale in a graph.
type scale struct {
	LossScale
	store       *model.Store
	factor      *graph.Node // float32; nil for none
	fits        *graph.Node // whether all gradients are finite; of a dynamic scale
	value, good *model.Variable
	skipped     *model.Variable
}

func (t *Trainer) newScale(g *graph.Graph) *scale {
	s := &scale{LossScale: t.precision.LossScale, store: t.store}
	switch {
	case s.Dynamic:
		scope := t.store.Scope(lossScalePath)
		s.value = own(scope.VariableWithValue("factor", float32(s.Factor)), g)
		s.good = own(scope.VariableWithValue("good_steps", int32(0)), g)
		s.skipped = own(scope.VariableWithValue("skipped_steps", int64(0)), g)
		s.factor = s.value.NodeValue(g)
	case s.Factor > 0:
		s.factor = graph.Scalar(g, dtypes.Float32, s.Factor)
	}
	return s
}

// up returns the loss that gradients are computed of.
func (s *scale) up(total *graph.Node) *graph.Node {
	if s.factor == nil {
		return total
	}
	return graph.Mul(total, graph.ConvertDType(s.factor, total.DType()))
}

// down returns the gradients of the loss itself, at least in float32.
func (s *scale) down(gradients []*graph.Node) []*graph.Node {
	if s.factor == nil {
		return gradients
	}
	out := make([]*graph.Node, len(gradients))
	for i, x := range gradients {
		if x.DType().IsHalf() {
			x = graph.ConvertDType(x, dtypes.Float32)
		}
		out[i] = graph.Div(x, graph.ConvertDType(s.factor, x.DType()))
	}
	return out
}

// look lets a dynamic scale see whether the gradients that the report looks at are finite: they need not be, unless the scale is 1.
func (s *scale) look(r *report) {
	if !s.Dynamic {
		return
	}
	s.fits = graph.OnesLike(s.factor)
	s.fits = graph.Equal(s.fits, s.fits)
	larger := graph.GreaterThan(s.factor, graph.OnesLike(s.factor))
	for i, finite := range r.finite {
		s.fits = graph.LogicalAnd(s.fits, finite)
		r.finite[i] = graph.LogicalOr(finite, larger)
	}
}

// skip lets variables and state be as they were where the gradients are not finite, and moves a dynamic scale.
func (s *scale) skip(variables []*model.Variable, clears bool) {
	if !s.Dynamic {
		return
	}
	g := s.fits.Graph()
	for _, v := range s.store.VariablesOf(g) {
		accumulates := strings.HasPrefix(v.Path(), accumulatorsPath+"/") || v.Path() == accumulatedWeightPath
		if !v.ChangedInGraph(g) || !accumulates && !slices.Contains(variables, v) && !strings.HasPrefix(v.Path(), optimizers.StatePath+"/") {
			continue
		}
		old := v.NodeBefore(g)
		if accumulates && clears { // with the update that is skipped, its batches go too
			old = graph.ZerosLike(old)
		}
		v.SetNodeValue(graph.Where(s.fits, v.NodeValue(g), old))
	}
	good := graph.AddScalar(s.good.NodeValue(g), 1)
	grows := graph.GreaterOrEqual(good, graph.ConstAs(good, s.Every))
	up := graph.Where(grows, graph.MulScalar(s.factor, 2), s.factor)
	up = graph.Where(graph.IsFinite(up), up, s.factor)
	s.value.SetNodeValue(graph.Where(s.fits, up, graph.MaxScalar(graph.MulScalar(s.factor, 0.5), 1)))
	zero := graph.ZerosLike(good)
	s.good.SetNodeValue(graph.Where(s.fits, graph.Where(grows, zero, good), zero))
	skipped := s.skipped.NodeValue(g)
	s.skipped.SetNodeValue(graph.Where(s.fits, skipped, graph.AddScalar(skipped, 1)))
}
