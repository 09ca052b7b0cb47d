package layers

import (
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/fast"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/names"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/model"
)

// Rotary says how [RotaryPositions] turns vectors. The zero value is that of the paper.
type Rotary struct {
	Base        float64       // of the wavelengths; 10000 if it is 0
	Dims        int           // how many of the first numbers of a vector are turned, an even number; all if it is 0
	Interleaved bool          // pairs are neighbours, not the two halves
	Scaling     RotaryScaling // for texts longer than those of training; none if it is ""
	Factor      float64       // how many times longer

	OriginalLength int     // that of training, for YaRN and Llama3
	LowFrequency   float64 // of Llama3: wavelengths above OriginalLength/LowFrequency are scaled; 1 if it is 0
	HighFrequency  float64 // of Llama3: wavelengths below OriginalLength/HighFrequency are not; 4 if it is 0
	SlowTurns      float64 // of YaRN: what turns less often over OriginalLength is scaled; 1 if it is 0
	FastTurns      float64 // of YaRN: what turns more often is not; 32 if it is 0
}

// RotaryScaling is a way to use rotary positions beyond the length of training.
type RotaryScaling string

// The ways.
const (
	LinearRotary RotaryScaling = "linear" // positions are divided by Factor: Chen et al., "Position Interpolation", 2023, arXiv:2306.15595
	NTKRotary    RotaryScaling = "ntk"    // Base grows by Factor^(d/(d-2)), so that the slowest pair is divided by Factor
	YaRNRotary   RotaryScaling = "yarn"   // slow pairs are divided, fast ones not: Peng et al., "YaRN", 2023, arXiv:2309.00071
	Llama3Rotary RotaryScaling = "llama3" // the same with other limits: Llama 3.1, as in Hugging Face transformers
)

// RotaryPositions turns pairs of numbers of each vector by an angle that grows with its position, so that products of two vectors depend on
// the distance of their positions:
//
//	y[i] = x[i]·cos(p·θ[i]) - x[i + d/2]·sin(p·θ[i]),   θ[i] = base^(-2i/d),   i = 0 … d/2-1
//	y[i + d/2] = x[i + d/2]·cos(p·θ[i]) + x[i]·sin(p·θ[i])
//
// x is [B, T, H, D], a float; positions are integers [T] or [B, T]; the result has x's shape and dtype. Angles are computed in float32
// at least. It is [fast.RoPE] with positions and the scalings of [Rotary].
//
// Source: Su et al., "RoFormer", 2021, arXiv:2104.09864, eq. 15 and 34, with pairs in halves as in GPT-NeoX.
func RotaryPositions(x, positions *graph.Node, rotary Rotary) *graph.Node {
	needFloat("RotaryPositions", x)
	d := rotary.Dims
	if d == 0 && x.Rank() == 4 {
		d = x.Dim(-1)
	}
	switch {
	case x.Rank() != 4 || d < 2 || d%2 != 0 || d > x.Dim(-1):
		graph.Errorf("RotaryPositions %s of %d dimensions: want [batch, time, heads, size] and an even number of dimensions up to the size", x.Shape(), d)
	case !positions.DType().IsInt() || positions.Rank() < 1 || positions.Rank() > 2 || positions.Dim(-1) != x.Dim(1) || positions.Rank() == 2 && positions.Dim(0) != x.Dim(0):
		graph.Errorf("RotaryPositions %s: positions %s, want integers [%d] or [%d %d]", x.Shape(), positions.Shape(), x.Dim(1), x.Dim(0), x.Dim(1))
	}
	periods, size := rotary.Periods(d)
	return fast.RoPE(x).TimeAxis(1).Dims(d).Traditional(rotary.Interleaved).Positions(positions).Magnitude(size).
		Frequencies(graph.ConstAsDType(x.Graph(), wide(x.DType()), periods)).Done()
}

// or returns x, or other if x is 0.
func or(x, other float64) float64 {
	if x == 0 {
		return other
	}
	return x
}

// Periods returns what [fast.RoPEBuilder.Frequencies] takes for vectors of which d numbers are turned, an even number: for each pair 1/θ[i], what a position
// is divided by, with the scaling; and what its Magnitude takes. Inside of a graph's function it panics with a *graph.Error if the numbers of r make no
// sense together.
func (r Rotary) Periods(d int) (periods []float64, magnitude float64) {
	if d < 2 || d%2 != 0 || d > 1<<20 { // far beyond any head
		graph.Errorf("Rotary.Periods of %d dimensions: want an even number of them, 2^20 at most", d)
	}
	periods, magnitude = r.frequencies(d)
	for i, f := range periods {
		periods[i] = 1 / f
	}
	return periods, magnitude
}

// frequencies returns the angle per position of each pair, and what cosines and sines are multiplied by.
func (r Rotary) frequencies(d int) (theta []float64, size float64) {
	base, factor := or(r.Base, 10000), or(r.Factor, 1)
	length := float64(r.OriginalLength)
	if !(base > 1) || !(factor > 0) || (r.Scaling == YaRNRotary || r.Scaling == Llama3Rotary) && length < 1 {
		graph.Errorf("RotaryPositions: base %g, factor %g, original length %d: want a base above 1, a positive factor, and for %q the length of training", base, factor, r.OriginalLength, YaRNRotary)
	}
	if r.Scaling == NTKRotary {
		base *= math.Pow(factor, float64(d)/math.Max(1, float64(d-2)))
	}
	theta, size = make([]float64, d/2), 1
	for i := range theta {
		theta[i] = math.Pow(base, -2*float64(i)/float64(d))
	}
	scaled := func(share func(i int) float64) { // the rest is as it was
		for i := range theta {
			s := share(i)
			theta[i] = s*theta[i]/factor + (1-s)*theta[i]
		}
	}
	switch r.Scaling {
	case "", NTKRotary:
	case LinearRotary:
		scaled(func(int) float64 { return 1 })
	case YaRNRotary:
		pair := func(turns float64) float64 { // the one that turns so often over the original length: eq. 17, solved for it
			return float64(d) * math.Log(length/(turns*2*math.Pi)) / (2 * math.Log(base))
		}
		low, high := math.Max(0, math.Floor(pair(or(r.FastTurns, 32)))), math.Min(float64(d-1), math.Ceil(pair(or(r.SlowTurns, 1))))
		scaled(func(i int) float64 { return min(1, max(0, (float64(i)-low)/math.Max(0.001, high-low))) })
		size = math.Max(1, 0.1*math.Log(factor)+1) // section 3.4
	case Llama3Rotary:
		low, high := or(r.LowFrequency, 1), or(r.HighFrequency, 4)
		before := append([]float64(nil), theta...)
		scaled(func(i int) float64 {
			turns := length * before[i] / (2 * math.Pi)
			return 1 - min(1, max(0, (turns-low)/(high-low)))
		})
	default:
		graph.Errorf("RotaryPositions: the scaling %q is unknown%s (want %q, %q, %q or %q)", r.Scaling, names.Hint(string(r.Scaling), []string{string(LinearRotary), string(NTKRotary), string(YaRNRotary), string(Llama3Rotary)}), LinearRotary, NTKRotary, YaRNRotary, Llama3Rotary)
	}
	return theta, size
}

// alibiSlopes returns how fast the scores of each head fall with distance.
func alibiSlopes(heads int) (slopes []float64) {
	whole := 1
	for 2*whole <= heads {
		whole *= 2
	}
	for h := range whole {
		slopes = append(slopes, math.Exp2(-8*float64(h+1)/float64(whole)))
	}
	for h := range heads - whole { // every other one of twice as many
		slopes = append(slopes, math.Exp2(-8*float64(2*h+1)/float64(2*whole)))
	}
	return slopes
}

// LearnedPositions adds a vector that is learned for each position:
//
//	y[b, t, :] = x[b, t, :] + positions[t, :]
//
// x is [B, T, C], a float, with T up to maxLength; positions are [maxLength, C] and begin with a normal distribution of standard
// deviation 0.02, unless the scope has an initializer.
//
// Source: Gehring et al., "Convolutional Sequence to Sequence Learning", 2017, arXiv:1705.03122, section 3.1.
func LearnedPositions(scope *model.Scope, x *graph.Node, maxLength int) *graph.Node {
	needFloat("LearnedPositions", x)
	if x.Rank() != 3 || x.Dim(1) > maxLength {
		graph.Errorf("LearnedPositions %s up to %d: want [batch, time, channels] and no more times than that", x.Shape(), maxLength)
	}
	scope = scope.Layer("LearnedPositions", x)
	scope = scope.WithInitializer(scope.InitializerOr(initializers.RandomNormalFn(0.02))) // 0.02: GPT-2
	table := scope.VariableWithShape("positions", shapes.Make(x.DType(), maxLength, x.Dim(2))).NodeValue(x)
	rows := graph.SliceAxis(table, 0, graph.AxisRange(0, x.Dim(1)))
	return scope.Result(graph.Add(x, graph.ExpandAxes(rows, 0)))
}

// SinusoidalPositions adds sines and cosines of each position:
//
//	y[b, t, 2i]   = x[b, t, 2i] + sin(t / 10000^(2i/C))
//	y[b, t, 2i+1] = x[b, t, 2i+1] + cos(t / 10000^(2i/C))
//
// x is [B, T, C], a float.
//
// Source: Vaswani et al. 2017, section 3.5.
func SinusoidalPositions(x *graph.Node) *graph.Node {
	needFloat("SinusoidalPositions", x)
	if x.Rank() != 3 {
		graph.Errorf("SinusoidalPositions %s: want [batch, time, channels]", x.Shape())
	}
	times, channels := x.Dim(1), x.Dim(2)
	scale, shift := make([]float64, channels), make([]float64, channels)
	for c := range channels {
		scale[c] = math.Pow(10000, -float64(c/2*2)/float64(channels))
		shift[c] = float64(c%2) * math.Pi / 2 // cos(a) = sin(a + π/2)
	}
	g, w := x.Graph(), dtypes.Float64 // of constants: they are folded
	t := graph.Iota(g, shapes.Make(w, times, channels), 0)
	row := func(values []float64) *graph.Node {
		return graph.Reshape(graph.ConstAsDType(g, w, values), 1, channels)
	}
	waves := graph.Sin(graph.Add(graph.Mul(t, row(scale)), row(shift)))
	sum := graph.Add(graph.ConvertDType(x, wide(x.DType())), graph.ExpandAxes(graph.ConvertDType(waves, wide(x.DType())), 0))
	return graph.ConvertDType(sum, x.DType())
}
