package kernels

import "math"

// Accumulators that make the rounding of what is added up, or multiplied, as good as that of a single operation,
// however many elements there are and in whatever order they come. What is narrower than float64 is added up in
// float64, where the rounding of a million additions is still far below the last place of the result.

// pair is a sum of float64s as the unevaluated sum of two: what it rounds to, and what the rounding left behind.
//
// Source: Knuth, "The Art of Computer Programming", volume 2, section 4.2.2, theorem B; used as in Ogita, Rump and
// Oishi, "Accurate Sum and Dot Product", 2005, algorithm 4.4.
type pair struct{ sum, rest float64 }

// plus returns p + x.
func (p pair) plus(x float64) pair {
	s := p.sum + x
	v := s - p.sum
	return pair{s, p.rest + ((p.sum - (s - v)) + (x - v))}
}

func (p pair) join(q pair) pair {
	p = p.plus(q.sum)
	p.rest += q.rest
	return p
}

// value returns the sum, rounded once.
func (p pair) value() float64 {
	if v := p.sum + p.rest; v == v {
		return v
	}
	return p.sum // infinite: nothing is left behind
}

// Total is a sum of float64s that is infinite only if what it adds up to is: large elements are kept apart, scaled.
type Total struct{ sum, large pair }

const (
	largeFrom  = 0x1p900  // 2^123 of these are a number still
	largeScale = 0x1p-200 // keeps 2^200 of the largest a number, and is exact for all that are large
)

// plus returns t + x.
func (t Total) plus(x float64) Total {
	if math.Abs(x) < largeFrom {
		t.sum = t.sum.plus(x)
	} else { // NaN too
		t.large = t.large.plus(x * largeScale)
	}
	return t
}

func joinTotals(a, b Total) Total { return Total{a.sum.join(b.sum), a.large.join(b.large)} }

// over returns the sum, divided by n.
func (t Total) over(n float64) float64 {
	if t.large == (pair{}) {
		return t.sum.value() / n
	}
	// What is lost of the small ones here is nothing beside the last place of a large one.
	small := pair{t.sum.sum * largeScale, t.sum.rest * largeScale}
	if large := t.large.join(small).value(); large != 0 {
		return large / n / largeScale
	}
	return t.sum.value() / n
}

// SumFloat64 returns the sum, or the mean, of float64s.
func SumFloat64(mean bool) Reducer[float64, Total] {
	return Reducer[float64, Total]{
		Row: func(acc Total, x []float64) Total {
			var a, b, c, d pair // additions that do not wait for one another
			for len(x) >= 4 {
				if max(math.Abs(x[0]), math.Abs(x[1]), math.Abs(x[2]), math.Abs(x[3])) < largeFrom {
					a, b, c, d = a.plus(x[0]), b.plus(x[1]), c.plus(x[2]), d.plus(x[3])
				} else {
					acc = acc.plus(x[0]).plus(x[1]).plus(x[2]).plus(x[3])
				}
				x = x[4:]
			}
			for _, v := range x {
				acc = acc.plus(v)
			}
			acc.sum = acc.sum.join(a.join(b)).join(c.join(d))
			return acc
		},
		Rows: func(acc []Total, x []float64) {
			x = x[:len(acc)]
			for i := range acc {
				acc[i] = acc[i].plus(x[i])
			}
		},
		Join: joinTotals,
		Finish: func(t Total, n int) float64 {
			if mean {
				return t.over(float64(n))
			}
			return t.over(1)
		},
	}
}

// ComplexTotal is a sum of complex128s.
type ComplexTotal struct{ re, im Total }

func (t ComplexTotal) plus(x complex128) ComplexTotal {
	return ComplexTotal{t.re.plus(real(x)), t.im.plus(imag(x))}
}

func joinComplexTotals(a, b ComplexTotal) ComplexTotal {
	return ComplexTotal{joinTotals(a.re, b.re), joinTotals(a.im, b.im)}
}

// over returns the sum, divided by n.
func (t ComplexTotal) over(n float64) complex128 { return complex(t.re.over(n), t.im.over(n)) }

// SumComplex128 returns the sum, or the mean, of complex128s.
func SumComplex128(mean bool) Reducer[complex128, ComplexTotal] {
	r := Folding(ComplexTotal{}, joinComplexTotals, func(x complex128) ComplexTotal { return ComplexTotal{}.plus(x) },
		func(t ComplexTotal, n int) complex128 {
			if !mean {
				n = 1
			}
			return t.over(float64(n))
		})
	r.Row = func(acc ComplexTotal, x []complex128) ComplexTotal {
		for _, v := range x {
			acc = acc.plus(v)
		}
		return acc
	}
	return r
}

// Power is a product of float64s, (m + rest)·2^exp with m in [0.5, 1) or 0, infinite or NaN: neither its rounding nor
// its range depends on the order of the factors.
//
// Source: the product is that of Graillat, "Accurate Floating-Point Product and Exponentiation", 2009, algorithm 3.
type Power struct {
	m, rest float64
	exp     int
}

// one is the product of nothing.
var one = Power{m: 0.5, exp: 1}

// times returns p · x.
func (p Power) times(x float64) Power {
	m, e := math.Frexp(x)
	return p.mul(m, 0, e)
}

// mul returns p · (m + rest)·2^e.
func (p Power) mul(m, rest float64, e int) Power {
	y := float64(p.m * m) // rounded here: otherwise Go may take it unrounded into y-y, as it does on arm64
	left := math.FMA(p.m, m, -y) + (p.m*rest + p.rest*m)
	if y-y != 0 || y == 0 { // infinite or NaN; or 0
		return Power{m: y}
	}
	f, by := math.Frexp(y)
	return Power{f, math.Ldexp(left, -by), p.exp + e + by}
}

func joinPowers(a, b Power) Power { return a.mul(b.m, b.rest, b.exp) }

// value returns the product, rounded once.
func (p Power) value() float64 {
	return math.Ldexp(p.m+p.rest, p.exp)
}

// ProductFloat returns the product of floats.
func ProductFloat[T Float]() Reducer[T, Power] {
	r := productOf(func(x T) float64 { return float64(x) }, func(x float64) T { return T(x) })
	if of, ok := any(func(x float32) float64 { return float64(x) }).(func(T) float64); ok {
		r.Row = narrowProduct(of)
	}
	return r
}

// ProductHalf returns the product of 16-bit floats.
func ProductHalf[H Half]() Reducer[H, Power] {
	r := productOf(func(x H) float64 { return x.Float64() }, halfOf[H]())
	r.Row = narrowProduct(func(x H) float64 { return x.Float64() })
	return r
}

func productOf[T any](of func(T) float64, to func(float64) T) Reducer[T, Power] {
	r := Folding(one, joinPowers, func(x T) Power { return one.times(of(x)) }, func(p Power, _ int) T { return to(p.value()) })
	r.Row = func(acc Power, x []T) Power {
		for _, v := range x {
			acc = acc.times(of(v))
		}
		return acc
	}
	return r
}

// narrowProduct is Row for numbers between 2^-149 and 2^128: six of them have a product that float64 holds, and rounds far
// below the last place of a narrower result.
func narrowProduct[T any](of func(T) float64) func(Power, []T) Power {
	return func(acc Power, x []T) Power {
		for len(x) >= 6 {
			acc = acc.times((of(x[0]) * of(x[1]) * of(x[2])) * (of(x[3]) * of(x[4]) * of(x[5])))
			x = x[6:]
		}
		for _, v := range x {
			acc = acc.times(of(v))
		}
		return acc
	}
}
