package optimizers

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/model"
)

// FitOptions say how [FitLBFGS] goes on, and when it ends. The zero value is usual.
type FitOptions struct {
	Iterations  int // at most; 100 if 0
	Evaluations int // of the loss and its gradient, at most; 5/4 of Iterations, and 25 more, if 0
	History     int // pairs of steps and changes of gradients that are kept; 100 if 0

	LearningRate      float64 // the step length that a search begins with; 1 if 0
	GradientTolerance float64 // it ends when no element of the gradient is above it; 1e-7 if 0
	ChangeTolerance   float64 // it ends when neither an element of a step nor the loss changes by more; 1e-9 if 0
}

// FitResult is what [FitLBFGS] came to.
type FitResult struct {
	Loss                    float64
	Gradient                float64 // its largest element, without sign
	Iterations, Evaluations int
	Converged               bool   // a tolerance was met, and no limit
	Reason                  string // why it ended
}

// FitLBFGS makes a loss small by L-BFGS with a line search, for losses without noise: fits of curves, full batches, physics-informed networks at their end.
// Steps go along the direction d of [LBFGS], so far that the strong conditions of Wolfe hold, with c₁ = 1e-4 and c₂ = 0.9:
//
//	loss(θ + t·d) ≤ loss(θ) + c₁ · t · g·d,   |g(θ + t·d)·d| ≤ c₂ · |g·d|
//
// found by cubic interpolation. So it needs no learning rate, and the loss never rises; but each step takes several evaluations of loss and gradient, how many is known
// only then, and an update of variables in a training step, which has one gradient, cannot do it: that is [LBFGS].
//
//	result, err := optimizers.FitLBFGS(ctx, backend, store, func(scope *model.Scope, in []*graph.Node) *graph.Node {
//		x, y := in[0], in[1]
//		return graph.ReduceAllMean(graph.Square(graph.Sub(network(scope, x), y)))
//	}, optimizers.FitOptions{Iterations: 500}, x, y)
//
// loss builds the graph of the loss, a float scalar, of inputs, at least one; it is built and compiled once, and all trainable variables that it uses are
// changed. Directions are computed on the host in float64, so it is for models of up to some millions of parameters. The variables have the best values that were found, also
// where the result comes with an error.
//
// It returns an error if the graph cannot be built, nothing is trainable, the loss is no number at the beginning, or ctx ends.
//
// Source: Nocedal and Wright, "Numerical Optimization", 2006, algorithms 7.5, 3.5 and 3.6, in the form of PyTorch's LBFGS with strong_wolfe.
func FitLBFGS(ctx context.Context, backend graph.Backend, store *model.Store, loss func(scope *model.Scope, inputs []*graph.Node) *graph.Node, o FitOptions, inputs ...any) (FitResult, error) {
	fail := func(err error) (FitResult, error) {
		return FitResult{}, fmt.Errorf("optimizers.FitLBFGS: %w", err)
	}
	switch {
	case ctx == nil:
		return fail(errors.New("the context is nil: give context.Background()"))
	case backend == nil || store == nil || loss == nil:
		return fail(errors.New("backend, store or loss is nil"))
	case len(inputs) == 0:
		return fail(errors.New("no inputs: the loss must be one of data"))
	}
	if err := o.settle(); err != nil {
		return fail(err)
	}
	p := &problem{ctx: ctx, store: store, inputs: inputs}
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, in []*graph.Node) []*graph.Node { return p.build(loss(scope, in), scope) })
	if err != nil {
		return fail(err)
	}
	defer exec.Close()
	p.exec = exec.WithName("FitLBFGS").AllowUnknownParams()
	result, err := p.fit(o)
	if err != nil {
		return result, fmt.Errorf("optimizers.FitLBFGS: %w", err)
	}
	return result, nil
}

// settle fills in what is usual.
func (o *FitOptions) settle() error {
	if o.Iterations < 0 || o.Evaluations < 0 || o.History < 0 || !(o.LearningRate >= 0) || !(o.GradientTolerance >= 0) || !(o.ChangeTolerance >= 0) {
		return fmt.Errorf("%d iterations, %d evaluations, a history of %d, a rate of %g, tolerances of %g and %g: none may be negative, 0 is what is usual",
			o.Iterations, o.Evaluations, o.History, o.LearningRate, o.GradientTolerance, o.ChangeTolerance)
	}
	for _, n := range []struct {
		value *int
		usual int
	}{{&o.Iterations, 100}, {&o.History, 100}} {
		if *n.value == 0 {
			*n.value = n.usual
		}
	}
	if o.Evaluations == 0 {
		o.Evaluations = o.Iterations + o.Iterations/4 + 25
	}
	for _, x := range []struct {
		value *float64
		usual float64
	}{{&o.LearningRate, 1}, {&o.GradientTolerance, 1e-7}, {&o.ChangeTolerance, 1e-9}} {
		if *x.value == 0 {
			*x.value = x.usual
		}
	}
	return nil
}

// problem is a loss as a function of all variables together.
type problem struct {
	ctx       context.Context
	store     *model.Store
	exec      *model.Exec
	inputs    []any
	variables []*model.Variable
	count     int // evaluations
}

// build returns the loss and its gradients.
func (p *problem) build(loss *graph.Node, scope *model.Scope) []*graph.Node {
	if loss == nil || loss.Rank() > 0 || !loss.DType().IsFloat() {
		graph.Errorf("the loss is %s, want a float scalar: ReduceAllMean makes one", shapeOf(loss))
	}
	variables, gradients := Gradients(scope.Store(), loss)
	p.variables = variables
	return append([]*graph.Node{loss}, gradients...)
}

// point is a place, with loss and gradient there.
type point struct {
	x, g []float64
	f    float64
}

// finite reports whether loss and gradient are numbers.
func (q *point) finite() bool {
	if math.IsNaN(q.f) || math.IsInf(q.f, 0) {
		return false
	}
	for _, v := range q.g {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

// at evaluates loss and gradient at x, which is put into the variables; nil is where they are.
func (p *problem) at(x []float64) (*point, error) {
	if x != nil {
		if err := p.set(x); err != nil {
			return nil, err
		}
	}
	out, err := p.exec.CallContext(p.ctx, p.inputs...)
	if err != nil {
		return nil, err
	}
	p.count++
	q := &point{x: x, f: out[0].Float64At(0)}
	for _, t := range out[1:] {
		if q.g, err = appendFloats(q.g, t); err != nil {
			return nil, err
		}
	}
	for _, t := range out {
		t.Close()
	}
	if x == nil {
		for _, v := range p.variables {
			t, err := v.Value()
			if err == nil {
				q.x, err = appendFloats(q.x, t)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return q, nil
}

// appendFloats appends the elements of a float tensor.
func appendFloats(list []float64, t *tensors.Tensor) ([]float64, error) {
	wide, err := t.ConvertDType(dtypes.Float64)
	if err != nil {
		return nil, err
	}
	err = tensors.ConstFlatData(wide, func(flat []float64) { list = append(list, flat...) })
	if wide != t {
		wide.Close()
	}
	return list, err
}

// set gives the variables their parts of x.
func (p *problem) set(x []float64) error {
	for _, v := range p.variables {
		n := v.Shape().Size()
		t, err := tensors.FromFlatDataAndDimensions(x[:n:n], v.Shape().Dimensions...).ConvertDType(v.DType())
		if err == nil {
			err = v.SetValue(t)
		}
		if err != nil {
			return err
		}
		x = x[n:]
	}
	return nil
}

// fit is the algorithm.
func (p *problem) fit(o FitOptions) (result FitResult, err error) {
	now, err := p.at(nil)
	if err != nil {
		return result, err
	}
	if !now.finite() {
		return result, fmt.Errorf("the loss is %v at the beginning, or its gradient is no number: there is no way down from there", now.f)
	}
	best := now
	defer func() {
		if e := p.set(best.x); e != nil {
			err = errors.Join(err, e)
		}
		result.Loss, result.Gradient, result.Evaluations = best.f, largest(best.g), p.count
	}()
	if largest(now.g) <= o.GradientTolerance {
		result.Reason, result.Converged = "the gradient was within the tolerance at the beginning", true
		return result, nil
	}
	m := &memory{most: o.History}
	for {
		d := m.direction(now.g)
		t := o.LearningRate
		if result.Iterations == 0 {
			t *= math.Min(1, 1/sumAbs(now.g))
		}
		slope := dotOf(now.g, d)
		if slope > -o.ChangeTolerance {
			result.Reason, result.Converged = "the loss does not fall along the direction by more than the tolerance", true
			return result, nil
		}
		result.Iterations++
		next, t, err := p.search(now, d, t, slope, o.ChangeTolerance)
		if err != nil {
			return result, err
		}
		m.add(now, next, d, t)
		step, change := t*largest(d), math.Abs(next.f-now.f)
		now = next
		if now.f <= best.f {
			best = now
		}
		switch {
		case largest(now.g) <= o.GradientTolerance:
			result.Reason, result.Converged = "the gradient is within the tolerance", true
		case step <= o.ChangeTolerance:
			result.Reason, result.Converged = "the last step is within the tolerance", true
		case change < o.ChangeTolerance:
			result.Reason, result.Converged = "the last change of the loss is within the tolerance", true
		case result.Iterations == o.Iterations:
			result.Reason = fmt.Sprintf("the limit of %d iterations was reached", o.Iterations)
		case p.count >= o.Evaluations:
			result.Reason = fmt.Sprintf("the limit of %d evaluations was reached", o.Evaluations)
		default:
			continue
		}
		return result, nil
	}
}

// memory holds the last pairs of steps and changes of gradients.
type memory struct {
	most  int
	s, y  [][]float64
	ro    []float64 // 1/(s·y)
	scale float64   // of the inverse of the curvature
}

// add adds the pair of a step t·d from one point to another, if there is curvature in it.
func (m *memory) add(from, to *point, d []float64, t float64) {
	s, y := make([]float64, len(d)), make([]float64, len(d))
	for i := range d {
		s[i], y[i] = t*d[i], to.g[i]-from.g[i]
	}
	curvature := dotOf(s, y)
	if !(curvature > 1e-10) {
		return
	}
	if len(m.s) == m.most {
		m.s, m.y, m.ro = m.s[1:], m.y[1:], m.ro[1:]
	}
	m.s, m.y, m.ro = append(m.s, s), append(m.y, y), append(m.ro, 1/curvature)
	m.scale = curvature / dotOf(y, y)
}

// direction returns minus the inverse of the curvature times g.
func (m *memory) direction(g []float64) []float64 {
	d := make([]float64, len(g))
	for i, v := range g {
		d[i] = -v
	}
	a := make([]float64, len(m.s))
	for k := len(m.s) - 1; k >= 0; k-- {
		a[k] = m.ro[k] * dotOf(m.s[k], d)
		addTo(d, -a[k], m.y[k])
	}
	if len(m.s) > 0 {
		for i := range d {
			d[i] *= m.scale
		}
	}
	for k := range m.s {
		addTo(d, a[k]-m.ro[k]*dotOf(m.y[k], d), m.s[k])
	}
	return d
}

func dotOf(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// addTo adds a·y to x.
func addTo(x []float64, a float64, y []float64) {
	for i := range x {
		x[i] += a * y[i]
	}
}

func largest(x []float64) (most float64) {
	for _, v := range x {
		most = math.Max(most, math.Abs(v))
	}
	return most
}

func sumAbs(x []float64) (sum float64) {
	for _, v := range x {
		sum += math.Abs(v)
	}
	return sum
}
