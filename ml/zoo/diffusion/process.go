// Package diffusion makes pictures, or other arrays, of noise: a net learns what was mixed with data, and takes it out step by step.
//
//	m := diffusion.Model{Process: diffusion.Flow{}, Net: unet.Config{Widths: []int{32, 64}, Classes: 10}.Net, Classes: 10, Drop: 0.1}
//	trainer := train.NewTrainer(backend, store, m.Train, diffusion.Loss, optimizers.AdamW().LearningRate(1e-3).Done())
//	… // inputs are x, float32[B H W C] of about -1 to 1, and classes, int32[B]
//	s, err := diffusion.NewSampler(backend, store, m, diffusion.Settings{Steps: 30, Guidance: 2})
//	for step, err := range s.Steps(ctx, noise, classes) {
//		viz.Images(step.Data) // what the net takes the data to be, better at each step
//	}
//
// A process says how data and noise are mixed at each time: [Flow] in a straight line (flow matching), [Gaussian] by a schedule of many small steps (DDPM, DDIM).
package diffusion

import (
	"fmt"
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
)

// Process is how data become noise, and noise data. *Gaussian and Flow are such.
type Process interface {
	// Times returns times, float32[B], for uniform numbers of 0 to 1, float32[B], at which to learn.
	Times(uniform *graph.Node) *graph.Node
	// At returns what there is at times, float32[B].
	At(t *graph.Node) Mixture
	// Path returns the times from noise to data, n steps and the end.
	Path(n int) ([]float64, error)
}

// Mixture is what a process is at times, each float32[B] in float32: a net that is told Time sees the first, and learns the second:
//
//	z = A · data + B · noise
//	y = P · data + Q · noise
type Mixture struct{ A, B, P, Q, Time *graph.Node }

// Noised returns what the net sees of data, and what it is to make of that. data and noise are [B, …] of one shape.
func (m Mixture) Noised(data, noise *graph.Node) (z, y *graph.Node) {
	return mix(m.A, data, m.B, noise), mix(m.P, data, m.Q, noise)
}

// Solve returns data and noise of what the net saw and what it made of it, as if it had been right:
//
//	data  = (Q·z - B·y) / (A·Q - B·P)
//	noise = (A·y - P·z) / (A·Q - B·P)
func (m Mixture) Solve(z, y *graph.Node) (data, noise *graph.Node) {
	d := graph.Sub(graph.Mul(m.A, m.Q), graph.Mul(m.B, m.P))
	over := func(x *graph.Node) *graph.Node { return graph.Div(x, d) }
	return mix(over(m.Q), z, graph.Neg(over(m.B)), y), mix(over(m.A), y, graph.Neg(over(m.P)), z)
}

// mix returns a·x + b·y for a and b float32[B], x and y [B, …].
func mix(a, x, b, y *graph.Node) *graph.Node {
	if x.Rank() == 0 || !x.Shape().Equal(y.Shape()) || a.Rank() != 1 || a.Dim(0) != x.Dim(0) {
		graph.Errorf("diffusion: %s and %s are to be mixed at times %s: want arrays of one shape, [batch, …], and a time for each", x.Shape(), y.Shape(), a.Shape())
	}
	each := func(v *graph.Node) *graph.Node {
		dims := make([]int, x.Rank())
		for i := range dims {
			dims[i] = 1
		}
		dims[0] = x.Dim(0)
		return graph.Reshape(graph.ConvertDType(v, x.DType()), dims...)
	}
	return graph.Add(graph.Mul(each(a), x), graph.Mul(each(b), y))
}

// Flow is the straight line from noise, at time 0, to data, at time 1, along which a net learns the velocity:
//
//	z = t · data + (1-t) · noise
//	y = data - noise = dz/dt
//
// The net is told 1000·t.
//
// Source: Lipman et al., "Flow Matching for Generative Modeling", 2022, arXiv:2210.02747, eq. 22 and 23 with σ = 0; Liu, Gong and Liu, "Flow Straight and Fast", 2022,
// arXiv:2209.03003, eq. 1.
type Flow struct {
	// LogitNormal learns more in the middle of the way, at t = sigmoid(n) for normal n of this standard deviation; 0 learns everywhere alike. 1 is usual.
	//
	// Source: Esser et al., "Scaling Rectified Flow Transformers", 2024, arXiv:2403.03206, section 3.1, eq. 19.
	LogitNormal float64
}

// Times returns times of 0 to 1.
func (f Flow) Times(uniform *graph.Node) *graph.Node {
	if !(f.LogitNormal >= 0) || math.IsInf(f.LogitNormal, 0) {
		graph.Errorf("Flow: LogitNormal is %v, want 0 and more", f.LogitNormal)
	}
	if f.LogitNormal == 0 {
		return uniform
	}
	// The normal number of which so many are less: √2 · erf⁻¹(2u-1), kept away from the ends, where it is infinite.
	u := graph.ClipScalar(graph.AddScalar(graph.MulScalar(uniform, 2), -1), -1+1e-6, 1-1e-6)
	return graph.Sigmoid(graph.MulScalar(graph.ErfInv(u), math.Sqrt2*f.LogitNormal))
}

// At returns what there is at times.
func (f Flow) At(t *graph.Node) Mixture {
	one := graph.OnesLike(t)
	return Mixture{A: t, B: graph.Sub(one, t), P: one, Q: graph.Neg(one), Time: graph.MulScalar(t, 1000)}
}

// Path returns n + 1 times from 0 to 1, as far apart.
func (f Flow) Path(n int) ([]float64, error) {
	if n < 1 || n > maxSteps {
		return nil, fmt.Errorf("diffusion: %d steps, want 1 to %d", n, maxSteps)
	}
	times := make([]float64, n+1)
	for i := range times {
		times[i] = float64(i) / float64(n)
	}
	return times, nil
}

const maxSteps = 100_000

// Target is what a net learns to make of data with noise.
type Target int

// What a net may learn; each tells the others.
const (
	Noise    Target = iota // the noise (Ho et al. 2020)
	Data                   // the data
	Velocity               // √ᾱ · noise - √(1-ᾱ) · data (Salimans and Ho, "Progressive Distillation", 2022, arXiv:2202.00512, section 4)
)

// String returns its name.
func (t Target) String() string {
	if names := []string{"noise", "data", "velocity"}; t >= 0 && int(t) < len(names) {
		return names[t]
	}
	return fmt.Sprintf("Target(%d)", int(t))
}

// Gaussian is a process of many steps, each of which takes a little of the data and adds noise:
//
//	z = √ᾱ · data + √(1-ᾱ) · noise,   ᾱ[t] = Π (1 - β[s]) for s = 0 … t
//
// Its times are the numbers of steps, 0 for hardly any noise, and the net is told them; -1 is no noise. It does not change.
//
// Source: Ho, Jain and Abbeel, "Denoising Diffusion Probabilistic Models", 2020, arXiv:2006.11239, eq. 2 and 4.
type Gaussian struct {
	target Target
	bars   []float64 // log ᾱ of time -1, 0, …: of a small β nothing is left of 1 - ᾱ where ᾱ is rounded
}

// leastNormal is the smallest float32 with all its digits.
const leastNormal = 0x1p-126

// NewGaussian returns a process of some βs, each above 0 and below 1, of which the net learns a target.
func NewGaussian(betas []float64, target Target) (*Gaussian, error) {
	if len(betas) == 0 || len(betas) > maxSteps {
		return nil, fmt.Errorf("diffusion.NewGaussian: there are %d βs, want 1 to %d", len(betas), maxSteps)
	}
	if target < Noise || target > Velocity {
		return nil, fmt.Errorf("diffusion.NewGaussian: the target %v is not known: known are Noise, Data and Velocity", target)
	}
	p := &Gaussian{target: target, bars: []float64{0}}
	for i, b := range betas {
		if !(b > 0 && b < 1) {
			return nil, fmt.Errorf("diffusion.NewGaussian: β[%d] is %v, want more than 0 and less than 1", i, b)
		}
		if p.bars = append(p.bars, p.bars[i]+math.Log1p(-b)); float32(math.Sqrt(-math.Expm1(p.bars[i+1]))) < leastNormal {
			return nil, fmt.Errorf("diffusion.NewGaussian: β[%d] is %v: in float32 there is no noise so small, want 1e-70 or more", i, b)
		}
	}
	return p, nil
}

// room is n, or 0 for what no process has.
func room(n int) int {
	if n < 0 || n > maxSteps {
		return 0
	}
	return n
}

// LinearBetas returns n numbers from first to last, as far apart; for 1000 of them 1e-4 and 0.02 are usual. For less than 0 or more than 100,000 it returns none, which no
// process has.
//
// Source: Ho et al. 2020, section 4.
func LinearBetas(n int, first, last float64) []float64 {
	betas := make([]float64, room(n))
	for i := range betas {
		betas[i] = first
		if n > 1 {
			betas[i] += (last - first) * float64(i) / float64(n-1)
		}
	}
	return betas
}

// CosineBetas returns n numbers by which ᾱ falls as a square of a cosine, gently at both ends; none of less than 0 or more than 100,000:
//
//	β[t] = min(0.999, 1 - f(t+1)/f(t)),   f(t) = cos²((t/n + 0.008)/1.008 · π/2)
//
// Source: Nichol and Dhariwal, "Improved Denoising Diffusion Probabilistic Models", 2021, arXiv:2102.09672, eq. 17.
func CosineBetas(n int) []float64 {
	f := func(t int) float64 {
		c := math.Cos((float64(t)/float64(n) + 0.008) / 1.008 * math.Pi / 2)
		return c * c
	}
	betas := make([]float64, room(n))
	for t := range betas {
		betas[t] = min(0.999, 1-f(t+1)/f(t))
	}
	return betas
}

// Len returns the number of steps.
func (p *Gaussian) Len() int {
	if p == nil {
		return 0
	}
	return max(0, len(p.bars)-1)
}

// check has building a graph of no process fail in one sentence.
func (p *Gaussian) check() {
	if p.Len() == 0 {
		graph.Errorf("Gaussian: the process has no steps: make one by NewGaussian")
	}
}

// Times returns whole numbers from 0 to Len()-1.
func (p *Gaussian) Times(uniform *graph.Node) *graph.Node {
	p.check()
	n := float64(p.Len())
	return graph.MinScalar(graph.Floor(graph.MulScalar(uniform, n)), n-1)
}

// At returns what there is at times, whole numbers from -1 to Len()-1.
func (p *Gaussian) At(t *graph.Node) Mixture {
	p.check()
	signal, noise := make([]float32, len(p.bars)), make([]float32, len(p.bars))
	for i, bar := range p.bars {
		signal[i], noise[i] = float32(math.Exp(bar/2)), float32(math.Sqrt(-math.Expm1(bar)))
	}
	place := graph.ExpandAxes(graph.AddScalar(graph.ConvertDType(graph.Round(t), dtypes.Int32), 1), -1)
	at := func(table []float32) *graph.Node { return graph.Gather(graph.Const(t.Graph(), table), place) }
	m := Mixture{A: at(signal), B: at(noise), Time: t}
	zero, one := graph.ZerosLike(m.A), graph.OnesLike(m.A)
	switch p.target {
	case Noise:
		m.P, m.Q = zero, one
	case Data:
		m.P, m.Q = one, zero
	case Velocity:
		m.P, m.Q = graph.Neg(m.B), m.A
	}
	return m
}

// Path returns n of the times, from Len()-1 to 0, about as far apart, and -1.
func (p *Gaussian) Path(n int) ([]float64, error) {
	if n < 1 || n > p.Len() {
		return nil, fmt.Errorf("diffusion: %d steps of a process of %d, want 1 to %d", n, p.Len(), p.Len())
	}
	times := make([]float64, n+1)
	for i := range n {
		times[i] = float64(p.Len() - 1)
		if n > 1 {
			times[i] = math.Round(float64(p.Len()-1) * float64(n-1-i) / float64(n-1))
		}
	}
	times[n] = -1
	return times, nil
}
