package vector

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// everyOp calls f for each op that takes numbers alone, with its code over as many operands and the operand of the result.
func everyOp(f func(o Op, c *Code, out int, t Type)) {
	for o := range numOps {
		if o.masks(0) {
			continue
		}
		var c Code
		args := make([]Value, o.Arity())
		for i := range args {
			args[i] = c.Load(i, Float32)
		}
		t := Float32
		if o.toMask() {
			t = Bool
		}
		c.Store(len(args), t, c.Op(o, args...))
		f(o, &c, len(args), t)
	}
}

func pointers(slices ...[]float32) []unsafe.Pointer {
	var list []unsafe.Pointer
	for _, s := range slices {
		list = append(list, unsafe.Pointer(&s[0]))
	}
	return list
}

// The bits of a result depend neither on where an element stands in a run nor on what stands beside it.
func TestBitsDoNotDependOnThePlace(t *testing.T) {
	const n = 700
	r := rand.New(rand.NewPCG(3, 4))
	x, y, want, got := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range x {
		x[i], y[i] = float32(4*r.NormFloat64()), float32(r.NormFloat64())
		if r.IntN(8) == 0 {
			x[i] = specials[r.IntN(len(specials))]
		}
	}
	for _, tier := range cpu.Tiers() {
		everyOp(func(o Op, c *Code, out int, typ Type) {
			p := c.CompileFor(tier)
			mem := pointers([][]float32{x, y}[:out]...)
			p.Run(append(mem, unsafe.Pointer(&want[0])), n, nil)
			for range 40 {
				from := r.IntN(n)
				k := r.IntN(n - from + 1)
				at := make([]unsafe.Pointer, 0, 3)
				for _, m := range mem {
					at = append(at, unsafe.Add(m, 4*from))
				}
				p.Run(append(at, unsafe.Pointer(&got[0])), k, nil)
				for i := range k {
					a, b := load(unsafe.Pointer(&want[0]), typ, from+i), load(unsafe.Pointer(&got[0]), typ, i)
					require.Equal(t, math.Float32bits(a), math.Float32bits(b), "%s, %s(%v, %v): element %d of %d", tier, o, x[from+i], y[from+i], i, k)
				}
			}
		})
	}
}

func TestSumsAreThoseOfFloat64(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, tier := range cpu.Tiers() {
		for _, n := range []int{0, 1, 31, 32, 33, 64, 100, 1000, 1 << 20} {
			x, want, size := make([]float32, n+1), 0.0, 0.0
			for i := range n {
				x[i] = float32(r.NormFloat64())
				want += float64(x[i])
				size += math.Abs(float64(x[i]))
			}
			x[n] = float32(math.NaN()) // not to be read
			var c Code
			c.Accumulate(Sum, c.Load(0, Float32))
			acc := []float64{7}
			c.CompileFor(tier).Run(pointers(x), n, acc)
			assert.InDelta(t, want, acc[0], 1e-13*size, "%s, %d elements", tier, n)
		}
	}
}

func TestRoughSumsAreNearThoseOfFloat64(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		for n := range 300 {
			x, want, size := make([]float32, n+1), 0.0, 0.0
			for i := range n {
				x[i] = float32(rand.NormFloat64())
				want += float64(x[i])
				size += math.Abs(float64(x[i]))
			}
			x[n] = float32(math.NaN()) // not read
			var c Code
			c.Accumulate(RoughSum, c.Load(0, Float32))
			acc := make([]float64, 1)
			c.CompileFor(tier).Run([]unsafe.Pointer{unsafe.Pointer(&x[0])}, n, acc)
			assert.InDelta(t, want, acc[0], 0x1p-23*size, "%s: %d numbers", tier, n)
		}
	}
}

func TestFoldsOfNothing(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		var c Code
		x := c.Load(0, Float32)
		for _, f := range []Fold{Sum, Largest, Least, RoughSum, Magnitude} {
			c.Accumulate(f, x)
		}
		acc := make([]float64, 5)
		c.CompileFor(tier).Run(pointers(make([]float32, 1)), 0, acc)
		assert.Equal(t, []float64{0, math.Inf(-1), math.Inf(1), 0, 0}, acc, tier)
	}
}

// A program with more values at once than any scratch memory holds is interpreted, one with many takes more of it.
func TestProgramsWithManyValues(t *testing.T) {
	const n = 200
	for _, values := range []int{4, 40, 400} {
		x, y := make([]float32, n), make([]float32, n)
		for i := range x {
			x[i] = float32(i)
		}
		var c Code
		v := []Value{c.Load(0, Float32)}
		for range values {
			v = append(v, c.Op(Add, v[len(v)-1], c.Const(1)))
		}
		sum := v[0]
		for i := len(v) - 1; i > 0; i-- { // the last one first: all of them live
			sum = c.Op(Add, sum, v[i])
		}
		c.Store(1, Float32, sum)
		for _, tier := range cpu.Tiers() {
			clear(y)
			c.CompileFor(tier).Run(pointers(x, y), n, nil)
			for i := range y {
				require.Equal(t, float32((values+1)*i+values*(values+1)/2), y[i], "%s, %d values", tier, values)
			}
		}
	}
}

func TestARunAllocatesNothing(t *testing.T) {
	x, y := make([]float32, 1000), make([]float32, 1000)
	for _, tier := range cpu.Tiers() {
		c := chain()
		c.Accumulate(Sum, c.Load(0, Float32))
		p := c.CompileFor(tier)
		testenv.AllocatesAtMost(t, 0, func() {
			var acc [1]float64
			mem := [2]unsafe.Pointer{unsafe.Pointer(&x[0]), unsafe.Pointer(&y[0])}
			p.Run(mem[:], len(x), acc[:])
		})
	}
}

func TestACallIntoAssemblyIsShort(t *testing.T) {
	for _, tier := range cpu.Tiers()[1:] {
		everyOp(func(o Op, c *Code, _ int, _ Type) {
			p := c.CompileFor(tier)
			assert.LessOrEqual(t, p.Cost()*float64(p.chunk)/1000, 60_000.0, "%s on %s", o, tier)
			assert.Positive(t, p.chunk)
		})
	}
}

func TestMisuseIsAFaultOfTheCompiler(t *testing.T) {
	var c Code
	x, m := c.Load(0, Float32), c.Load(1, Bool)
	assert.PanicsWithValue(t, "vector: Add takes 2 operands, got 1", func() { c.Op(Add, x) })
	assert.PanicsWithValue(t, "vector: operand 1 of Add: mask is true, want false", func() { c.Op(Add, x, m) })
	assert.PanicsWithValue(t, "vector: masks are stored as Bool, numbers are not", func() { c.Store(2, Float32, m) })
	assert.PanicsWithValue(t, "vector: a mask is not accumulated", func() { c.Accumulate(Sum, m) })
}
