package live

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Of returns v as an array: a tensor, or what [tensors.FromAnyValue] takes, such as a number, or slices of numbers that are equally long. A
// tensor's memory is shared on engines in the memory of the host: its elements must not be changed any more. An array is returned as it is.
func Of(v any) *Array { return Default().Of(v) }

// Of is [Of] in the session s.
func (s *Session) Of(v any) *Array {
	s = s.made()
	switch v := v.(type) {
	case *Array:
		return s.operand(nil, v)
	case *tensors.Tensor:
		if err := v.CheckValid(); err != nil {
			return &Array{session: s, err: here(err)}
		}
		return s.holding(v.Share())
	}
	if d := dtypes.OfValue(v); d.IsValid() {
		return s.number1(v, d)
	}
	t, err := tensors.FromAnyValue(v)
	if err != nil {
		return &Array{session: s, err: here(err)}
	}
	return s.holding(t)
}

// holding returns an array whose value is t, which it takes over.
func (s *Session) holding(t *tensors.Tensor) *Array {
	a := &Array{session: s, shape: t.Shape(), site: s.here()}
	v := &value{session: s, shape: t.Shape(), site: a.site, host: t}
	a.state.Store(&state{value: v})
	s.memory.add(a, v)
	return a
}

// literalArray is an array of one number, a parameter of the programs that use it.
type literalArray struct {
	Array
	state state
	value value
}

// number1 returns a number, which fits d, as an array.
func (s *Session) number1(v any, d dtypes.DType) *Array {
	l := &literalArray{}
	l.Array.session, l.Array.shape, l.Array.site = s, shapes.Scalar(d), s.here()
	l.value.session, l.value.shape, l.value.number = s, l.Array.shape, v
	l.state.value = &l.value
	l.Array.state.Store(&l.state)
	return &l.Array
}

// literal returns a number or a slice of Go as an array, of the dtype of x if there is an x.
func (s *Session) literal(x *Array, v any) *Array {
	if x == nil {
		return s.Of(v)
	}
	d := x.shape.DType
	if own := dtypes.OfValue(v); own.IsValid() {
		fit, err := dtypes.Fit(v, d)
		if err != nil {
			return failed(s, "%s and %v: %w (convert the array with ConvertDType, or write another number)", x.shape, v, err)
		}
		return s.number1(fit, d)
	}
	t, err := tensors.FromAnyValue(v)
	if err == nil {
		t, err = t.FitDType(d)
	}
	if err != nil {
		return &Array{session: s, err: here(fmt.Errorf("%s and a %T: %w", x.shape, v, err))}
	}
	return s.holding(t)
}

// Zeros returns an array of zeros, float32; of another dtype by [Array.ConvertDType], as all that follow.
func Zeros(dims ...int) *Array { return Default().Zeros(dims...) }

// Zeros is [Zeros] in the session s.
func (s *Session) Zeros(dims ...int) *Array { return s.Full(0, dims...) }

// Ones returns an array of ones, float32.
func Ones(dims ...int) *Array { return Default().Ones(dims...) }

// Ones is [Ones] in the session s.
func (s *Session) Ones(dims ...int) *Array { return s.Full(1, dims...) }

// Full returns an array of which every element is v, float32.
func Full(v float64, dims ...int) *Array { return Default().Full(v, dims...) }

// Full is [Full] in the session s.
func (s *Session) Full(v float64, dims ...int) *Array {
	s = s.made()
	return s.float32(v).BroadcastTo(dims...)
}

// float32 returns a number as a float32.
func (s *Session) float32(v float64) *Array {
	fit, err := dtypes.Fit(v, dtypes.Float32)
	if err != nil {
		return &Array{session: s, err: here(err)}
	}
	return s.number1(fit, dtypes.Float32)
}

// Arange returns the numbers from 0 to before stop, float32; with two arguments from start to before stop, with three in steps:
//
//	Arange(4) = [0 1 2 3]    Arange(1, 4) = [1 2 3]    Arange(0, 1, 0.25) = [0 0.25 0.5 0.75]
func Arange(stop float64, more ...float64) *Array { return Default().Arange(stop, more...) }

// Arange is [Arange] in the session s.
func (s *Session) Arange(stop float64, more ...float64) *Array {
	s = s.made()
	start, step := 0.0, 1.0
	switch len(more) {
	case 0:
	case 1:
		start, stop = stop, more[0]
	case 2:
		start, stop, step = stop, more[0], more[1]
	default:
		return failed(s, "Arange takes a start, a stop and a step, not %d numbers", 1+len(more))
	}
	n := math.Ceil((stop - start) / step)
	if !(n < 1<<40) || step == 0 { // not a number, too
		return failed(s, "Arange from %v to %v in steps of %v has no end", start, stop, step)
	}
	return s.counted(int(max(n, 0))).Mul(step).Add(start)
}

// Linspace returns n numbers from start to stop, both included, equally far apart, float32. n is at least 2.
func Linspace(start, stop float64, n int) *Array { return Default().Linspace(start, stop, n) }

// Linspace is [Linspace] in the session s.
func (s *Session) Linspace(start, stop float64, n int) *Array {
	s = s.made()
	if n < 2 {
		return failed(s, "Linspace has at least its two ends: %d numbers are asked for", n)
	}
	t := s.counted(n).Div(float64(n - 1)) // exact at both ends
	return t.Mul(stop).Add(t.Neg().Add(1).Mul(start))
}

// counted returns 0, 1, … n-1.
func (s *Session) counted(n int) *Array {
	return s.record(func(g *graph.Graph) *graph.Node { return graph.Iota(g, shapes.Make(dtypes.Float32, n), 0) }, []int{n}, "")
}

// Tri returns an array of rows and columns that is 1 at and below a diagonal and 0 above it, float32; the diagonal 0 is the main one, others lie
// above it, negative ones below.
func Tri(rows, columns, diagonal int) *Array { return Default().Tri(rows, columns, diagonal) }

// Tri is [Tri] in the session s.
func (s *Session) Tri(rows, columns, diagonal int) *Array {
	return s.made().record(func(g *graph.Graph) *graph.Node {
		return graph.ConvertDType(graph.ShapedLowerTriangular(g, rows, columns, diagonal), dtypes.Float32)
	}, []int{rows, columns, diagonal}, "")
}

// randomness is where the random numbers of a session come from: each array of them has a state of its own, made of the seed and of how
// many were asked for before.
type randomness struct {
	seeded bool
	seed   uint64
	count  uint64
}

// Seed makes what [Normal], [Uniform] and their like return from now on a matter of seed, on every engine. Without it they are other numbers each
// time. A cell of a notebook is a program of its own: one that is to be the same whenever it runs begins with a Seed.
func Seed(seed int64) { Default().Seed(seed) }

// Seed is [Seed] for the session s.
func (s *Session) Seed(seed int64) {
	s = s.made()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.random = randomness{seeded: true, seed: uint64(seed)}
}

// Key returns the state of a generator of random numbers that nobody else has, for functions of packages graph and random:
//
//	_, x := live.Call2(func(state *graph.Node) (next, x *graph.Node) { return random.Gumbel(state, shape) }, live.Key())
func Key() *Array { return Default().Key() }

// Key is [Key] in the session s.
func (s *Session) Key() *Array {
	s = s.made()
	s.mu.Lock()
	r := &s.random
	if !r.seeded {
		*r = randomness{seeded: true, seed: rand.Uint64()}
	}
	seed := mixed(mixed(r.seed) + r.count)
	r.count++
	s.mu.Unlock()
	t, err := graph.RNGStateFromSeed(int64(seed))
	if err != nil {
		return &Array{session: s, err: here(err)}
	}
	return s.holding(t)
}

// mixed returns a number that is another one for each x.
//
// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014, the finalizer of SplitMix64.
func mixed(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Normal returns numbers of the standard normal distribution, float32; see [Seed].
func Normal(dims ...int) *Array { return Default().Normal(dims...) }

// Normal is [Normal] in the session s.
func (s *Session) Normal(dims ...int) *Array {
	return s.drawn(graph.RandomNormal, 0, dims)
}

// Uniform returns numbers that are equally likely between 0 and 1, without 1, float32; see [Seed].
func Uniform(dims ...int) *Array { return Default().Uniform(dims...) }

// Uniform is [Uniform] in the session s.
func (s *Session) Uniform(dims ...int) *Array {
	return s.drawn(graph.RandomUniform, 1, dims)
}

func (s *Session) drawn(draw func(state *graph.Node, shape shapes.Shape) (next, values *graph.Node), kind int, dims []int) *Array {
	s = s.made()
	shape := shapes.Make(dtypes.Float32, dims...)
	return s.record(func(state *graph.Node) *graph.Node {
		_, x := draw(state, shape)
		return x
	}, append([]int{kind}, dims...), "", s.Key())
}

// Load returns what a .npy file holds, see [tensors.Load].
func Load(path string) *Array { return Default().Load(path) }

// Load is [Load] in the session s.
func (s *Session) Load(path string) *Array {
	s = s.made()
	t, err := tensors.Load(path)
	if err != nil {
		return &Array{session: s, err: here(err)}
	}
	return s.holding(t)
}

// Save writes the value of x, evaluated if need be, as a .npy file, see [tensors.Tensor.Save].
func (x *Array) Save(path string) error {
	t, err := x.Tensor()
	if err != nil {
		return err
	}
	return t.Save(path)
}

// FromBytes returns an array of the given dtype and dimensions whose elements lie in data, row by row, in the order of bytes of a .npy file of
// this machine; they are copied.
func FromBytes(data []byte, dtype dtypes.DType, dims ...int) *Array {
	s := Default()
	t, err := tensors.FromBytes(shapes.Make(dtype, dims...), data)
	if err != nil {
		return &Array{session: s, err: here(err)}
	}
	return s.holding(t)
}

// Bytes returns a copy of the elements of x, evaluated if need be, as they lie in memory.
func (x *Array) Bytes() (data []byte, err error) {
	t, err := x.Tensor()
	if err != nil {
		return nil, err
	}
	err = t.ConstBytes(func(p []byte) { data = append(data, p...) })
	return data, err
}

// here returns the site of the user's line.
func (s *Session) here() ir.Site {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sites.Here()
}

var errNoArrays = errors.New("there are no arrays")
