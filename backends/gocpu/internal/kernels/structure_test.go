package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"

	"github.com/quire-ml/quire/graph/dtypes"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// subsets returns all sets of the axes 0 to n-1.
func subsets(n int) (list [][]int) {
	for bits := range 1 << n {
		set := []int{}
		for i := range n {
			if bits>>i&1 == 1 {
				set = append(set, i)
			}
		}
		list = append(list, set)
	}
	return list
}

func unravel(i int, dims []int) []int {
	index := make([]int, len(dims))
	for k := len(dims) - 1; k >= 0; k-- {
		index[k] = i % dims[k]
		i /= dims[k]
	}
	return index
}

func ravel(index, dims []int) (i int) {
	for k, x := range index {
		i = i*dims[k] + x
	}
	return i
}

func TestReductionsOverAllAxes(t *testing.T) {
	for _, dims := range [][]int{{1}, {7}, {20000}, {3, 5}, {2, 3, 4}, {9000, 3}, {3, 9000}, {2, 300, 60}, {3, 1, 4, 5}, {20, 2, 30, 9}, {0, 3}} {
		x := randomFloats[float32](rand.New(rand.NewPCG(5, 6)), size(dims))
		for _, axes := range subsets(len(dims)) {
			var kept []int
			for i, d := range dims {
				if !slices.Contains(axes, i) {
					kept = append(kept, d)
				}
			}
			sums, most := make([]float64, size(kept)), make([]float32, size(kept))
			for i := range most {
				most[i] = float32(math.Inf(-1))
			}
			for i, v := range x {
				var to []int
				for k, at := range unravel(i, dims) {
					if !slices.Contains(axes, k) {
						to = append(to, at)
					}
				}
				j := ravel(to, kept)
				sums[j] += float64(v)
				most[j] = max(most[j], v)
			}
			var first []float32
			for _, workers := range []int{1, 2, 3, 8} {
				z := make([]float32, len(sums))
				f, scratch := Reduce(cpu.Use(), SumFloat32(false), dims, axes, workers)
				run(f, scratch, workers, Bytes(z), Bytes(x))
				for i := range z {
					if math.Abs(float64(z[i])-sums[i]) > 1e-6*(1+math.Abs(sums[i])) {
						t.Fatalf("sum of %v over %v: element %d is %v, want %v", dims, axes, i, z[i], sums[i])
					}
				}
				if first == nil {
					first = slices.Clone(z)
				} else if !slices.Equal(first, z) {
					t.Fatalf("sum of %v over %v depends on the workers", dims, axes)
				}
				g, scratch := Reduce(cpu.Use(), MaxReal(float32(math.Inf(-1))), dims, axes, workers)
				run(g, scratch, workers, Bytes(z), Bytes(x))
				if !slices.Equal(z, most) {
					t.Fatalf("max of %v over %v differs", dims, axes)
				}
			}
		}
	}
}

func TestSumsOfManyEqualNumbersAreExact(t *testing.T) {
	x := make([]float32, 1<<22+3)
	fill(x, 0.1)
	z := make([]float32, 1)
	f, scratch := Reduce(cpu.Use(), SumFloat32(false), []int{len(x)}, []int{0}, 2)
	run(f, scratch, 2, Bytes(z), Bytes(x))
	assert.Equal(t, float32(float64(len(x))*float64(float32(0.1))), z[0])
}

func TestCopiesAmongZeros(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 9))
	for _, c := range []struct {
		name               string
		dims, before, step []int // of the operand, how many zeros come before, and how far apart elements are
		out                []int
	}{
		{"an image with channels last", []int{3, 28, 28, 16}, []int{0, 1, 1, 0}, []int{1, 1, 1, 1}, []int{3, 30, 30, 16}},
		{"an image with channels first", []int{2, 3, 5, 70}, []int{0, 0, 2, 1}, []int{1, 1, 1, 1}, []int{2, 3, 8, 72}},
		{"short rows", []int{4, 5, 6}, []int{1, 0, 2}, []int{1, 1, 1}, []int{6, 5, 9}},
		{"rows apart", []int{6, 100}, []int{2, 0}, []int{3, 1}, []int{20, 100}},
		{"elements apart", []int{6, 100}, []int{0, 3}, []int{1, 2}, []int{7, 210}},
		{"one row", []int{100}, []int{5}, []int{1}, []int{111}},
		{"nothing", []int{4, 0}, []int{1, 1}, []int{1, 1}, []int{6, 70}},
		{"no zeros", []int{4, 80}, []int{0, 0}, []int{1, 1}, []int{4, 80}},
	} {
		src, dst := make([]int, len(c.dims)), make([]int, len(c.dims))
		to, s, d := 0, 1, 1
		for i := len(c.dims) - 1; i >= 0; i-- {
			src[i], dst[i] = s, d*c.step[i]
			to += c.before[i] * d
			s, d = s*c.dims[i], d*c.out[i]
		}
		for _, elem := range []int{1, 4, 8} {
			for _, workers := range []int{1, 2} {
				aligned := func(n int) []byte { return Bytes(make([]complex128, n*elem/16+1))[:n*elem] }
				x, z, want := aligned(s), aligned(d), aligned(d)
				for i := range x {
					x[i] = byte(1 + rng.IntN(255))
				}
				for i := range z {
					z[i] = 0xff
				}
				for i := range size(c.dims) {
					at := to
					for k, p := range unravel(i, c.dims) {
						at += p * dst[k]
					}
					copy(want[at*elem:], x[i*elem:(i+1)*elem])
				}
				run(Moves(elem, true, Move{Dims: c.dims, Src: src, Dst: dst, To: to}), 0, workers, z, x)
				require.Equal(t, want, z, "%s, %d bytes, %d workers", c.name, elem, workers)
			}
		}
	}
}

func TestTranspositions(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for range 40 {
		rank := 1 + rng.IntN(5)
		dims, perm := make([]int, rank), rng.Perm(rank)
		for i := range dims {
			dims[i] = 1 + rng.IntN([]int{3, 9, 40}[rng.IntN(3)])
		}
		if size(dims) > 1<<20 {
			continue
		}
		stride := make([]int, rank)
		for i, n := rank-1, 1; i >= 0; i-- {
			stride[i] = n
			n *= dims[i]
		}
		to, src := make([]int, rank), make([]int, rank)
		for i, p := range perm {
			to[i], src[i] = dims[p], stride[p]
		}
		dst := make([]int, rank)
		for i, n := rank-1, 1; i >= 0; i-- {
			dst[i] = n
			n *= to[i]
		}
		for _, elem := range []int{1, 2, 4, 8, 16} {
			aligned := func() []byte { return Bytes(make([]complex128, size(dims)*elem/16+1))[:size(dims)*elem] }
			x, z := aligned(), aligned()
			for i := range x {
				x[i] = byte(rng.Uint32())
			}
			run(Moves(elem, false, Move{Dims: to, Src: src, Dst: dst}), 0, 2, z, x)
			for i := range size(to) {
				from := 0
				for k, at := range unravel(i, to) {
					from += at * src[k]
				}
				if !slices.Equal(z[i*elem:(i+1)*elem], x[from*elem:(from+1)*elem]) {
					t.Fatalf("%v by %v, %d bytes: element %d is wrong", dims, perm, elem, i)
				}
			}
		}
	}
}

func TestSoftmaxAlongAnyAxes(t *testing.T) {
	for _, dims := range [][]int{{5}, {3, 7}, {4, 5, 6}, {2, 300, 3}} {
		x := randomFloats[float32](rand.New(rand.NewPCG(2, 8)), size(dims))
		for _, axes := range subsets(len(dims))[1:] {
			sum := map[string]float64{}
			key := func(i int) string {
				index := unravel(i, dims)
				for _, a := range axes {
					index[a] = 0
				}
				return fmt.Sprint(index)
			}
			for i, v := range x {
				sum[key(i)] += math.Exp(float64(v) * 10)
			}
			big := make([]float32, len(x))
			for i, v := range x {
				big[i] = v * 10
			}
			for _, log := range []bool{false, true} {
				z := make([]float32, len(x))
				f, scratch := Softmax(cpu.Use(), dtypes.Float32, NewLanes(dims, axes), nil, log, 2)
				run(f, scratch, 2, Bytes(z), Bytes(big))
				for i := range z {
					want := math.Exp(float64(x[i])*10) / sum[key(i)]
					if log {
						want = math.Log(want)
					}
					if math.Abs(float64(z[i])-want) > 2e-6*(1+math.Abs(want)) {
						t.Fatalf("softmax of %v over %v: element %d is %v, want %v", dims, axes, i, z[i], want)
					}
				}
			}
		}
	}
}
