package diffusion_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/cache"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/ml/zoo/diffusion"
	"github.com/quire-ml/quire/ml/zoo/internal/reference"
)

// formula is the net of make.py.
func formula(_ *model.Scope, x, t, _ *graph.Node) *graph.Node {
	return graph.Add(graph.MulScalar(graph.Tanh(x), 0.5), graph.ExpandAxes(graph.Sin(graph.DivScalar(t, 100)), 1))
}

// steps is the number of steps of the processes in make.py.
const steps = 20

func betas(t *testing.T, name string) []float64 {
	switch name {
	case "linear":
		return diffusion.LinearBetas(steps, 1e-3, 0.2)
	case "cosine":
		return diffusion.CosineBetas(steps)
	}
	t.Fatal(name)
	return nil
}

func gaussian(t *testing.T, name string, target diffusion.Target) *diffusion.Gaussian {
	p, err := diffusion.NewGaussian(betas(t, name), target)
	require.NoError(t, err)
	return p
}

func sample(t *testing.T, m diffusion.Model, s diffusion.Settings, noise, classes *tensors.Tensor) []diffusion.Step {
	t.Helper()
	backend := backends.MustNew("go")
	defer backend.Close()
	sampler, err := diffusion.NewSampler(backend, model.NewStore(), m, s)
	require.NoError(t, err)
	defer sampler.Close()
	var list []diffusion.Step
	for step, err := range sampler.Steps(t.Context(), noise, classes) {
		require.NoError(t, err)
		list = append(list, step)
	}
	return list
}

func TestBetas(t *testing.T) {
	r := reference.Of(t, "betas")
	for _, name := range []string{"linear", "cosine"} {
		assert.InDeltaSlice(t, r[name].Data, betas(t, name), 1e-8, name)
	}
	for _, n := range []int{-1, 0, 100_001, math.MaxInt} {
		assert.Empty(t, diffusion.CosineBetas(n))
		assert.Empty(t, diffusion.LinearBetas(n, 1e-4, 0.02))
	}
}

func TestNoise(t *testing.T) {
	backend := backends.MustNew("go")
	defer backend.Close()
	for _, name := range []string{"linear", "cosine"} {
		r := reference.Of(t, "noised-"+name)
		p := gaussian(t, name, diffusion.Velocity)
		for step := range steps {
			got, err := graph.CallOnceN(backend, func(data, noise *graph.Node) []*graph.Node {
				at := p.At(graph.Const(data.Graph(), []float32{float32(step), float32(step)}))
				z, y := at.Noised(data, noise)
				d, n := at.Solve(z, y)
				return []*graph.Node{z, y, d, n}
			}, r["data"].Float32(), r["noise"].Float32())
			require.NoError(t, err)
			part := func(a reference.Array) reference.Array {
				return reference.Array{Dims: []int{2, 3}, Data: a.Data[6*step : 6*step+6]}
			}
			reference.Equal(t, part(r["z"]), got[0], 1e-6, "z")
			reference.Equal(t, part(r["velocity"]), got[1], 1e-6, "velocity")
			reference.Equal(t, r["data"], got[2], 1e-5, "data again")
			reference.Equal(t, r["noise"], got[3], 1e-5, "noise again")
		}
	}
}

func TestDDIM(t *testing.T) {
	for _, name := range []string{"linear", "cosine"} {
		for _, target := range []diffusion.Target{diffusion.Noise, diffusion.Data, diffusion.Velocity} {
			r := reference.Of(t, fmt.Sprintf("ddim-%s-%v", name, target))
			list := sample(t, diffusion.Model{Process: gaussian(t, name, target), Net: formula}, diffusion.Settings{Steps: 5}, r["noise"].Float32(), nil)
			require.Len(t, list, 5)
			within := 1e-5 * (1 + math.Abs(r["x"].Data[0])) // the first step of few divides by what is nearly 0
			reference.Equal(t, r["x"], list[4].X, 10*within, "x")
			reference.Equal(t, r["data"], list[4].Data, 10*within, "data")
			assert.Equal(t, 5, list[4].Number)
		}
	}
}

// TestDDPM draws steps with η = 1 from one place often, and compares mean and deviation with the posterior of the paper.
func TestDDPM(t *testing.T) {
	backend := backends.MustNew("go")
	defer backend.Close()
	const n = 4000
	for _, name := range []string{"linear", "cosine"} {
		r := reference.Of(t, "ddpm-"+name)
		m := diffusion.Model{Process: gaussian(t, name, diffusion.Noise), Net: formula}
		x := r["noise"].Data[:3]
		many := tensors.FromScalarAndDimensions(float32(0), n, 3)
		for i := range tensors.Flat[float32](many) {
			tensors.Flat[float32](many)[i] = float32(x[i%3])
		}
		sampler, err := diffusion.NewSampler(backend, model.NewStore(), m, diffusion.Settings{Steps: steps, Eta: 1, Clip: 1, Seed: 4})
		require.NoError(t, err)
		for i, at := range r["times"].Data {
			out, err := sampler.StepFrom(t.Context(), many, 4, at, at-1)
			require.NoError(t, err)
			for k := range 3 {
				mean, square := 0.0, 0.0
				for j := range n {
					v := float64(tensors.Flat[float32](out)[3*j+k])
					mean, square = mean+v/n, square+v*v/n
				}
				deviation := math.Sqrt(max(0, square-mean*mean))
				want := r["deviations"].Data[i]
				// Both are off by want/√n and want/√(2n) in the mean: five times that is no matter of luck, and the seed is fixed.
				assert.InDelta(t, r["means"].Data[6*i+k], mean, 5*want/math.Sqrt(n)+1e-5, "%s: mean at %v", name, at)
				assert.InDelta(t, want, deviation, 5*want/math.Sqrt(2*n)+1e-3, "%s: deviation at %v", name, at)
			}
		}
		sampler.Close()
	}
}

func TestFlow(t *testing.T) {
	for name, heun := range map[string]bool{"flow": false, "flow-heun": true} {
		r := reference.Of(t, name)
		list := sample(t, diffusion.Model{Process: diffusion.Flow{}, Net: formula}, diffusion.Settings{Steps: 4, Heun: heun}, r["noise"].Float32(), nil)
		require.Len(t, list, 4)
		reference.Equal(t, r["x"], list[3].X, 1e-5, name)
		reference.Equal(t, r["x"], list[3].Data, 1e-5, "at the end that is what the data are taken to be")
	}
}

// TestFlowTimes are uniform, or the sigmoid of normal numbers.
func TestFlowTimes(t *testing.T) {
	backend := backends.MustNew("go")
	defer backend.Close()
	u := []float32{0, 0.1, 0.5, 0.9}
	for deviation, want := range map[float64][]float64{0: {0, 0.1, 0.5, 0.9}, 1: {0.008, 0.2173, 0.5, 0.7827}} { // the normal number of which 0.9 are less is 1.2816
		got, err := graph.CallOnce(backend, func(u *graph.Node) *graph.Node { return diffusion.Flow{LogitNormal: deviation}.Times(u) }, u)
		require.NoError(t, err)
		for i, v := range tensors.Flat[float32](got) {
			assert.InDelta(t, want[i], float64(v), 5e-3, "%v of %v", u[i], deviation)
		}
	}
}

// TestGuidance has a net that returns its label: 4 stands for none.
func TestGuidance(t *testing.T) {
	label := func(_ *model.Scope, x, _, class *graph.Node) *graph.Node {
		return graph.BroadcastToShape(graph.ExpandAxes(graph.ConvertDType(class, x.DType()), 1), x.Shape())
	}
	noise, classes := tensors.FromScalarAndDimensions(float32(0), 2, 1), tensors.FromValue([]int32{1, 4})
	for guidance, want := range map[float64][]float32{0: {1, 4}, 1: {1, 4}, 3: {-5, 4}, -1: {7, 4}} {
		list := sample(t, diffusion.Model{Process: diffusion.Flow{}, Net: label, Classes: 4}, diffusion.Settings{Steps: 1, Guidance: guidance}, noise, classes)
		assert.Equal(t, want, tensors.Flat[float32](list[0].X), "a guidance of %v", guidance) // from 0 to 1 by the velocity
	}
}

// TestReuse serves steps by what others computed, and counts.
func TestReuse(t *testing.T) {
	noise := tensors.FromScalarAndDimensions(float32(0.5), 2, 3)
	m := diffusion.Model{Process: diffusion.Flow{}, Net: formula}
	plain := sample(t, m, diffusion.Settings{Steps: 20}, noise, nil)
	tea := cache.NewTea[*tensors.Tensor](0.1)
	saved := sample(t, m, diffusion.Settings{Steps: 20, Reuse: tea.Do}, noise, nil)
	computed, reused := tea.Counts()
	assert.Equal(t, 20, computed+reused)
	assert.GreaterOrEqual(t, reused, 6, "of 20 calls")
	assert.InDeltaSlice(t, tensors.Flat[float32](plain[19].X), tensors.Flat[float32](saved[19].X), 0.1)
	assert.NotEqual(t, tensors.Flat[float32](plain[19].X), tensors.Flat[float32](saved[19].X))
}

func TestCancelEndsWithinAStep(t *testing.T) {
	backend := backends.MustNew("go")
	defer backend.Close()
	noise := tensors.FromScalarAndDimensions(float32(0.5), 2, 3)
	for _, reuse := range []func(float64, func() (*tensors.Tensor, error)) (*tensors.Tensor, error){nil, cache.NewTea[*tensors.Tensor](10).Do} {
		sampler, err := diffusion.NewSampler(backend, model.NewStore(), diffusion.Model{Process: diffusion.Flow{}, Net: formula}, diffusion.Settings{Steps: 1000, Reuse: reuse})
		require.NoError(t, err)
		defer sampler.Close()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		n := 0
		for _, err := range sampler.Steps(ctx, noise, nil) {
			if n++; n == 5 {
				cancel()
			}
			if n > 5 {
				assert.ErrorIs(t, err, context.Canceled)
			}
		}
		assert.Equal(t, 6, n)
		for range sampler.Steps(t.Context(), noise, nil) { // who has enough leaves
			break
		}
	}
}

// flat is a small net for points in the plane.
func flat(scope *model.Scope, x, t, class *graph.Node) *graph.Node {
	h := layers.Dense(scope.In("x"), x, true, 64)
	h = graph.Add(h, layers.Dense(scope.In("t"), graph.ExpandAxes(graph.DivScalar(t, 1000), 1), true, 64))
	h = graph.Add(h, layers.Embedding(scope.In("class"), class, x.DType(), 3, 64))
	h = layers.Activation("silu", layers.Dense(scope.In("hidden"), layers.Activation("silu", h), true, 64))
	return layers.Dense(scope.In("out"), h, true, 2)
}

// TestTraining learns two spots in the plane, one for each label, by each process: what is made has their means and deviations.
func TestTraining(t *testing.T) {
	backend := backends.MustNew("go")
	defer backend.Close()
	const n = 256
	z, err := diffusion.Normal(backend, 9, n, 2)
	require.NoError(t, err)
	x, class := tensors.FromScalarAndDimensions(float32(0), n, 2), make([]int32, n)
	center := [][]float64{{1, 0.5}, {-0.5, -1}}
	for i := range n {
		class[i] = int32(i % 2)
		for k := range 2 {
			tensors.Flat[float32](x)[2*i+k] = float32(center[i%2][k]) + 0.2*tensors.Flat[float32](z)[2*i+k]
		}
	}
	thousand, err := diffusion.NewGaussian(diffusion.CosineBetas(1000), diffusion.Velocity)
	require.NoError(t, err)
	noise, err := diffusion.Normal(backend, 11, n, 2)
	require.NoError(t, err)
	for name, p := range map[string]diffusion.Process{"flow": diffusion.Flow{}, "gaussian": thousand} {
		ds, err := data.InMemory("spots", []any{x, class}, nil)
		require.NoError(t, err)
		m := diffusion.Model{Process: p, Net: flat, Classes: 2, Drop: 0.1}
		store := model.NewStore()
		trainer := train.NewTrainer(backend, store, m.Train, diffusion.Loss, optimizers.Adam().LearningRate(3e-3).Done())
		_, err = train.NewLoop(trainer).RunSteps(ds.BatchSize(64, true).Shuffle(1).Infinite(true), 600)
		require.NoError(t, err)
		sampler, err := diffusion.NewSampler(backend, store, m, diffusion.Settings{Steps: 30})
		require.NoError(t, err)
		made, err := sampler.Sample(t.Context(), noise, tensors.FromValue(class))
		require.NoError(t, err)
		sampler.Close()
		for of, c := range center {
			for k := range 2 {
				mean, square := 0.0, 0.0
				for i := of; i < n; i += 2 {
					v := float64(tensors.Flat[float32](made)[2*i+k])
					mean, square = mean+v/(n/2), square+v*v/(n/2)
				}
				assert.InDelta(t, c[k], mean, 0.15, "%s: mean of label %d", name, of)
				assert.Less(t, math.Sqrt(square-mean*mean), 0.45, "%s: deviation of label %d", name, of)
			}
		}
	}
}

func TestMistakes(t *testing.T) {
	backend := backends.MustNew("go")
	defer backend.Close()
	for _, c := range []struct {
		betas  []float64
		target diffusion.Target
		want   string
	}{
		{nil, diffusion.Noise, "diffusion.NewGaussian: there are 0 βs, want 1 to 100000"},
		{[]float64{0.1, 1}, diffusion.Noise, "diffusion.NewGaussian: β[1] is 1, want more than 0 and less than 1"},
		{[]float64{1e-90}, diffusion.Noise, "diffusion.NewGaussian: β[0] is 1e-90: in float32 there is no noise so small, want 1e-70 or more"},
		{[]float64{0.1}, 7, "diffusion.NewGaussian: the target Target(7) is not known: known are Noise, Data and Velocity"},
	} {
		_, err := diffusion.NewGaussian(c.betas, c.target)
		assert.EqualError(t, err, c.want)
	}
	flow := diffusion.Model{Process: diffusion.Flow{}, Net: formula}
	gauss := diffusion.Model{Process: gaussian(t, "linear", diffusion.Noise), Net: formula}
	for _, c := range []struct {
		m    diffusion.Model
		s    diffusion.Settings
		want string
	}{
		{diffusion.Model{}, diffusion.Settings{}, "the model has no Process or no Net"},
		{flow, diffusion.Settings{Steps: -1}, "diffusion: -1 steps, want 1 to 100000"},
		{gauss, diffusion.Settings{Steps: 21}, "diffusion: 21 steps of a process of 20, want 1 to 20"},
		{flow, diffusion.Settings{Eta: 1}, "the noise of Eta is that of a Gaussian process: a Flow has none"},
		{gauss, diffusion.Settings{Steps: 5, Heun: true}, "steps of Heun are for a Flow: a Gaussian process has its own"},
		{flow, diffusion.Settings{Guidance: 2}, "a Guidance needs labels, and the model has no Classes"},
		{flow, diffusion.Settings{Clip: math.NaN()}, "the settings are Eta 0, Clip NaN and Guidance 1: want numbers, the first two 0 and more"},
	} {
		_, err := diffusion.NewSampler(backend, model.NewStore(), c.m, c.s)
		assert.EqualError(t, err, "diffusion.NewSampler: "+c.want)
	}
	sampler, err := diffusion.NewSampler(backend, model.NewStore(), flow, diffusion.Settings{})
	require.NoError(t, err)
	defer sampler.Close()
	noise := tensors.FromScalarAndDimensions(float32(0.5), 2, 3)
	_, err = sampler.Sample(t.Context(), nil, nil)
	assert.EqualError(t, err, "diffusion: there is no noise")
	_, err = sampler.Sample(t.Context(), noise, tensors.FromValue([]int32{1, 2}))
	assert.EqualError(t, err, "diffusion: the model has 0 classes: labels are to be given if there are some, and only then")
	_, err = new(diffusion.Sampler).Sample(t.Context(), noise, nil)
	assert.EqualError(t, err, "diffusion: the sampler is a zero value: make one by NewSampler")
	_, err = model.CallOnce(backend, model.NewStore(), diffusion.Model{Process: diffusion.Flow{}, Net: formula, Classes: 2}.Train, noise)
	assert.ErrorContains(t, err, "diffusion: 1 inputs for a model of 2 classes, want 2: data, floats of [batch, …], and labels if there are classes")
	_, err = graph.CallOnce(backend, func(x *graph.Node) *graph.Node { return new(diffusion.Gaussian).At(x).A }, []float32{1})
	assert.ErrorContains(t, err, "Gaussian: the process has no steps: make one by NewGaussian")
}

// ExampleSampler makes points by a net that knows where all of them belong, at 3: along straight lines, so that one step does.
func ExampleSampler() {
	backend := backends.MustNew("go")
	defer backend.Close()
	m := diffusion.Model{Process: diffusion.Flow{}, Net: func(_ *model.Scope, x, t, _ *graph.Node) *graph.Node {
		left := graph.OneMinus(graph.DivScalar(t, 1000)) // of the way
		return graph.Div(graph.AddScalar(graph.Neg(x), 3), graph.ExpandAxes(left, 1))
	}}
	s, err := diffusion.NewSampler(backend, model.NewStore(), m, diffusion.Settings{Steps: 4})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	for step, err := range s.Steps(context.Background(), tensors.FromValue([][]float32{{-1}, {7}}), nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(step.Number, "of", step.Of, step.X.Value(), step.Data.Value())
	}
	// Output:
	// 1 of 4 [[0] [6]] [[3] [3]]
	// 2 of 4 [[1] [5]] [[3] [3]]
	// 3 of 4 [[2] [4]] [[3] [3]]
	// 4 of 4 [[3] [3]] [[3] [3]]
}

// Of a β of which nothing is left beside 1 there is noise all the same: its root.
func TestTinyBetas(t *testing.T) {
	backend := backends.MustNew("go")
	defer backend.Close()
	p, err := diffusion.NewGaussian([]float64{1e-30, 1e-18, 1e-12}, diffusion.Noise)
	require.NoError(t, err)
	b, err := graph.CallOnce(backend, func(x *graph.Node) *graph.Node { return p.At(x).B }, []float32{-1, 0, 1, 2})
	require.NoError(t, err)
	for i, want := range []float64{0, 1e-15, 1e-9, 1e-6} {
		require.InDelta(t, want, b.Float64At(i), 1e-6*want)
	}
}
