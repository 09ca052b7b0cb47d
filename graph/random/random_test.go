package random_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/random"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// draws returns n numbers of a distribution, whose name has its parameters: "Gamma 0.9".
func draws(name string, state *graph.Node, d dtypes.DType, n int) *graph.Node {
	g := state.Graph()
	kind, rest, _ := strings.Cut(name, " ")
	var p []float64
	for _, word := range strings.Fields(rest) {
		var v float64
		fmt.Sscan(word, &v)
		p = append(p, v)
	}
	parameter := func(i int) *graph.Node { return graph.Scalar(g, d, p[i]) }
	shape := shapes.Make(d, n)
	var y *graph.Node
	switch kind {
	case "Exponential":
		_, y = random.Exponential(state, shape)
	case "Gumbel":
		_, y = random.Gumbel(state, shape)
	case "Laplace":
		_, y = random.Laplace(state, shape)
	case "TruncatedNormal":
		_, y = random.TruncatedNormal(state, p[0], p[1], shape)
	case "Gamma":
		_, y = random.Gamma(state, parameter(0), shape)
	case "Chi2":
		_, y = random.Chi2(state, parameter(0), shape)
	case "StudentT":
		_, y = random.StudentT(state, parameter(0), shape)
	case "Beta":
		_, y = random.Beta(state, parameter(0), parameter(1), shape)
	case "Poisson":
		_, y = random.Poisson(state, parameter(0), shape.WithDType(dtypes.Int32))
	case "Dirichlet":
		_, y = random.Dirichlet(state, graph.ConstAsDType(g, d, []float64{0.5, 1.5, 3}), n)
		y = graph.Squeeze(graph.SliceAxis(y, 1, graph.AxisElem(0)), 1)
	case "MultivariateNormal":
		_, y = random.MultivariateNormal(state, graph.ConstAsDType(g, d, []float64{1, -1}), graph.ConstAsDType(g, d, [][]float64{{2, 1}, {1, 3}}), n)
		y = graph.Squeeze(graph.SliceAxis(y, 1, graph.AxisElem(0)), 1)
	}
	return y
}

func start(g *graph.Graph) *graph.Node { return graph.RNGStateFromSeedForGraph(g, 7) }

// The part of the numbers below each quantile is what SciPy says, within four and a half standard deviations.
func TestDistributions(t *testing.T) {
	text, err := os.ReadFile("testdata/quantiles.json")
	require.NoError(t, err)
	var file struct{ Points map[string][][2]float64 }
	require.NoError(t, json.Unmarshal(text, &file))
	require.NotEmpty(t, file.Points)
	const n = 40000
	for name, points := range file.Points {
		for _, d := range []dtypes.DType{dtypes.Float32, dtypes.Float64} {
			if d == dtypes.Float64 && strings.HasPrefix(name, "Dirichlet") {
				continue // of three numbers to one
			}
			got, err := graph.CallOnce(gocpu.New(), func(g *graph.Graph) *graph.Node { return draws(name, start(g), d, n) })
			require.NoError(t, err, name)
			for _, p := range points {
				below := 0.0
				for i := range n {
					if got.Float64At(i) <= p[0] {
						below++
					}
				}
				assert.InDelta(t, p[1], below/n, 4.5*math.Sqrt(p[1]*(1-p[1])/n)+1e-12, "%s, %s: numbers up to %v", name, d, p[0])
			}
		}
	}
}

// The same state gives the same numbers on every engine, but for rounding.
func TestEnginesDrawAlike(t *testing.T) {
	for _, name := range []string{"Exponential", "Gumbel", "Laplace", "TruncatedNormal -1 2", "Gamma 0.1", "Gamma 3", "Chi2 3", "StudentT 4", "Beta 2 5", "Poisson 3", "Poisson 25", "Dirichlet", "MultivariateNormal"} {
		var all []*tensors.Tensor
		for _, b := range []ir.Backend{graphtest.Reference(), gocpu.New()} {
			got, err := graph.CallOnce(b, func(g *graph.Graph) *graph.Node { return draws(name, start(g), dtypes.Float64, 50) })
			require.NoError(t, err, name)
			all = append(all, got)
		}
		require.NoError(t, graphtest.Diff(all[1], all[0], ir.Tolerance{ULP: 1 << 12, Abs: 1 << 12}), name)
	}
}

func TestCategoricalAndChoice(t *testing.T) {
	const n = 40000
	out, err := graph.CallOnceN(gocpu.New(), func(g *graph.Graph) []*graph.Node {
		logits := graph.Log(graph.Const(g, [][]float32{{0.1, 0.2, 0.7, 0}, {0.25, 0.25, 0.25, 0.25}}))
		_, categories := random.Categorical(start(g), logits, n)
		x := graph.Const(g, []int32{10, 20, 30, 40})
		p := graph.Const(g, []float32{1, 2, 7, 0}) // need not have the sum 1
		_, again := random.Choice(start(g), x, n, true, p)
		_, alike := random.Choice(start(g), x, n, true)
		_, once := random.Choice(start(g), x, 3, false, p)
		_, order := random.Choice(start(g), x, 4, false)
		return []*graph.Node{categories, again, alike, once, order}
	})
	require.NoError(t, err)
	share := func(x *tensors.Tensor, of float64, from, step int) float64 {
		hits, all := 0.0, 0.0
		for i := from; i < x.Size(); i += step {
			if all++; x.Float64At(i) == of {
				hits++
			}
		}
		return hits / all
	}
	for k, p := range []float64{0.1, 0.2, 0.7, 0} {
		assert.InDelta(t, p, share(out[0], float64(k), 0, 2), 0.01)
		assert.InDelta(t, 0.25, share(out[0], float64(k), 1, 2), 0.01)
		assert.InDelta(t, p, share(out[1], float64(10*k+10), 0, 1), 0.01)
		assert.InDelta(t, 0.25, share(out[2], float64(10*k+10), 0, 1), 0.01)
	}
	assert.ElementsMatch(t, []int32{10, 20, 30}, tensors.MustCopyFlatData[int32](out[3]))
	assert.ElementsMatch(t, []int32{10, 20, 30, 40}, tensors.MustCopyFlatData[int32](out[4]))
}

// Values at the edges of parameters: infinities and NaN are results, and no loop goes on for ever.
func TestEdges(t *testing.T) {
	out, err := graph.CallOnceN(gocpu.New(), func(g *graph.Graph) []*graph.Node {
		bad := graph.Const(g, []float32{-1, 0, float32(math.NaN()), 1e-6})
		_, gamma := random.Gamma(start(g), bad, shapes.Make(dtypes.Float32, 4))
		rates := graph.Const(g, []float32{-1, float32(math.NaN()), float32(math.Inf(1)), 0})
		_, poisson := random.Poisson(start(g), rates, shapes.Make(dtypes.Int32, 4))
		_, none := random.Gamma(start(g), graph.Const(g, float32(1)), shapes.Make(dtypes.Float32, 0, 2))
		_, few := random.Poisson(start(g), graph.Const(g, float32(1)), shapes.Make(dtypes.Int32, 0))
		_, half := random.Gumbel(start(g), shapes.Make(dtypes.Float16, 1000))
		return []*graph.Node{gamma, poisson, none, few, half}
	})
	require.NoError(t, err)
	for i := range 3 {
		assert.True(t, math.IsNaN(out[0].Float64At(i)))
	}
	assert.GreaterOrEqual(t, out[0].Float64At(3), 0.0)
	assert.Equal(t, []int32{-1, -1, -1, 0}, out[1].Value())
	assert.Zero(t, out[2].Size())
	assert.Zero(t, out[3].Size())
	for i := range out[4].Size() {
		assert.False(t, math.IsInf(out[4].Float64At(i), 0))
	}
}

func TestStatesSplit(t *testing.T) {
	out, err := graph.CallOnceN(gocpu.New(), func(g *graph.Graph) []*graph.Node {
		var list []*graph.Node
		for _, s := range random.Split(start(g), 3) {
			_, x := graph.RandomUniform(s, shapes.Make(dtypes.Float64, 4))
			list = append(list, x)
		}
		return list
	})
	require.NoError(t, err)
	assert.False(t, out[0].Equal(out[1]) || out[1].Equal(out[2]) || out[0].Equal(out[2]))
}

// What flows to parameters of a location-scale family is right.
func TestGradientsOfMultivariateNormal(t *testing.T) {
	at := func(c float64) float64 {
		y, err := graph.CallOnce(gocpu.New(), func(g *graph.Graph) *graph.Node {
			_, y := random.MultivariateNormal(start(g), graph.Const(g, []float64{1, 2}), graph.Const(g, [][]float64{{2, c}, {c, 3}}), 5)
			return graph.ReduceAllSum(graph.Square(y))
		})
		require.NoError(t, err)
		return y.Float64At(0)
	}
	slope, err := graph.CallOnce(gocpu.New(), func(g *graph.Graph) *graph.Node {
		c := graph.Const(g, 0.5)
		covariance := graph.Add(graph.Const(g, [][]float64{{2, 0}, {0, 3}}), graph.Mul(c, graph.Const(g, [][]float64{{0, 1}, {1, 0}})))
		_, y := random.MultivariateNormal(start(g), graph.Const(g, []float64{1, 2}), covariance, 5)
		return graph.Gradient(graph.ReduceAllSum(graph.Square(y)), c)[0]
	})
	require.NoError(t, err)
	assert.InDelta(t, (at(0.5+1e-5)-at(0.5-1e-5))/2e-5, slope.Float64At(0), 1e-5)
}

func TestWhatDoesNotFit(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	s, f := start(g), shapes.Make(dtypes.Float32, 2)
	for want, fn := range map[string]func(){
		"random.Gumbel: the state is nil":                                                 func() { random.Gumbel(nil, f) },
		"random.Gumbel: the shape of the numbers, int32[2], is none of floats":            func() { random.Gumbel(s, f.WithDType(dtypes.Int32)) },
		"random.Poisson: the shape of the numbers, float32[2], is none of integers":       func() { random.Poisson(s, graph.Const(g, float32(1)), f) },
		"random.Gamma float32[3]: the parameter cannot be broadcast to [2]":               func() { random.Gamma(s, graph.Const(g, []float32{1, 2, 3}), f) },
		"random.TruncatedNormal: the range is from 2 to 1: the first must be the smaller": func() { random.TruncatedNormal(s, 2, 1, f) },
		"random.Choice int32[2]: 3 parts cannot be chosen from 2":                         func() { random.Choice(s, graph.Const(g, []int32{1, 2}), 3, false) },
		"random.Categorical: the logits: int32[2] is not a float":                         func() { random.Categorical(s, graph.Const(g, []int32{1, 2})) },
		"a mean of [b…, N] needs a covariance of [b…, N, N], of its dtype":                func() { random.MultivariateNormal(s, graph.Const(g, []float32{1}), graph.Const(g, []float32{1})) },
		"random.Split: there cannot be -1 states":                                         func() { random.Split(s, -1) },
	} {
		require.ErrorContains(t, graph.Catch(fn), want)
	}
}

// How numbers move with alpha is what the distribution says, for every alpha and for numbers in all of its parts.
func TestGradientsOfGamma(t *testing.T) {
	text, err := os.ReadFile("testdata/slopes.json")
	require.NoError(t, err)
	var file struct{ Slopes [][3]float64 }
	require.NoError(t, json.Unmarshal(text, &file))
	require.NotEmpty(t, file.Slopes)
	var alphas, logs []float64
	for _, row := range file.Slopes {
		alphas, logs = append(alphas, row[0]), append(logs, math.Log(row[1]))
	}
	for _, b := range []ir.Backend{graphtest.Reference(), gocpu.New()} {
		got, err := graph.CallOnce(b, func(g *graph.Graph) *graph.Node {
			return random.SlopeOfLogGamma(graph.Const(g, alphas), graph.Const(g, logs))
		})
		require.NoError(t, err)
		for i, row := range file.Slopes {
			assert.InEpsilon(t, row[2], got.Float64At(i), 1e-8, "alpha %v, x %v on %s", row[0], row[1], b.Name())
		}
	}
}

// The gradients of means, which all distributions made of gamma numbers have in closed form, are the means of gradients; and they are the same
// by JVP, and for a batch.
func TestGradientsReachParameters(t *testing.T) {
	const n = 5000
	shape := shapes.Make(dtypes.Float64, n)
	for name, c := range map[string]struct {
		at   float64
		of   func(state, p *graph.Node) *graph.Node
		want float64 // d mean / dp
	}{
		"Gamma":       {2.5, func(s, p *graph.Node) *graph.Node { _, y := random.Gamma(s, p, shape); return y }, 1},
		"small Gamma": {0.2, func(s, p *graph.Node) *graph.Node { _, y := random.Gamma(s, p, shape); return y }, 1},
		"log Gamma": {0.05, func(s, p *graph.Node) *graph.Node { // of numbers that a float32 has not
			_, y := random.Gamma(s, p, shape)
			return graph.Log(y)
		}, 0}, // see below
		"Chi2": {3, func(s, p *graph.Node) *graph.Node { _, y := random.Chi2(s, p, shape); return y }, 1},
		"Beta": {2, func(s, p *graph.Node) *graph.Node { // a/(a+3)
			_, y := random.Beta(s, p, graph.ConstAs(p, 3), shape)
			return y
		}, 3.0 / 25},
		"Beta's second": {2, func(s, p *graph.Node) *graph.Node { // 3/(3+b)
			_, y := random.Beta(s, graph.ConstAs(p, 3), p, shape)
			return y
		}, -3.0 / 25},
		"Dirichlet": {1.5, func(s, p *graph.Node) *graph.Node { // the first of (p, 1, 2)
			alpha := graph.Stack([]*graph.Node{p, graph.ConstAs(p, 1), graph.ConstAs(p, 2)}, 0)
			_, y := random.Dirichlet(s, alpha, n)
			return graph.SliceAxis(y, 1, graph.AxisElem(0))
		}, 3.0 / (4.5 * 4.5)},
		"StudentT": {9, func(s, p *graph.Node) *graph.Node { // its variance, v/(v-2)
			_, y := random.StudentT(s, p, shape)
			return graph.Square(y)
		}, -2.0 / 49},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "log Gamma" { // the derivative of the mean of logarithms, ψ(alpha)
				c.want = trigamma(c.at)
			}
			out, err := graph.CallOnceN(gocpu.New(), func(p *graph.Node) []*graph.Node {
				mean := func(p *graph.Node) *graph.Node { return graph.ReduceAllMean(c.of(start(p.Graph()), p)) }
				y := mean(p)
				_, pushed := graph.JVP([]*graph.Node{y}, []*graph.Node{p}, []*graph.Node{graph.ScalarOne(p.Graph(), p.DType())})
				return []*graph.Node{graph.Gradient(y, p)[0], pushed[0]}
			}, c.at)
			require.NoError(t, err)
			assert.InEpsilon(t, c.want, out[0].Float64At(0), 0.1)
			assert.InEpsilon(t, out[0].Float64At(0), out[1].Float64At(0), 1e-9)
		})
	}
}

// trigamma is ψ', by its sum.
func trigamma(x float64) (y float64) {
	const terms = 1e6
	for k := range int(terms) {
		y += 1 / ((x + float64(k)) * (x + float64(k)))
	}
	return y + 1/(x+terms)
}
