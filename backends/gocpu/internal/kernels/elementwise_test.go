package kernels

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/parallel"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/internal/elementary"
)

// places returns, for every element of out in order, the place of the element of in that it is broadcast from.
func places(out, in []int) []int {
	n := 1
	for _, d := range out {
		n *= d
	}
	list := make([]int, n)
	for i := range list {
		rest, stride := i, 1
		for k := 1; k <= len(out); k++ {
			x := rest % out[len(out)-k]
			rest /= out[len(out)-k]
			if k <= len(in) && in[len(in)-k] != 1 {
				list[i] += x * stride
				stride *= in[len(in)-k]
			}
		}
	}
	return list
}

// run2 is run for the two results of a function that makes a kernel.
func run2(f Func, scratch int) func(workers int, out []byte, in ...[]byte) {
	return func(workers int, out []byte, in ...[]byte) { run(f, scratch, workers, out, in...) }
}

func size(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

func TestBroadcastingLoops(t *testing.T) {
	for _, c := range []struct {
		name         string
		out, x, y, c []int
	}{
		{name: "the same shape", out: []int{7, 9}, x: []int{7, 9}, y: []int{7, 9}, c: []int{7, 9}},
		{name: "a row", out: []int{5, 33}, x: []int{5, 33}, y: []int{33}, c: []int{1}},
		{name: "a column", out: []int{5, 33}, x: []int{5, 33}, y: []int{5, 1}, c: []int{5, 1}},
		{name: "row and column", out: []int{5, 33}, x: []int{33}, y: []int{5, 1}, c: []int{33}},
		{name: "a scalar", out: []int{3, 4}, x: []int{3, 4}, y: nil, c: []int{3, 4}},
		{name: "a scalar on the left", out: []int{3, 4}, x: []int{1, 1}, y: []int{3, 4}, c: nil},
		{name: "scalars only", out: []int{3, 4}, x: nil, y: []int{1}, c: nil},
		{name: "repeated within", out: []int{3, 4, 5}, x: []int{3, 1, 5}, y: []int{4, 1}, c: []int{1, 4, 5}},
		{name: "every other axis", out: []int{2, 3, 2, 3, 2}, x: []int{2, 1, 2, 1, 2}, y: []int{3, 1, 3, 1}, c: []int{3, 2, 3, 2}},
		{name: "large", out: []int{300, 3, 100}, x: []int{300, 1, 100}, y: []int{3, 1}, c: []int{300, 3, 100}},
		{name: "nothing", out: []int{0, 3}, x: []int{0, 3}, y: []int{3}, c: []int{1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 1))
			x, y := randomFloats[float32](rng, size(c.x)), randomFloats[float32](rng, size(c.y))
			cond := make([]uint8, size(c.c))
			for i := range cond {
				cond[i] = uint8(rng.IntN(2))
			}
			px, py, pc := places(c.out, c.x), places(c.out, c.y), places(c.out, c.c)
			for _, op := range []struct {
				name string
				loop Loop2
				want func(x, y float32) float32
			}{
				{"Add", AddOf[float32](), func(x, y float32) float32 { return x + y }},
				{"Sub", SubOf[float32](), func(x, y float32) float32 { return x - y }},
				{"Mul", MulOf[float32](), func(x, y float32) float32 { return x * y }},
				{"Div", DivOf[float32](), func(x, y float32) float32 { return x / y }},
				{"Max", MaxOf[float32](), func(x, y float32) float32 { return max(x, y) }},
				{"Min", MinOf[float32](), func(x, y float32) float32 { return min(x, y) }},
				{"a function", Func2Of[float32](math.Atan2), func(x, y float32) float32 { return float32(math.Atan2(float64(x), float64(y))) }},
			} {
				for _, workers := range []int{1, 3} {
					z := make([]float32, size(c.out))
					run2(Binary(op.loop, c.out, c.x, c.y))(workers, Bytes(z), Bytes(x), Bytes(y))
					for i := range z {
						if want := op.want(x[px[i]], y[py[i]]); z[i] != want {
							t.Fatalf("%s: element %d is %v, want %v", op.name, i, z[i], want)
						}
					}
				}
			}
			z := make([]float32, size(c.out))
			run(Ternary(WhereOf[uint32](), c.out, c.c, c.x, c.y), 0, 2, Bytes(z), cond, Bytes(x), Bytes(y))
			for i := range z {
				want := y[py[i]]
				if cond[pc[i]] != 0 {
					want = x[px[i]]
				}
				if z[i] != want {
					t.Fatalf("Where: element %d is %v, want %v", i, z[i], want)
				}
			}
			b := make([]bool, size(c.out))
			for cmp, want := range []func(x, y float32) bool{
				func(x, y float32) bool { return x == y }, func(x, y float32) bool { return x != y },
				func(x, y float32) bool { return x > y }, func(x, y float32) bool { return x >= y },
				func(x, y float32) bool { return x < y }, func(x, y float32) bool { return x <= y },
			} {
				run2(Binary(CompareOf[float32](Comparison(cmp)), c.out, c.x, c.y))(2, Bytes(b), Bytes(x), Bytes(y))
				for i := range b {
					if w := want(x[px[i]], y[py[i]]); b[i] != w {
						t.Fatalf("comparison %d: element %d is %v", cmp, i, b[i])
					}
				}
			}
		})
	}
}

func TestNaNWins(t *testing.T) {
	nan := float32(math.NaN())
	x, y := []float32{nan, 1, nan, 2}, []float32{1, nan, nan, 3}
	z := make([]float32, 4)
	for name, l := range map[string]Loop2{"Max": MaxOf[float32](), "Min": MinOf[float32]()} {
		run2(Binary(l, []int{4}, []int{4}, []int{4}))(1, Bytes(z), Bytes(x), Bytes(y))
		if z[0] == z[0] || z[1] == z[1] || z[2] == z[2] || z[3] != z[3] {
			t.Errorf("%s: %v", name, z)
		}
	}
	relu, _ := FloatOf[float32](ops.Relu)
	run(Unary(relu, 4), 0, 1, Bytes(z), Bytes([]float32{nan, -1, 2, float32(math.Inf(-1))}))
	if z[0] == z[0] || z[1] != 0 || z[2] != 2 || z[3] != 0 {
		t.Errorf("Relu: %v", z)
	}
	one := make([]float32, 1)
	for name, r := range map[string]Reducer[float32, float32]{"max": MaxReal(float32(math.Inf(-1))), "min": MinReal(float32(math.Inf(1)))} {
		f, scratch := Reduce(cpu.Use(), r, []int{4}, []int{0}, 1)
		run(f, scratch, 1, Bytes(one), Bytes([]float32{3, nan, 1, 2}))
		if one[0] == one[0] {
			t.Errorf("%s is %v", name, one[0])
		}
	}
}

func TestDivisionByZeroPanicsWithAnError(t *testing.T) {
	for _, workers := range []int{1, 2} {
		func() {
			defer func() {
				r := recover()
				if p, ok := r.(*parallel.Panic); ok {
					r = p.Value
				}
				if err, ok := r.(error); !ok || !errors.Is(err, ErrDivide) {
					t.Errorf("%d workers: got %v", workers, r)
				}
			}()
			x, y := make([]int32, 100000), make([]int32, 100000)
			for i := range y {
				y[i] = int32(99999 - i)
			}
			run2(Binary(DivIntOf[int32](), []int{100000}, []int{100000}, []int{100000}))(workers, Bytes(x), Bytes(x), Bytes(y))
		}()
	}
}

// ulps returns the distance of got from want in units of float32's last place there.
func ulps(got float32, want float64) float64 {
	w := float32(want)
	if got == w || got != got && w != w {
		return 0
	}
	a := math.Abs(float64(w))
	unit := math.Max(math.Ldexp(1, math.Ilogb(math.Max(a, 0x1p-126))-23), 0x1p-149)
	return math.Abs(float64(got)-want) / unit
}

// single returns what a loop does to one element.
func single(loop func(z, x []float32)) func(float32) float32 {
	z := make([]float32, 1)
	return func(x float32) float32 {
		loop(z, []float32{x})
		return z[0]
	}
}

// TestMathIsAccurate compares the functions of float32 with those of float64 at 2¹⁹ of all float32, spread
// evenly over their bits.
func TestMathIsAccurate(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func(float32) float32
		want func(float64) float64
	}{
		{"exp", single(expLoop), elementary.Exp}, {"expm1", expm132, math.Expm1}, {"tanh", single(tanhLoop), math.Tanh}, {"log", log32, elementary.Log},
		{"sigmoid", single(sigmoidLoop), elementary.Sigmoid}, {"silu", silu32, elementary.Silu}, {"softplus", softplus32, elementary.Softplus}, {"erf", erf32, math.Erf},
		{"gelu", gelu32, elementary.Gelu}, {"geluApproximate", geluApproximate32, elementary.GeluApproximate},
	} {
		worst, at := 0.0, float32(0)
		for i := range uint32(1 << 19) {
			x := math.Float32frombits(i<<13 | i*2654435761>>19)
			if u := ulps(c.f(x), c.want(float64(x))); !(u <= worst) {
				worst, at = u, x
			}
		}
		if !(worst <= 1) {
			t.Errorf("%s: off by %.3g units in the last place at %v: %v", c.name, worst, at, c.f(at))
		}
		t.Logf("%s: %.3f units in the last place", c.name, worst)
	}
}
