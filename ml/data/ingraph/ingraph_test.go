package ingraph

import (
	"math"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type node = graph.Node

// noise returns n pictures of h by w pixels and c channels, between 0.1 and 0.5.
func noise(n, h, w, c int) *tensors.Tensor {
	r := data.Rand(1)
	x := make([]float32, n*h*w*c)
	for i := range x {
		x[i] = 0.1 + 0.4*r.Float32()
	}
	return tensors.FromFlatDataAndDimensions(x, n, h, w, c)
}

func oneHot(n, classes int) *tensors.Tensor {
	y := make([]float32, n*classes)
	for i := range n {
		y[i*classes+i%classes] = 1
	}
	return tensors.FromFlatDataAndDimensions(y, n, classes)
}

// changes are the functions of this package that change pictures.
var changes = map[string]func(state, x, y *node) (next, newX, newY *node){
	"RandomFlip": func(s, x, y *node) (_, _, _ *node) { s, x = RandomFlip(s, x, 0.5, 0.3); return s, x, y },
	"RandomCrop": func(s, x, y *node) (_, _, _ *node) { s, x = RandomCrop(s, x, 3); return s, x, y },
	"RandomAffine": func(s, x, y *node) (_, _, _ *node) {
		s, x = RandomAffine(s, x, Affine{Rotate: 30, Scale: 0.2, Shift: 2, Shear: 10})
		return s, x, y
	},
	"ColorJitter": func(s, x, y *node) (_, _, _ *node) { s, x = ColorJitter(s, x, Jitter{0.3, 0.4, 0.5}); return s, x, y },
	"Cutout":      func(s, x, y *node) (_, _, _ *node) { s, x = Cutout(s, x, 3); return s, x, y },
	"MixUp":       func(s, x, y *node) (_, _, _ *node) { return MixUp(s, x, y, 0.4) },
	"CutMix":      func(s, x, y *node) (_, _, _ *node) { return CutMix(s, x, y, 1) },
}

func apply(t testing.TB, b ir.Backend, seed int64, change func(s, x, y *node) (_, _, _ *node), x, y *tensors.Tensor, d dtypes.DType) []*tensors.Tensor {
	t.Helper()
	out, err := graph.CallOnceN(b, func(in []*node) []*node {
		g := in[0].Graph()
		next, newX, newY := change(graph.RNGStateFromSeedForGraph(g, seed), graph.ConvertDType(in[0], d), graph.ConvertDType(in[1], d))
		return []*node{next, newX, newY}
	}, x, y)
	require.NoError(t, err)
	return out
}

// The same state gives the same pictures on every engine, but for rounding; another one gives others.
func TestEnginesChangeAlike(t *testing.T) {
	x, y := noise(5, 9, 7, 3), oneHot(5, 4)
	for name, change := range changes {
		for _, d := range []dtypes.DType{dtypes.Float32, dtypes.Float64, dtypes.BFloat16} {
			want := apply(t, graphtest.Reference(), 3, change, x, y, d)
			got := apply(t, gocpu.New(), 3, change, x, y, d)
			for i := range want {
				tolerance := ir.Tolerance{Abs: 1e-5 / 1e-16}
				require.NoError(t, graphtest.Diff(got[i], want[i], tolerance), "%s, %s, result %d", name, d, i)
			}
			assert.Equal(t, d, got[1].DType(), name)
			assert.Equal(t, x.Shape().Dimensions, got[1].Shape().Dimensions, name)
			assert.NotEqual(t, []uint64{3, 0, 0}, tensors.Flat[uint64](got[0]), "%s does not advance the state", name)
			again := apply(t, gocpu.New(), 4, change, x, y, d)
			assert.NotEqual(t, got[1].GoStr(), again[1].GoStr(), "%s does the same for another state", name)
		}
	}
}

// at returns x[n, i, j, c].
func at(x *tensors.Tensor, n, i, j, c int) float64 {
	d := x.Shape().Dimensions
	return x.Float64At(((n*d[1]+i)*d[2]+j)*d[3] + c)
}

// same reports whether each pixel of picture n of got is that of x at the place that from gives, or 0 outside.
func same(got, x *tensors.Tensor, n int, from func(i, j int) (int, int)) bool {
	d := x.Shape().Dimensions
	for i := range d[1] {
		for j := range d[2] {
			u, v := from(i, j)
			for c := range d[3] {
				want := 0.0
				if u >= 0 && u < d[1] && v >= 0 && v < d[2] {
					want = at(x, n, u, v, c)
				}
				if math.Abs(at(got, n, i, j, c)-want) > 1e-5 {
					return false
				}
			}
		}
	}
	return true
}

func TestRandomFlip(t *testing.T) {
	x, y := noise(40, 4, 5, 2), oneHot(40, 2)
	out := apply(t, gocpu.New(), 1, func(s, x, y *node) (_, _, _ *node) { s, x = RandomFlip(s, x, 0.5, 0.25); return s, x, y }, x, y, dtypes.Float32)[1]
	seen := map[[2]bool]int{}
	for n := range 40 {
		for _, f := range [][2]bool{{false, false}, {true, false}, {false, true}, {true, true}} {
			if same(out, x, n, func(i, j int) (int, int) {
				if f[0] {
					j = 4 - j
				}
				if f[1] {
					i = 3 - i
				}
				return i, j
			}) {
				seen[f]++
			}
		}
	}
	assert.Equal(t, 40, seen[[2]bool{}]+seen[[2]bool{true}]+seen[[2]bool{false, true}]+seen[[2]bool{true, true}])
	assert.InDelta(t, 20, seen[[2]bool{true}]+seen[[2]bool{true, true}], 10)        // deviation 3.2
	assert.InDelta(t, 10, seen[[2]bool{false, true}]+seen[[2]bool{true, true}], 10) // deviation 2.7
}

func TestRandomCrop(t *testing.T) {
	x, y := noise(30, 4, 5, 2), oneHot(30, 2)
	out := apply(t, gocpu.New(), 1, func(s, x, y *node) (_, _, _ *node) { s, x = RandomCrop(s, x, 1); return s, x, y }, x, y, dtypes.Float32)[1]
	seen := map[[2]int]bool{}
	for n := range 30 {
		found := 0
		for dy := -1; dy <= 1; dy++ {
			for dx := -1; dx <= 1; dx++ {
				if same(out, x, n, func(i, j int) (int, int) { return i + dy, j + dx }) {
					seen[[2]int{dy, dx}] = true
					found++
				}
			}
		}
		assert.Equal(t, 1, found, "picture %d", n)
	}
	assert.Greater(t, len(seen), 5)
}

func TestMovedIsWhatItSays(t *testing.T) {
	for name, c := range map[string]struct {
		theta, shear, scale, tx, ty float64
		from                        func(i, j int) (int, int)
	}{
		"nothing":           {0, 0, 1, 0, 0, func(i, j int) (int, int) { return i, j }},
		"right and down":    {0, 0, 1, 2, 1, func(i, j int) (int, int) { return i - 1, j - 2 }},
		"a quarter":         {math.Pi / 2, 0, 1, 0, 0, func(i, j int) (int, int) { return 4 - j, i }}, // clockwise: what was on top is at the right
		"half, and shifted": {math.Pi, 0, 1, 1, 0, func(i, j int) (int, int) { return 4 - i, 5 - j }},
		"sheared by 45°":    {0, math.Pi / 4, 1, 0, 0, func(i, j int) (int, int) { return i, j - (i - 2) }},
	} {
		x := noise(2, 5, 5, 3)
		out, err := graph.CallOnceN(gocpu.New(), func(in []*node) []*node {
			k := func(v float64) *node {
				return graph.BroadcastToDims(graph.Scalar(in[0].Graph(), dtypes.Float32, v), 2, 1)
			}
			return []*node{moved(in[0], k(c.theta), k(c.shear), k(1/c.scale), k(c.tx), k(c.ty))}
		}, x)
		require.NoError(t, err)
		for n := range 2 {
			assert.True(t, same(out[0], x, n, c.from), "%s, picture %d", name, n)
		}
	}
	// Twice as large: a pixel of the result comes from half as far from the centre. A plane is interpolated exactly, also if sides differ.
	plane := make([]float32, 4*6)
	for i := range plane {
		plane[i] = float32(10 + i/6 + 2*(i%6))
	}
	out, err := graph.CallOnceN(gocpu.New(), func(in []*node) []*node {
		k := func(v float64) *node {
			return graph.BroadcastToDims(graph.Scalar(in[0].Graph(), dtypes.Float32, v), 1, 1)
		}
		return []*node{moved(in[0], k(0), k(0), k(0.5), k(0), k(0)), moved(in[0], k(0.3), k(0), k(0.5), k(0), k(0))}
	}, tensors.FromFlatDataAndDimensions(plane, 1, 4, 6, 1))
	require.NoError(t, err)
	for i := range 4 {
		for j := range 6 {
			dy, dx := float64(i)-1.5, float64(j)-2.5
			assert.InDelta(t, 10+1.5+dy/2+2*(2.5+dx/2), at(out[0], 0, i, j, 0), 1e-4)
			u, v := (math.Cos(0.3)*dx+math.Sin(0.3)*dy)/2, (-math.Sin(0.3)*dx+math.Cos(0.3)*dy)/2
			assert.InDelta(t, 10+1.5+v+2*(2.5+u), at(out[1], 0, i, j, 0), 1e-4)
		}
	}
}

func TestColorJitter(t *testing.T) {
	x, y := noise(6, 4, 5, 3), oneHot(6, 2)
	jitter := func(j Jitter) *tensors.Tensor {
		return apply(t, gocpu.New(), 1, func(s, x, y *node) (_, _, _ *node) { s, x = ColorJitter(s, x, j); return s, x, y }, x, y, dtypes.Float32)[1]
	}
	light := func(x *tensors.Tensor, n, i, j int) float64 {
		return 0.299*at(x, n, i, j, 0) + 0.587*at(x, n, i, j, 1) + 0.114*at(x, n, i, j, 2)
	}
	same, bright, contrast, saturation := jitter(Jitter{}), jitter(Jitter{Brightness: 0.5}), jitter(Jitter{Contrast: 0.3}), jitter(Jitter{Saturation: 0.3})
	factors := map[int64]bool{}
	for n := range 6 {
		factor := at(bright, n, 0, 0, 0) / at(x, n, 0, 0, 0)
		factors[int64(1e4*factor)] = true
		require.InDelta(t, 1, factor, 0.5)
		before, after := 0.0, 0.0
		for i := range 4 {
			for j := range 5 {
				for c := range 3 {
					require.InDelta(t, at(x, n, i, j, c), at(same, n, i, j, c), 1e-6)
					require.InDelta(t, factor*at(x, n, i, j, c), at(bright, n, i, j, c), 1e-5)
				}
				before += light(x, n, i, j)
				after += light(contrast, n, i, j)
				require.InDelta(t, light(x, n, i, j), light(saturation, n, i, j), 1e-5, "saturation keeps the luminance of a pixel")
			}
		}
		require.InDelta(t, before, after, 1e-4, "contrast keeps the mean luminance")
		assert.NotEqual(t, at(x, n, 1, 1, 0), at(contrast, n, 1, 1, 0))
		assert.NotEqual(t, at(x, n, 1, 1, 0), at(saturation, n, 1, 1, 0))
	}
	assert.Len(t, factors, 6, "each picture has a factor of its own")
}

func TestCutout(t *testing.T) {
	x, y := noise(20, 6, 7, 2), oneHot(20, 2)
	out := apply(t, gocpu.New(), 1, func(s, x, y *node) (_, _, _ *node) { s, x = Cutout(s, x, 3); return s, x, y }, x, y, dtypes.Float32)[1]
	full := 0
	for n := range 20 {
		top, bottom, left, right, zeros := 6, -1, 7, -1, 0
		for i := range 6 {
			for j := range 7 {
				if at(out, n, i, j, 0) == 0 {
					require.Zero(t, at(out, n, i, j, 1))
					top, bottom, left, right, zeros = min(top, i), max(bottom, i), min(left, j), max(right, j), zeros+1
					continue
				}
				require.Equal(t, at(x, n, i, j, 1), at(out, n, i, j, 1))
			}
		}
		h, w := bottom-top+1, right-left+1
		require.Equal(t, h*w, zeros, "picture %d: what is cut out is a rectangle", n)
		require.True(t, h >= 2 && h <= 3 && w >= 2 && w <= 3, "picture %d: %d×%d", n, h, w) // one row may be outside
		if zeros == 9 {
			full++
		}
	}
	assert.NotZero(t, full)
}

func TestMixUpMixesInputsAndLabelsAlike(t *testing.T) {
	y := oneHot(6, 6)
	for seed := range int64(5) {
		out := apply(t, gocpu.New(), seed, func(s, x, y *node) (_, _, _ *node) { return MixUp(s, x, y, 1) }, y, y, dtypes.Float32)
		assert.Equal(t, tensors.Flat[float32](out[2]), tensors.Flat[float32](out[1]))
		for i := range 6 {
			sum := 0.0
			for j := range 6 {
				sum += out[2].Float64At(6*i + j)
			}
			assert.InDelta(t, 1, sum, 1e-6)
		}
	}
}

func TestCutMixLabelsAreTheAreas(t *testing.T) {
	x := make([]float32, 4*6*8)
	for i := range x {
		x[i] = float32(i / 48)
	}
	mixed := 0
	for seed := range int64(20) {
		out := apply(t, gocpu.New(), seed, func(s, x, y *node) (_, _, _ *node) { return CutMix(s, x, y, 1) }, tensors.FromFlatDataAndDimensions(x, 4, 6, 8, 1), oneHot(4, 4), dtypes.Float32)
		for n := range 4 {
			var share [4]float64
			for i := range 6 {
				for j := range 8 {
					share[int(at(out[1], n, i, j, 0))] += 1. / 48
				}
			}
			for k := range 4 {
				require.InDelta(t, out[2].Float64At(4*n+k), share[k], 1e-5, "seed %d", seed)
			}
			if share[n] < 0.99 {
				mixed++
			}
		}
	}
	assert.Greater(t, mixed, 20)
}

func TestMap(t *testing.T) {
	make := func() *data.Pipeline {
		ds, err := data.InMemory("pictures", noise(10, 4, 4, 3), oneHot(10, 2))
		require.NoError(t, err)
		return Map(gocpu.New(), ds.BatchSize(4, false).Shuffle(1).WithSpec("kept"), 7, func(state *node, in, out []*node) (_, _ []*node) {
			state, x := RandomCrop(state, in[0], 1)
			_, x, y := MixUp(state, x, out[0], 0.3)
			return []*node{x, graph.ReduceMean(x, 1, 2)}, []*node{y}
		})
	}
	read := func(ds *data.Pipeline, epoch, from int64) (out []string) {
		for b, err := range ds.IterFrom(data.Position{Epoch: epoch, Batch: from}) {
			require.NoError(t, err)
			assert.Equal(t, "kept", b.Spec)
			require.Len(t, b.Inputs, 2)
			out = append(out, b.String()+b.Inputs[0].GoStr()+b.Labels[0].GoStr())
			require.NoError(t, b.Close())
		}
		return out
	}
	want := read(make(), 2, 0)
	require.Len(t, want, 3)
	assert.Contains(t, want[2], "inputs [float32[2 4 4 3] float32[2 3]], labels [float32[2 2]]")
	for from := range int64(3) {
		assert.Equal(t, want[from:], read(make(), 2, from), "resumed at batch %d", from)
	}
	assert.Empty(t, read(make(), 2, 3))
	assert.NotEqual(t, want, read(make(), 3, 0))
}

func TestErrors(t *testing.T) {
	ds, err := data.InMemory("x", noise(2, 3, 3, 1), oneHot(2, 2))
	require.NoError(t, err)
	ds.BatchSize(2, true)
	run := func(b graph.Backend, fn Fn) error {
		var got error
		for b, err := range Map(b, ds, 1, fn).Iter() {
			got = err
			b.Close()
		}
		return got
	}
	const prefix = `data.Map "x", batch 0 of epoch 0: ingraph.Map: `
	assert.EqualError(t, run(gocpu.New(), nil), prefix+"the backend or the function is nil")
	assert.EqualError(t, run(nil, func(_ *node, in, out []*node) (_, _ []*node) { return in, out }), prefix+"the backend or the function is nil")
	for want, fn := range map[string]func(s, x, y *node){
		"ingraph.RandomFlip float32[2 3 3 1]: the probability horizontal is 2: want 0 to 1": func(s, x, y *node) { RandomFlip(s, x, 2, 0) },
		"ingraph.RandomFlip float32[2 2]: want pictures, [B H W C] of floats":               func(s, x, y *node) { RandomFlip(s, y, 0, 0) },
		"ingraph.RandomCrop float32[2 3 3 1]: a padding of -1 pixels: want 0 to 16384":      func(s, x, y *node) { RandomCrop(s, x, -1) },
		"ingraph.RandomAffine float32[2 3 3 1]: Scale is 1: want 0 to 0.99":                 func(s, x, y *node) { RandomAffine(s, x, Affine{Scale: 1}) },
		"ingraph.ColorJitter float32[2 3 3 1]: Contrast is NaN: want 0 to 1":                func(s, x, y *node) { ColorJitter(s, x, Jitter{Contrast: math.NaN()}) },
		"ingraph.Cutout float32[2 3 3 1]: a square of 0 pixels: want 1 to 16384":            func(s, x, y *node) { Cutout(s, x, 0) },
		"ingraph.MixUp float32[2 3 3 1]: alpha is 0: want 0.001 to 1000":                    func(s, x, y *node) { MixUp(s, x, y, 0) },
		"ingraph.CutMix float32[2 3 3 1], labels int32[2]: want floats, and a label for each input": func(s, x, y *node) {
			CutMix(s, x, graph.Const(x.Graph(), []int32{1, 2}), 1)
		},
		"ingraph.Cutout: the state or the pictures are nil": func(s, x, y *node) { Cutout(nil, x, 1) },
	} {
		assert.ErrorContains(t, run(gocpu.New(), func(s *node, in, out []*node) (_, _ []*node) { fn(s, in[0], out[0]); return in, out }), want)
	}
}
