package augment

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/digits"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dot is a picture of zeros with a 1 at one place.
func dot(h, w, y, x int) Picture {
	p := Picture{H: h, W: w, C: 1, Pix: make([]float32, h*w)}
	p.Pix[y*w+x] = 1
	return p
}

// centre returns the place of the centre of mass, and the mass.
func centre(p Picture) (y, x, mass float64) {
	for i, v := range p.Pix {
		y += float64(v) * float64(i/p.W)
		x += float64(v) * float64(i%p.W)
		mass += float64(v)
	}
	return y / mass, x / mass, mass
}

func TestZeroValuesChangeNothing(t *testing.T) {
	for name, tr := range map[string]Transform{
		"Affine": Affine{}.Apply, "Elastic": Elastic{}.Apply, "Flip": Flip(0, 0), "Noise": Noise(0), "Normalize": Normalize([]float32{0}, []float32{1}),
	} {
		p := Picture{H: 2, W: 3, C: 2, Pix: []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}}
		tr(data.Rand(1), p)
		for i, v := range p.Pix {
			if v != float32(i+1) {
				t.Fatalf("%s made %v", name, p.Pix)
			}
		}
	}
}

func TestAffineMovesWhatItSays(t *testing.T) {
	// The numbers that Apply will draw are known from a generator of the same seed.
	draw := func(seed uint64) (theta, scale, tx, ty float64) {
		r := data.Rand(seed)
		return between(r, 20) * math.Pi / 180, 1 + between(r, 0.2), between(r, 3), between(r, 3)
	}
	for seed := range uint64(50) {
		p := dot(31, 31, 10, 18)
		Affine{Rotate: 20, Scale: 0.2, Shift: 3}.Apply(data.Rand(seed), p)
		theta, scale, tx, ty := draw(seed)
		// p = s·R(θ)·q + t, from the centre (15, 15); y grows downwards.
		dx, dy := 3.0, -5.0
		wantX := 15 + scale*(math.Cos(theta)*dx-math.Sin(theta)*dy) + tx
		wantY := 15 + scale*(math.Sin(theta)*dx+math.Cos(theta)*dy) + ty
		y, x, _ := centre(p)
		if math.Hypot(x-wantX, y-wantY) > 0.35 { // of pixels: sampling shifts the centre of mass a little
			t.Errorf("seed %d: the dot came to (%.2f, %.2f), want (%.2f, %.2f)", seed, x, y, wantX, wantY)
		}
	}
}

func TestAWholeShiftIsExact(t *testing.T) {
	p := Picture{H: 2, W: 3, C: 2, Pix: []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}}
	p.warp(-1, func(x, y int) (u, v float64) { return float64(x - 1), float64(y) })
	assert.Equal(t, []float32{-1, -1, 1, 2, 3, 4, -1, -1, 7, 8, 9, 10}, p.Pix)
	p.warp(0, func(x, y int) (u, v float64) { return 1e300, math.Inf(-1) })
	assert.Equal(t, float32(0), slices.Max(p.Pix), "far outside there is %v", p.Pix)
}

func TestFlip(t *testing.T) {
	for _, c := range []struct {
		h, v float64
		want []float32
	}{
		{1, 0, []float32{5, 6, 3, 4, 1, 2, 11, 12, 9, 10, 7, 8}},
		{0, 1, []float32{7, 8, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6}},
		{1, 1, []float32{11, 12, 9, 10, 7, 8, 5, 6, 3, 4, 1, 2}},
	} {
		p := Picture{H: 2, W: 3, C: 2, Pix: []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}}
		Flip(c.h, c.v)(data.Rand(1), p)
		assert.Equal(t, c.want, p.Pix, "Flip(%v, %v)", c.h, c.v)
	}
}

func TestElasticIsSmoothAndAsLargeAsItSays(t *testing.T) {
	e := Elastic{Alpha: 34, Sigma: 4}
	f := e.field(rand.New(rand.NewPCG(1, 2)), 64, 64)
	var square, step float64
	n := 0
	for y := 16; y < 48; y++ { // away from the edges
		for x := 16; x < 48; x++ {
			d := f[y*64+x+1] - f[y*64+x]
			square += f[y*64+x] * f[y*64+x]
			step += d * d
			n++
		}
	}
	// Uniform noise has variance ⅓; a Gaussian of deviation σ in two dimensions keeps 1/(4πσ²) of a variance.
	want := 34 * math.Sqrt(1.0/3/(4*math.Pi*16))
	got := math.Sqrt(square / float64(n))
	if got < 0.6*want || got > 1.5*want {
		t.Errorf("displacements of %v pixels, want about %v", got, want)
	}
	if s := math.Sqrt(step / float64(n)); s > got/3 {
		t.Errorf("neighbours differ by %v, where displacements are %v", s, got)
	}
}

func TestGaussianSumsToOne(t *testing.T) {
	for _, sigma := range []float64{0.01, 0.5, 4, 1e9} {
		k := gaussian(sigma, 28)
		sum := -k[0]
		for _, v := range k {
			sum += 2 * v
		}
		assert.InDelta(t, 1, sum, 1e-9, "sigma %v: sum", sigma)
	}
}

func pass(t *testing.T, ds data.Dataset, from int) [][]float32 {
	t.Helper()
	var out [][]float32
	for b, err := range ds.Iter() {
		require.NoError(t, err)
		out = append(out, tensors.MustCopyFlatData[float32](b.Inputs[0]))
		b.Close()
	}
	return out[from:]
}

func TestPicturesDependOnSeedPassAndPlaceAlone(t *testing.T) {
	make := func(seed uint64) *data.Pipeline {
		_, test, err := digits.Datasets(100)
		require.NoError(t, err)
		t.Cleanup(func() { test.Close() })
		return data.Prefetch(Images(test, seed, Affine{Shift: 1, Rotate: 10, Scale: 0.1}.Apply, Elastic{Alpha: 3, Sigma: 2}.Apply, Noise(0.01)), 3)
	}
	a, b := make(1), make(1)
	first, second := pass(t, a, 0), pass(t, a, 0)
	assert.False(t, reflect.DeepEqual(first, second), "two passes show the same pictures")
	assert.Equal(t, pass(t, b, 0), first, "the same seed gave other pictures")
	assert.False(t, reflect.DeepEqual(first, pass(t, make(2), 0)), "another seed gave the same pictures")
	c := make(1)
	require.NoError(t, c.SetState([]byte(`{"epoch":1,"batch":7}`)))
	assert.Equal(t, pass(t, c, 0), second[7:], "a resumed pass shows other pictures")
}

func TestSharedMemoryIsNotWrittenTo(t *testing.T) {
	x := tensors.FromScalarAndDimensions(float32(1), 2, 3, 3, 1)
	source := data.Generate("shared", 1, func(data.Position) (data.Batch, error) {
		return data.Batch{Inputs: []*tensors.Tensor{x.Share()}}, nil
	})
	assert.NotEqual(t, float32(1), pass(t, Images(source, 1, Noise(1)), 0)[0][0], "nothing was changed")
	for i := range x.Size() {
		require.Equal(t, 1.0, x.Float64At(i), "the tensor of somebody else was changed")
	}
}

func TestNormalize(t *testing.T) {
	p := Picture{H: 1, W: 2, C: 3, Pix: []float32{1, 2, 3, 4, 5, 6}}
	Normalize([]float32{1, 2}, []float32{2, 0, 4})(nil, p)
	assert.Equal(t, []float32{0, 0, 0.25, 1.5, 3, 1}, p.Pix)
}

func TestErrors(t *testing.T) {
	for want, x := range map[string]any{
		`data.Map "x", batch 0 of epoch 0: augment.Images: the first input is float32[2]: want pictures, float32[B H W C] or float32[H W C]`:     []float32{1, 2},
		`data.Map "x", batch 0 of epoch 0: augment.Images: the first input is uint8[1 1 1 1]: want pictures, float32[B H W C] or float32[H W C]`: [][][][]uint8{{{{1}}}},
	} {
		ds := data.Generate("x", 1, func(data.Position) (data.Batch, error) {
			return data.Batch{Inputs: []*tensors.Tensor{tensors.FromValue(x)}}, nil
		})
		var got error
		for _, err := range Images(ds, 1).Iter() {
			got = err
		}
		assert.EqualError(t, got, want)
	}
}

func BenchmarkAffine28(b *testing.B) {
	p := dot(28, 28, 10, 10)
	r := data.Rand(1)
	for b.Loop() {
		Affine{Shift: 2, Rotate: 10, Scale: 0.1}.Apply(r, p)
	}
}

func BenchmarkElastic28(b *testing.B) {
	p := dot(28, 28, 10, 10)
	r := data.Rand(1)
	for b.Loop() {
		Elastic{Alpha: 8, Sigma: 4}.Apply(r, p)
	}
}
