package vector

import (
	"fmt"
	"math"
	"os"
	"testing"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/stretchr/testify/assert"
)

// specials are numbers at which functions change their ways.
var specials = func() []float32 {
	list := []float32{0, 1, 1.5, 2, 3, 0.5, 2.5, 3.5, 8, 9.5, 87, 88.72284, 88.7229, 89, 103.97, 104, 126.5, 128, 149.5, 150, 0.25, 0.625, 0.99999994, 1.0000001, 7.905,
		math.Pi, math.Pi / 2, math.Pi / 4, 1e-10, 1e10, 65504, 65519, 65520, 1 << 23, 1<<23 + 1, 1 << 24, 1 << 31, 1 << 32, 6.1035156e-05, 5.9604645e-08, 2.9802322e-08,
		math.MaxFloat32, math.SmallestNonzeroFloat32, 1.1754942e-38, 1.17549435e-38, float32(math.Inf(1)), float32(math.NaN())}
	for _, x := range list {
		list = append(list, -x)
	}
	return list
}()

// sweep returns every so many numbers, by their bits: all if QUIRE_SWEEP is set, in several parts.
func sweep(yield func(x []float32)) {
	step, part := uint64(8209), uint64(1<<17)
	if os.Getenv("QUIRE_SWEEP") != "" {
		step, part = 1, 1<<20
	}
	yield(specials)
	for at := uint64(0); at < 1<<32; at += part * step {
		x := make([]float32, 0, part)
		for b := at; b < min(at+part*step, 1<<32); b += step {
			x = append(x, math.Float32frombits(uint32(b)))
		}
		yield(x)
	}
}

// dense returns numbers of ordinary sizes, in steps that are not those of any table. QUIRE_SWEEP makes them many.
func dense(yield func(x []float32)) {
	step := float32(1.7e-4)
	if os.Getenv("QUIRE_SWEEP") != "" {
		step = 1.7e-6
	}
	for lo := float32(-20); lo < 20; lo++ {
		var x []float32
		for v := lo; v < lo+1; v += step {
			x = append(x, v)
		}
		yield(x)
	}
}

// lastPlaces returns how far got is from want in units of the last place of want as a float32.
func lastPlaces(got float32, want float64) float64 {
	near := float32(want)
	switch {
	case want != want || got != got || math.IsInf(float64(near), 0) || math.IsInf(float64(got), 0) || want == 0:
		if got != near && (got == got || near == near) || math.Signbit(float64(got)) != math.Signbit(float64(near)) && got == got {
			return math.Inf(1)
		}
		return 0
	case got == 0 && math.Signbit(float64(got)) != math.Signbit(want):
		return math.Inf(1)
	}
	_, e := math.Frexp(math.Abs(want))
	return math.Abs(float64(got)-want) / math.Ldexp(1, max(e-24, -149))
}

func run1(t cpu.Tier, o Op, x []float32) []float32 {
	var c Code
	c.Store(1, Float32, c.Op(o, c.Load(0, Float32)))
	y := make([]float32, len(x))
	c.CompileFor(t).Run([]unsafe.Pointer{unsafe.Pointer(&x[0]), unsafe.Pointer(&y[0])}, len(x), nil)
	return y
}

func TestFunctionsOfOneNumber(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		for o := range numOps {
			row := &table[o]
			if row.f1 == nil {
				continue
			}
			t.Run(fmt.Sprint(tier, "/", o), func(t *testing.T) {
				worst, at := -1.0, float32(0)
				for _, numbers := range []func(yield func(x []float32)){sweep, dense} {
					numbers(func(x []float32) {
						for i, y := range run1(tier, o, x) {
							if d := lastPlaces(y, row.f1(float64(x[i]))); d > worst {
								worst, at = d, x[i]
							}
						}
					})
				}
				t.Logf("largest error %.3f at %x", worst, at)
				if worst > 1 {
					got := run1(tier, o, []float32{at})
					t.Errorf("%s(%x = %v) = %v, want %v: off by %.3f in the last place", o, at, at, got[0], row.f1(float64(at)), worst)
				}
			})
		}
	}
}

func TestFunctionsOfTwoNumbers(t *testing.T) {
	var x, y []float32
	for _, a := range specials {
		for _, b := range specials {
			x, y = append(x, a), append(y, b)
		}
	}
	for i := range uint32(60000) {
		b, c := i*2654435761, i*40503*2246822519
		x, y = append(x, math.Float32frombits(b)), append(y, math.Float32frombits(c))
		x, y = append(x, math.Float32frombits(b>>3)), append(y, float32(int32(c))/(1<<26))
	}
	for _, tier := range cpu.Tiers() {
		for o := range numOps {
			row := &table[o]
			if row.f2 == nil && row.test2 == nil {
				continue
			}
			t.Run(fmt.Sprint(tier, "/", o), func(t *testing.T) {
				var c Code
				v := c.Op(o, c.Load(0, Float32), c.Load(1, Float32))
				z, mask := make([]float32, len(x)), make([]uint8, len(x))
				if row.f2 == nil {
					c.Store(2, Bool, v)
				} else {
					c.Store(2, Float32, v)
				}
				out := unsafe.Pointer(&z[0])
				if row.f2 == nil {
					out = unsafe.Pointer(&mask[0])
				}
				c.CompileFor(tier).Run([]unsafe.Pointer{unsafe.Pointer(&x[0]), unsafe.Pointer(&y[0]), out}, len(x), nil)
				worst := 0.0
				for i := range x {
					a, b := float64(x[i]), float64(y[i])
					if row.f2 == nil {
						if (mask[i] == 1) != row.test2(a, b) || mask[i] > 1 {
							t.Fatalf("%s(%v, %v) = %d", o, a, b, mask[i])
						}
						continue
					}
					d := lastPlaces(z[i], row.f2(a, b))
					worst = max(worst, d)
					if d > 1 {
						t.Fatalf("%s(%x = %v, %x = %v) = %v, want %v: off by %.3f in the last place", o, a, a, b, b, z[i], row.f2(a, b), d)
					}
				}
				t.Logf("largest error %.3f", worst)
			})
		}
	}
	assert.NotEmpty(t, x)
}
