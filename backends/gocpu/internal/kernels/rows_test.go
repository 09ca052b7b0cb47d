package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu/internal/columns"
	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
)

// narrow is a float type that vectors know.
type narrow[T columns.Number] struct {
	dtype dtypes.DType
	of    func(float64) T
	wide  func(T) float64
}

var (
	narrow32  = narrow[float32]{dtypes.Float32, func(x float64) float32 { return float32(x) }, func(x float32) float64 { return float64(x) }}
	narrowB16 = narrow[bfloat16.BFloat16]{dtypes.BFloat16, bfloat16.FromFloat64, bfloat16.BFloat16.Float64}
	narrowF16 = narrow[float16.Float16]{dtypes.Float16, float16.FromFloat64, float16.Float16.Float64}
)

// data are operands by what is special in them.
var data = []struct {
	name string
	of   func(rng *rand.Rand, i int) float64
}{
	{"normal", func(rng *rand.Rand, _ int) float64 { return 3 * rng.NormFloat64() }},
	{"below 0", func(rng *rand.Rand, _ int) float64 { return -20 - 40*rng.Float64() }},
	{"wide", func(rng *rand.Rand, _ int) float64 { return 400*rng.Float64() - 200 }},
	{"beside each other", func(_ *rand.Rand, i int) float64 { return 0.75 + float64(i%3)/256 }},
	{"one above all", func(_ *rand.Rand, i int) float64 {
		if i%37 == 5 {
			return 9
		}
		return -7 - float64(i%5)
	}},
	{"zeros of both signs", func(rng *rand.Rand, _ int) float64 { return math.Copysign(0, rng.NormFloat64()) }},
	{"some -Inf", func(rng *rand.Rand, i int) float64 {
		if i%3 == 1 {
			return math.Inf(-1)
		}
		return rng.NormFloat64()
	}},
	{"a NaN", func(rng *rand.Rand, i int) float64 {
		if i%101 == 60 {
			return math.NaN()
		}
		return rng.NormFloat64()
	}},
	{"infinite", func(rng *rand.Rand, i int) float64 {
		return []float64{1, math.Inf(1), -3, math.Inf(-1)}[i%4]
	}},
	{"all -Inf", func(*rand.Rand, int) float64 { return math.Inf(-1) }},
	{"least", func(rng *rand.Rand, i int) float64 { return 0x1p-149 * float64(i%5-2) }},
	{"large", func(rng *rand.Rand, i int) float64 { return 3e38 * (rng.Float64() - 0.5) }},
}

// alongs are shapes and the axes to go over.
var alongs = []struct{ dims, axes []int }{
	{[]int{5, 32}, []int{1}}, {[]int{3, 1000}, []int{1}}, {[]int{7, 67}, []int{1}}, {[]int{40, 33}, []int{0}}, {[]int{129, 70}, []int{0}},
	{[]int{3, 50, 35}, []int{1}}, {[]int{3, 50, 35}, []int{1, 2}}, {[]int{6, 5, 35}, []int{0, 1}}, {[]int{4, 33, 34}, []int{0, 2}}, {[]int{4099}, []int{0}},
}

func elements[T columns.Number](n narrow[T], count int, of func(rng *rand.Rand, i int) float64) []T {
	rng := rand.New(rand.NewPCG(5, uint64(count)))
	x := make([]T, count+1)[1:] // not aligned
	for i := range x {
		x[i] = n.of(of(rng, i))
	}
	return x
}

// onTiers runs check for each tier that is not plain Go, dtype, operand and shape.
func onTiers[T columns.Number](t *testing.T, n narrow[T], check func(t *testing.T, tier cpu.Tier, x []T, dims, axes []int)) {
	for _, tier := range cpu.Tiers() {
		if !onVectors(tier) {
			continue
		}
		for _, d := range data {
			t.Run(fmt.Sprintf("%s/%s/%s", tier, n.dtype, d.name), func(t *testing.T) {
				list := alongs
				if testing.Short() {
					list = alongs[2:6]
				}
				for _, s := range list {
					check(t, tier, elements(n, countOf(s.dims), d.of), s.dims, s.axes)
				}
			})
		}
	}
}

// within fails unless got is as near to want as limit allows, in units of want's last place.
func within[T columns.Number](t *testing.T, n narrow[T], got, want []T, limit float64, what ...any) {
	t.Helper()
	for i := range want {
		g, w := n.wide(got[i]), n.wide(want[i])
		if g == w || g != g && w != w {
			continue
		}
		place := math.Ldexp(dtypes.Epsilon(n.dtype), math.Ilogb(w))
		place = max(place, dtypes.Epsilon(n.dtype)*0x1p-126)
		if n.dtype == dtypes.Float16 {
			place = max(place, 0x1p-24)
		}
		require.LessOrEqual(t, math.Abs(g-w), limit*place, "element %d: %v, want %v, %v", i, g, w, what)
	}
}

func reductions[T columns.Number](t *testing.T, n narrow[T], list map[string]func(tier cpu.Tier, dims, axes []int, workers int) (Func, int)) {
	for name, of := range list {
		t.Run(name, func(t *testing.T) {
			onTiers(t, n, func(t *testing.T, tier cpu.Tier, x []T, dims, axes []int) {
				results := countOf(dims)
				for _, a := range axes {
					results /= dims[a]
				}
				var z [3][]T
				for i, c := range []struct {
					tier    cpu.Tier
					workers int
				}{{cpu.Portable, 1}, {tier, 1}, {tier, 2}} {
					z[i] = make([]T, results)
					f, scratch := of(c.tier, dims, axes, c.workers)
					run(f, scratch, c.workers, Bytes(z[i]), Bytes(x))
				}
				within(t, n, z[1], z[0], 1, dims, axes)
				require.Equal(t, Bytes(z[1]), Bytes(z[2]), "%v over %v: two workers have other bits", dims, axes)
			})
		})
	}
}

// TestReductionsOnVectors compares them with plain Go.
func TestReductionsOnVectors(t *testing.T) {
	type kernel = func(tier cpu.Tier, dims, axes []int, workers int) (Func, int)
	reductions(t, narrow32, map[string]kernel{"sum": kernelOf(SumFloat32(false)), "mean": kernelOf(SumFloat32(true)),
		"max": kernelOf(MaxReal(float32(math.Inf(-1)))), "min": kernelOf(MinReal(float32(math.Inf(1))))})
	reductions(t, narrowB16, halves[bfloat16.BFloat16]())
	reductions(t, narrowF16, halves[float16.Float16]())
}

func halves[H Half]() map[string]func(tier cpu.Tier, dims, axes []int, workers int) (Func, int) {
	return map[string]func(tier cpu.Tier, dims, axes []int, workers int) (Func, int){
		"sum": kernelOf(SumHalf[H](false)), "mean": kernelOf(SumHalf[H](true)), "max": kernelOf(MaxHalf[H]()), "min": kernelOf(MinHalf[H]())}
}

func kernelOf[T, A any](r Reducer[T, A]) func(tier cpu.Tier, dims, axes []int, workers int) (Func, int) {
	return func(tier cpu.Tier, dims, axes []int, workers int) (Func, int) {
		return Reduce(tier, r, dims, axes, workers)
	}
}

// masks are operands that say what counts, given the dimensions: nil for none.
var masks = []func(dims []int) []int{
	func([]int) []int { return nil },
	func(dims []int) []int { return dims },
	func(dims []int) []int { return dims[len(dims)-1:] },
	func(dims []int) []int { return append([]int{1}, dims[1:]...) },
	func(dims []int) []int { return append(append([]int{}, dims[:len(dims)-1]...), 1) },
}

func softmaxes[T columns.Number](t *testing.T, n narrow[T]) {
	onTiers(t, n, func(t *testing.T, tier cpu.Tier, x []T, dims, axes []int) {
		for _, of := range masks {
			shape := of(dims)
			holds := make([]bool, countOf(shape))
			rng := rand.New(rand.NewPCG(7, 8))
			for i := range holds {
				holds[i] = rng.IntN(4) > 0
			}
			var mask *Lanes
			if shape != nil {
				l := NewBroadcastLanes(dims, shape, axes)
				mask = &l
			}
			for _, log := range []bool{false, true} {
				want, got := make([]T, len(x)), append([]T(nil), x...)
				f, scratch := Softmax(cpu.Portable, n.dtype, NewLanes(dims, axes), mask, log, 1)
				run(f, scratch, 1, Bytes(want), Bytes(x), Bytes(holds))
				f, scratch = Softmax(tier, n.dtype, NewLanes(dims, axes), mask, log, 2)
				run(f, scratch, 2, Bytes(got), Bytes(got), Bytes(holds)) // in place
				within(t, n, got, want, 4, dims, axes, shape, log)
			}
		}
		want, got := make([]T, len(x)), make([]T, len(x))
		f, scratch := LogSumExp(cpu.Portable, n.dtype, NewLanes(dims, axes), 1)
		run(f, scratch, 1, Bytes(want), Bytes(x))
		f, scratch = LogSumExp(tier, n.dtype, NewLanes(dims, axes), 2)
		run(f, scratch, 2, Bytes(got), Bytes(x))
		within(t, n, got, want, 2, dims, axes)
	})
}

// TestSoftmaxOnVectors compares softmaxes, their logarithms and log-sum-exps with those in float64.
func TestSoftmaxOnVectors(t *testing.T) {
	softmaxes(t, narrow32)
	softmaxes(t, narrowB16)
	softmaxes(t, narrowF16)
}

func countOf(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

func norms[T columns.Number](t *testing.T, n narrow[T]) {
	onTiers(t, n, func(t *testing.T, tier cpu.Tier, x []T, dims, axes []int) {
		l := NewLanes(dims, axes)
		normal := data[0].of
		gain, offset, dy := elements(n, l.Along.N, normal), elements(n, l.Along.N, normal), elements(n, len(x)+1, normal)[:len(x)]
		for _, norm := range []Norm{{1e-5, true}, {1e-5, false}, {0, true}} {
			for _, gradient := range []bool{false, true} {
				of := func(tier cpu.Tier, workers int, z []T) {
					f, scratch := LayerNorm(tier, n.dtype, l, norm, norm.Centred, workers)
					in := [][]byte{Bytes(x), Bytes(gain), Bytes(offset)}
					if gradient {
						f, scratch = LayerNormGradient(tier, n.dtype, l, norm, workers)
						in[2] = Bytes(dy)
					}
					run(f, scratch, workers, Bytes(z), in...)
				}
				want, got := make([]T, len(x)), make([]T, len(x))
				of(cpu.Portable, 1, want)
				of(tier, 2, got)
				largest := 0.0
				for _, w := range want {
					if v := math.Abs(n.wide(w)); v < math.Inf(1) {
						largest = max(largest, v)
					}
				}
				for i := range want { // terms cancel
					g, w := n.wide(got[i]), n.wide(want[i])
					if g != w && (g == g || w == w) {
						require.LessOrEqual(t, math.Abs(g-w), 8*dtypes.Epsilon(n.dtype)*max(largest, 0x1p-126), "element %d: %v, want %v, %v over %v, %v, gradient %v", i, g, w, dims, axes, norm, gradient)
					}
				}
			}
		}
	})
}

// TestNormsOnVectors compares norms and their gradients with those in float64.
func TestNormsOnVectors(t *testing.T) {
	norms(t, narrow32)
	norms(t, narrowB16)
	norms(t, narrowF16)
}

func args[T columns.Number](t *testing.T, n narrow[T], better func(smaller bool) Better[T]) {
	onTiers(t, n, func(t *testing.T, tier cpu.Tier, x []T, dims, axes []int) {
		if len(axes) > 1 {
			return
		}
		l := NewLanes(dims, axes)
		for _, smaller := range []bool{false, true} {
			want, got := make([]int32, l.Kept.N), make([]int32, l.Kept.N)
			run(Arg(better(smaller), l, 4), 0, 1, Bytes(want), Bytes(x))
			f, scratch := ArgOnVectors[T](tier, smaller, dims, axes[0], 4, 2)
			require.NotNil(t, f, "%v over %v", dims, axes)
			run(f, scratch, 2, Bytes(got), Bytes(x))
			require.Equal(t, want, got, "%v over %v, the smallest: %v", dims, axes, smaller)
		}
	})
}

// TestArgOnVectors compares the places of extremes with those that the plain loop finds.
func TestArgOnVectors(t *testing.T) {
	args(t, narrow32, BetterReal[float32])
	args(t, narrowB16, BetterHalf[bfloat16.BFloat16])
	args(t, narrowF16, BetterHalf[float16.Float16])
}

func cumulated[T columns.Number](t *testing.T, n narrow[T], of func(l Lanes, workers int) (Func, int)) {
	for _, d := range data {
		for _, s := range alongs {
			if len(s.axes) > 1 {
				continue
			}
			x := elements(n, countOf(s.dims), d.of)
			want, got, size := make([]T, len(x)), append([]T(nil), x...), 0.0
			for _, v := range x {
				if a := math.Abs(n.wide(v)); a < math.Inf(1) {
					size = max(size, a)
				}
			}
			l := NewLanes(s.dims, s.axes)
			run(CumSum(l, func(sum Total, v T) Total { return sum.plus(n.wide(v)) }, func(sum Total) T { return n.of(sum.over(1)) }), 0, 1, Bytes(want), Bytes(x))
			f, scratch := of(l, 2)
			run(f, scratch, 2, Bytes(got), Bytes(got)) // in place
			for i := range want {
				g, w := n.wide(got[i]), n.wide(want[i])
				if g != w && (g == g || w == w) { // what is lost of the largest element in float64 may turn the last place
					require.LessOrEqual(t, math.Abs(g-w), dtypes.Epsilon(n.dtype)*math.Abs(w)+0x1p-40*size, "%s %s, %v over %v, element %d: %v, want %v", n.dtype, d.name, s.dims, s.axes, i, g, w)
				}
			}
		}
	}
}

// TestCumSumOfNarrowFloats compares sums in float64 with compensated ones.
func TestCumSumOfNarrowFloats(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		cumulated(t, narrow32, CumSumFloat32(tier))
	}
	cumulated(t, narrowB16, CumSumHalf[bfloat16.BFloat16])
	cumulated(t, narrowF16, CumSumHalf[float16.Float16])
}

// FuzzRows compares sums, extremes, softmaxes and places of extremes on vectors with plain Go, for any float32s.
func FuzzRows(f *testing.F) {
	for _, d := range data {
		f.Add(append([]byte(nil), Bytes(elements(narrow32, 99, d.of))...), uint8(33))
	}
	f.Fuzz(func(t *testing.T, bits []byte, columns uint8) {
		cols := max(1, int(columns))
		rows := len(bits) / 4 / cols
		if rows == 0 {
			return
		}
		dims := []int{rows, cols}
		x := make([]float32, rows*cols)
		copy(Bytes(x), bits)
		for _, tier := range cpu.Tiers() {
			if !onVectors(tier) {
				continue
			}
			for axis := range 2 {
				l := NewLanes(dims, []int{axis})
				both := func(of func(t cpu.Tier) (Func, int), results int, limit float64) {
					want, got := make([]float32, results), make([]float32, results)
					f, scratch := of(cpu.Portable)
					run(f, scratch, 1, Bytes(want), Bytes(x))
					f, scratch = of(tier)
					run(f, scratch, 1, Bytes(got), Bytes(x))
					within(t, narrow32, got, want, limit, tier, dims, axis)
				}
				lowest := float32(math.Inf(-1))
				both(func(t cpu.Tier) (Func, int) { return Reduce(t, MaxReal(lowest), dims, []int{axis}, 1) }, l.Kept.N, 0)
				both(func(t cpu.Tier) (Func, int) { return Reduce(t, MinReal(-lowest), dims, []int{axis}, 1) }, l.Kept.N, 0)
				both(func(t cpu.Tier) (Func, int) { return Softmax(t, dtypes.Float32, l, nil, false, 1) }, len(x), 5)
				want, got := make([]int32, l.Kept.N), make([]int32, l.Kept.N)
				run(Arg(BetterReal[float32](true), l, 4), 0, 1, Bytes(want), Bytes(x))
				if f, scratch := ArgOnVectors[float32](tier, true, dims, axis, 4, 1); f != nil {
					run(f, scratch, 1, Bytes(got), Bytes(x))
					require.Equal(t, want, got)
				}
			}
		}
	})
}

// BenchmarkRows times the kernels of float32 matrices, on every tier.
func BenchmarkRows(b *testing.B) {
	const n = 1024
	dims := []int{n, n}
	x := elements(narrow32, n*n, data[0].of)
	z := make([]float32, n*n)
	for _, c := range []struct {
		name string
		of   func(tier cpu.Tier) (Func, int)
	}{
		{"sum of rows", func(t cpu.Tier) (Func, int) { return Reduce(t, SumFloat32(false), dims, []int{1}, 1) }},
		{"sum of columns", func(t cpu.Tier) (Func, int) { return Reduce(t, SumFloat32(false), dims, []int{0}, 1) }},
		{"sum of all", func(t cpu.Tier) (Func, int) { return Reduce(t, SumFloat32(false), dims, []int{0, 1}, 1) }},
		{"max of rows", func(t cpu.Tier) (Func, int) {
			return Reduce(t, MaxReal(float32(math.Inf(-1))), dims, []int{1}, 1)
		}},
		{"max of columns", func(t cpu.Tier) (Func, int) {
			return Reduce(t, MaxReal(float32(math.Inf(-1))), dims, []int{0}, 1)
		}},
		{"softmax", func(t cpu.Tier) (Func, int) {
			return Softmax(t, dtypes.Float32, NewLanes(dims, []int{1}), nil, false, 1)
		}},
		{"log-softmax", func(t cpu.Tier) (Func, int) {
			return Softmax(t, dtypes.Float32, NewLanes(dims, []int{1}), nil, true, 1)
		}},
		{"layer norm", func(t cpu.Tier) (Func, int) {
			return LayerNorm(t, dtypes.Float32, NewLanes(dims, []int{1}), Norm{1e-5, true}, true, 1)
		}},
		{"layer norm gradient", func(t cpu.Tier) (Func, int) {
			return LayerNormGradient(t, dtypes.Float32, NewLanes(dims, []int{1}), Norm{1e-5, true}, 1)
		}},
		{"arg max of rows", func(t cpu.Tier) (Func, int) {
			if f, scratch := ArgOnVectors[float32](t, false, dims, 1, 4, 1); f != nil {
				return f, scratch
			}
			return Arg(BetterReal[float32](false), NewLanes(dims, []int{1}), 4), 0
		}},
		{"arg max of columns", func(t cpu.Tier) (Func, int) {
			if f, scratch := ArgOnVectors[float32](t, false, dims, 0, 4, 1); f != nil {
				return f, scratch
			}
			return Arg(BetterReal[float32](false), NewLanes(dims, []int{0}), 4), 0
		}},
		{"cumulative sum of rows", func(t cpu.Tier) (Func, int) { return CumSumFloat32(t)(NewLanes(dims, []int{1}), 1) }},
		{"cumulative sum of columns", func(t cpu.Tier) (Func, int) { return CumSumFloat32(t)(NewLanes(dims, []int{0}), 1) }},
		{"softmax of columns", func(t cpu.Tier) (Func, int) {
			return Softmax(t, dtypes.Float32, NewLanes(dims, []int{0}), nil, false, 1)
		}},
	} {
		for _, tier := range cpu.Tiers() {
			b.Run(c.name+"/"+tier.String(), func(b *testing.B) {
				b.ReportAllocs()
				f, scratch := c.of(tier)
				a := Args{Out: [][]byte{Bytes(z)}, In: [][]byte{Bytes(x), Bytes(x[:n]), Bytes(x)}, Scratch: make([]byte, scratch), Workers: 1}
				b.SetBytes(4 * n * n)
				for b.Loop() {
					f(&a)
				}
			})
		}
	}
}

// TestPlacesInLongRows: a row that is gone through in pieces has its best element where it lies, the first of equal ones.
func TestPlacesInLongRows(t *testing.T) {
	const n = 3*often + 17
	x := make([]float32, n)
	for _, c := range []struct {
		name string
		at   map[int]float32
		want int
	}{
		{"none is larger", nil, 0},
		{"in the first piece", map[int]float32{5: 2, often + 5: 1}, 5},
		{"at the beginning of a piece", map[int]float32{often: 2}, often},
		{"the first of two", map[int]float32{often - 1: 2, 2*often + 1: 2}, often - 1},
		{"in the last piece", map[int]float32{7: 1, n - 1: 2}, n - 1},
		{"a NaN before", map[int]float32{often + 3: float32(math.NaN()), n - 1: 2}, often + 3},
		{"the first NaN", map[int]float32{often + 3: float32(math.NaN()), n - 1: float32(math.NaN())}, often + 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			clear(x)
			for i, v := range c.at {
				x[i] = v
			}
			for _, tier := range cpu.Tiers() {
				f, scratch := ArgOnVectors[float32](tier, false, []int{1, n}, 1, 4, 1)
				if f == nil {
					continue
				}
				got := make([]int32, 1)
				run(f, scratch, 1, Bytes(got), Bytes(x))
				require.Equal(t, int32(c.want), got[0], "%s", tier)
			}
		})
	}
}
