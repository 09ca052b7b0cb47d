package search

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// Space is what hyperparameters may be, by name.
type Space map[string]Range

// Range is what one may be. It is made by [Uniform], [LogUniform], [Ints], [LogInts] and [Choice].
type Range struct {
	from  func(u float64) any // of a number in [0, 1)
	about string
	err   error
}

// String says what values there are.
func (r Range) String() string { return r.about }

// Uniform is numbers from low to high, evenly.
func Uniform(low, high float64) Range {
	r := Range{about: fmt.Sprintf("uniform in [%v, %v)", low, high), from: func(u float64) any { return low + u*(high-low) }}
	if !(low < high) || math.IsInf(high-low, 0) {
		r.err = fmt.Errorf("a uniform range from %v to %v: want finite numbers, the first less than the second", low, high)
	}
	return r
}

// LogUniform is numbers from low to high whose logarithms are even: as many between 0.001 and 0.01 as between 0.01 and 0.1.
func LogUniform(low, high float64) Range {
	r := Range{about: fmt.Sprintf("log-uniform in [%v, %v)", low, high), from: func(u float64) any { return math.Exp(math.Log(low) + u*(math.Log(high)-math.Log(low))) }}
	if !(0 < low && low < high) || math.IsInf(high, 0) {
		r.err = fmt.Errorf("a logarithmic range from %v to %v: want finite numbers above 0, the first less than the second", low, high)
	}
	return r
}

// Ints is the integers from low to high, both included.
func Ints(low, high int) Range {
	r := Range{about: fmt.Sprintf("integers from %d to %d", low, high), from: func(u float64) any {
		return min(high, low+int(u*(float64(high)-float64(low)+1)))
	}}
	if low > high || high-low < 0 {
		r.err = fmt.Errorf("integers from %d to %d: want the first no more than the second", low, high)
	}
	return r
}

// LogInts is the integers from low to high, both included, with logarithms that are even: powers of two are equally likely.
func LogInts(low, high int) Range {
	r := Range{about: fmt.Sprintf("integers from %d to %d, by their logarithm", low, high), from: func(u float64) any {
		a, b := math.Log(float64(low)-0.5), math.Log(float64(high)+0.5)
		return min(high, max(low, int(math.Round(math.Exp(a+u*(b-a))))))
	}}
	if low < 1 || low > high {
		r.err = fmt.Errorf("integers from %d to %d, by their logarithm: want 1 and more, the first no more than the second", low, high)
	}
	return r
}

// Choice is one of some values: bools, ints, float64s, strings.
func Choice[T bool | int | float64 | string](values ...T) Range {
	values = slices.Clone(values)
	r := Range{about: "one of " + strings.Trim(fmt.Sprint(values), "[]"), from: func(u float64) any { return values[min(len(values)-1, int(u*float64(len(values))))] }}
	if len(values) == 0 {
		r.err = fmt.Errorf("a choice of nothing: give one value and more")
	}
	return r
}

// names returns the names, sorted: the order in which numbers are drawn.
func (s Space) names() []string { return slices.Sorted(maps.Keys(s)) }

func (s Space) check() error {
	if len(s) == 0 {
		return fmt.Errorf("the space has no hyperparameters")
	}
	for _, name := range s.names() {
		switch r := s[name]; {
		case r.err != nil:
			return fmt.Errorf("%s: %w", name, r.err)
		case r.from == nil:
			return fmt.Errorf("%s: a zero Range: use Uniform, LogUniform, Ints, LogInts or Choice", name)
		}
	}
	return nil
}

// at returns the values of a trial.
func (s Space) at(o Options, number int) map[string]any {
	values := map[string]any{}
	for i, name := range s.names() {
		var u float64
		if o.Halton {
			// The same shift for all numbers of a dimension keeps them as even as they are (Cranley and Patterson 1976).
			shift := rand.New(rand.NewPCG(o.Seed, uint64(i))).Float64()
			_, u = math.Modf(radicalInverse(number+1, prime(i)) + shift)
		} else {
			u = rand.New(rand.NewPCG(o.Seed, uint64(number)<<16|uint64(i)&0xFFFF)).Float64()
		}
		values[name] = s[name].from(u)
	}
	return values
}

// radicalInverse returns the digits of n in a base, behind the point in reverse order (Halton 1960).
func radicalInverse(n, base int) (x float64) {
	for scale := 1 / float64(base); n > 0; scale /= float64(base) {
		x += float64(n%base) * scale
		n /= base
	}
	return x
}

// prime returns the i-th prime, from 2 on.
func prime(i int) int {
	for n := 2; ; n++ {
		is := true
		for k := 2; k*k <= n; k++ {
			is = is && n%k != 0
		}
		if is {
			if i == 0 {
				return n
			}
			i--
		}
	}
}
