package diffusion

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/model"
)

// Settings are how data are made of noise. The zero value makes 50 steps without chance.
type Settings struct {
	Steps    int     // 50 if it is 0
	Eta      float64 // how much noise each step adds, of Gaussian processes only: 0 none (DDIM), 1 as much as DDPM
	Guidance float64 // how far labels push, see Model.Guided; 1, not at all, if it is 0
	Clip     float64 // limits what is taken for data to -Clip … Clip at each step; 0 does not
	Heun     bool    // has each step of a Flow look at its end too, and take the mean: twice the calls of the net, errors of second order
	Seed     int64   // of the noise that Eta adds

	// Reuse, if set, stands between the sampler and the net: it gets a number that changes as time does, from 1 to 2, and returns what the net computes, or what it computed at a
	// step before. The method Do of cache.Tea is such a function.
	Reuse func(signal float64, compute func() (*tensors.Tensor, error)) (*tensors.Tensor, error)
}

// Step is what there is after a step. Its tensors are good until the loop goes on: clone what is to be kept.
type Step struct {
	Number, Of int             // 1 … Of
	X          *tensors.Tensor // still with noise, but after the last step
	Data       *tensors.Tensor // what the net takes the data to be
}

// Sampler makes data of noise. It is for one goroutine.
type Sampler struct {
	m       Model
	s       Settings
	times   []float64
	predict *model.Exec // x, t, class → y
	update  *graph.Exec // x, y, t, t', state and, for Heun, y' → x', data, state'
}

// NewSampler returns a sampler of what a model has learned, whose variables are in a store. Close frees it.
func NewSampler(backend graph.Backend, store *model.Store, m Model, s Settings) (*Sampler, error) {
	fail := func(err error) (*Sampler, error) { return nil, fmt.Errorf("diffusion.NewSampler: %w", err) }
	if s.Steps == 0 {
		s.Steps = 50
	}
	if s.Guidance == 0 {
		s.Guidance = 1
	}
	_, flow := m.Process.(Flow)
	switch finite := func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }; {
	case m.Process == nil || m.Net == nil:
		return fail(errors.New("the model has no Process or no Net"))
	case !finite(s.Eta) || s.Eta < 0 || !finite(s.Clip) || s.Clip < 0 || !finite(s.Guidance):
		return fail(fmt.Errorf("the settings are Eta %v, Clip %v and Guidance %v: want numbers, the first two 0 and more", s.Eta, s.Clip, s.Guidance))
	case flow && s.Eta > 0:
		return fail(errors.New("the noise of Eta is that of a Gaussian process: a Flow has none"))
	case !flow && s.Heun:
		return fail(errors.New("steps of Heun are for a Flow: a Gaussian process has its own"))
	case s.Guidance != 1 && m.Classes == 0:
		return fail(errors.New("a Guidance needs labels, and the model has no Classes"))
	}
	times, err := m.Process.Path(s.Steps)
	if err != nil {
		return fail(err)
	}
	sampler := &Sampler{m: m, s: s, times: times}
	sampler.predict, err = model.NewExec(backend, store, func(scope *model.Scope, in []*graph.Node) *graph.Node {
		x := in[0]
		var class *graph.Node
		if m.Classes > 0 {
			class = m.labels(x, in[2])
		}
		return m.Guided(scope, x, m.Process.At(each(in[1], x)).Time, class, s.Guidance)
	})
	if err != nil {
		return fail(err)
	}
	if sampler.update, err = graph.NewExec(backend, sampler.step); err != nil {
		return fail(err)
	}
	return sampler, nil
}

// each returns a time, a scalar, for each of x.
func each(t, x *graph.Node) *graph.Node { return graph.BroadcastToDims(graph.Reshape(t, 1), x.Dim(0)) }

// step returns x at the next time, what the data are taken to be, and the state of the random numbers:
//
//	x' = A' · data + √(B'² - σ²) · noise + σ · n,   σ = η · B'/B · √(1 - (A/A')²)
//
// with data and noise of Solve, and n normal. For a Flow that is x + (t' - t)·y; for η = 1 it is the step of DDPM.
//
// Source: Song, Meng and Ermon, "Denoising Diffusion Implicit Models", 2020, arXiv:2010.02502, eq. 12 and 16.
func (s *Sampler) step(in []*graph.Node) []*graph.Node {
	x, y, state := in[0], in[1], in[4]
	if len(in) > 5 { // what the net makes of the end of a first step
		y = graph.DivScalar(graph.Add(y, in[5]), 2)
	}
	now, next := s.m.Process.At(each(in[2], x)), s.m.Process.At(each(in[3], x))
	data, noise := now.Solve(x, y)
	if s.s.Clip > 0 {
		data = graph.ClipScalar(data, -s.s.Clip, s.s.Clip)
		noise = mix(graph.Reciprocal(now.B), x, graph.Neg(graph.Div(now.A, now.B)), data) // that goes with it
	}
	if s.s.Eta == 0 {
		return []*graph.Node{mix(next.A, data, next.B, noise), data, state}
	}
	share := graph.Sqrt(graph.MaxScalar(graph.OneMinus(graph.Square(graph.Div(now.A, next.A))), 0))
	sigma := graph.MulScalar(graph.Mul(graph.Div(next.B, now.B), share), s.s.Eta)
	rest := graph.Sqrt(graph.MaxScalar(graph.Sub(graph.Square(next.B), graph.Square(sigma)), 0))
	state, n := graph.RandomNormal(state, x.Shape())
	return []*graph.Node{graph.Add(mix(next.A, data, rest, noise), mix(sigma, n, graph.ZerosLike(sigma), n)), data, state}
}

// Close frees the programs. Tensors that were made stay.
func (s *Sampler) Close() error {
	if s == nil || s.predict == nil {
		return nil
	}
	return errors.Join(s.predict.Close(), s.update.Close())
}

// Steps yields the steps from noise, [B, …], to data. classes, int32[B], are their labels, nil if the model has no Classes; what is Classes makes something of any. It ends with an
// error, as that of ctx, or when the loop is left; another loop begins anew, and makes the same of the same.
func (s *Sampler) Steps(ctx context.Context, noise, classes *tensors.Tensor) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		if err := s.steps(ctx, noise, classes, yield); err != nil {
			yield(Step{}, fmt.Errorf("diffusion: %w", err))
		}
	}
}

func (s *Sampler) steps(ctx context.Context, noise, classes *tensors.Tensor, yield func(Step, error) bool) error {
	switch {
	case s == nil || s.predict == nil:
		return errors.New("the sampler is a zero value: make one by NewSampler")
	case noise == nil:
		return errors.New("there is no noise")
	case (classes != nil) != (s.m.Classes > 0):
		return fmt.Errorf("the model has %d classes: labels are to be given if there are some, and only then", s.m.Classes)
	}
	state, err := graph.RNGStateFromSeed(s.s.Seed)
	if err != nil {
		return err
	}
	x := noise
	for i, t := range s.times[:s.s.Steps] {
		out, err := s.from(ctx, x, classes, state, t, s.times[i+1], float64(i)/float64(s.s.Steps))
		if err != nil {
			return err
		}
		x, state = out[0], out[2]
		if !yield(Step{Number: i + 1, Of: s.s.Steps, X: x, Data: out[1]}, nil) {
			return nil
		}
	}
	return nil
}

// from makes a step from time t to next, of which a part is done: it returns x, what the data are taken to be, and the state.
func (s *Sampler) from(ctx context.Context, x, classes, state *tensors.Tensor, t, next, done float64) ([]*tensors.Tensor, error) {
	y, err := s.call(ctx, x, classes, t, done)
	if err != nil {
		return nil, err
	}
	args := []any{x, y, float32(t), float32(next), state}
	out, err := s.update.CallContext(ctx, args...)
	if err == nil && s.s.Heun {
		var end *tensors.Tensor
		if end, err = s.call(ctx, out[0], classes, next, done); err == nil {
			out, err = s.update.CallContext(ctx, append(args, end)...)
		}
	}
	return out, err
}

// call has the net compute.
func (s *Sampler) call(ctx context.Context, x, classes *tensors.Tensor, t, done float64) (*tensors.Tensor, error) {
	compute := func() (*tensors.Tensor, error) {
		args := []any{x, float32(t)}
		if classes != nil {
			args = append(args, classes)
		}
		out, err := s.predict.CallContext(ctx, args...)
		if err != nil {
			return nil, err
		}
		return out[0], nil
	}
	if s.s.Reuse == nil {
		return compute()
	}
	if err := ctx.Err(); err != nil { // which what is reused would not see
		return nil, err
	}
	return s.s.Reuse(1+done, compute)
}

// Sample returns the data that Steps ends with.
func (s *Sampler) Sample(ctx context.Context, noise, classes *tensors.Tensor) (x *tensors.Tensor, err error) {
	for step, err := range s.Steps(ctx, noise, classes) {
		if err != nil {
			return nil, err
		}
		x = step.X
	}
	return x, nil
}

// Normal returns normally distributed numbers of a seed, noise to begin with.
func Normal(backend graph.Backend, seed int64, dims ...int) (*tensors.Tensor, error) {
	shape := shapes.Make(dtypes.Float32, dims...)
	return graph.CallOnce(backend, func(g *graph.Graph) *graph.Node {
		_, x := graph.RandomNormal(graph.RNGStateFromSeedForGraph(g, seed), shape)
		return x
	})
}
