package kernels

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/stretchr/testify/require"
)

// indexTypes are the dtypes of indices, each with how it is written.
var indexTypes = map[dtypes.DType]func(v []int64) []byte{
	dtypes.Int8: ints[int8], dtypes.Int16: ints[int16], dtypes.Int32: ints[int32], dtypes.Int64: ints[int64],
	dtypes.Uint8: ints[uint8], dtypes.Uint16: ints[uint16], dtypes.Uint32: ints[uint32], dtypes.Uint64: ints[uint64],
}

func ints[T Integer](v []int64) []byte {
	z := make([]T, len(v))
	for i, x := range v {
		z[i] = T(x)
	}
	return Bytes(z)
}

// checkRows compares gathering and scattering rows of so many elements, at n vectors of indices over dims, with plain loops.
func checkRows[T Real](t *testing.T, rng *rand.Rand, d dtypes.DType, dims []int, n, rest int) {
	t.Helper()
	rows := size(dims)
	strides := make([]int, len(dims))
	for i, s := len(dims)-1, rest; i >= 0; i-- {
		strides[i] = s
		s *= dims[i]
	}
	indices, clamped, within := make([]int64, n*len(dims)), make([]int, n), make([]bool, n)
	for i := range n {
		within[i] = true
		for a, dim := range dims {
			x := int64(rng.IntN(dim))
			switch {
			case rng.IntN(8) == 0 && !d.IsUnsigned():
				x = -1 - int64(rng.IntN(100))
			case rng.IntN(8) == 0:
				x = int64(dim + rng.IntN(100-dim))
			}
			indices[i*len(dims)+a] = x
			within[i] = within[i] && x >= 0 && x < int64(dim)
			clamped[i] = clamped[i]*dim + int(max(0, min(x, int64(dim)-1)))
		}
	}
	x, updates := make([]T, rows*rest), make([]T, n*rest)
	for i := range x {
		x[i] = T(rng.IntN(100))
	}
	for i := range updates {
		updates[i] = T(rng.IntN(100))
	}
	name := fmt.Sprintf("%d rows of %d %T at %s over %v", n, rest, x, d, dims)

	elem := sizeOf[T]()
	inBytes := make([]int, len(strides))
	for i, s := range strides {
		inBytes[i] = s * elem
	}
	got, want := make([]T, n*rest), make([]T, n*rest)
	for i, r := range clamped {
		copy(want[i*rest:(i+1)*rest], x[r*rest:])
	}
	for _, tier := range cpu.Tiers() {
		run(Gather(tier, d, dims, inBytes, n, rest*elem), 0, 2, Bytes(got), Bytes(x), indexTypes[d](indices))
		require.Equal(t, want, got, "gathering %s, %s", name, tier)
	}

	for _, put := range []struct {
		name string
		put  Put[T]
		one  func(old, update T) T
	}{
		{"adding", AddRows[T], func(old, update T) T { return old + update }},
		{"the larger of", MaxRows[T], func(old, update T) T { return max(old, update) }},
		{"the smaller of", MinRows[T], func(old, update T) T { return min(old, update) }},
		{"replacing", CopyRows[T], func(_, update T) T { return update }},
	} {
		got, want := make([]T, len(x)), append([]T{}, x...)
		for i, r := range clamped {
			for k := range rest {
				if within[i] {
					want[r*rest+k] = put.one(want[r*rest+k], updates[i*rest+k])
				}
			}
		}
		f, scratch := Scatter(d, dims, strides, n, rest, put.put)
		run(f, scratch, 2, Bytes(got), Bytes(x), indexTypes[d](indices), Bytes(updates))
		require.Equal(t, want, got, "%s %s", put.name, name)
	}
}

func TestRowsAtIndices(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	for d := range indexTypes {
		for _, dims := range [][]int{{1}, {20}, {5, 7}, {2, 3, 4}} {
			for _, rest := range []int{1, 2, 3, 8, 17} {
				for _, n := range []int{1, 5, indexBlock, indexBlock + 3, 1000} {
					checkRows[uint8](t, rng, d, dims, n, rest)
					checkRows[int16](t, rng, d, dims, n, rest)
					checkRows[float32](t, rng, d, dims, n, rest)
					checkRows[int64](t, rng, d, dims, n, rest)
				}
			}
		}
	}
}

func TestSingleFloatsAreAddedInOrder(t *testing.T) {
	const size, n = 50, 70_000
	rng := rand.New(rand.NewPCG(6, 7))
	x, updates, indices := make([]float32, size), make([]float32, n), make([]int64, n)
	for i := range updates {
		updates[i], indices[i] = float32(rng.NormFloat64()), int64(rng.IntN(size+2)-1)
	}
	want := make([]float32, size)
	f, scratch := Scatter(dtypes.Int64, []int{size}, []int{1}, n, 1, AddRows[float32])
	run(f, scratch, 1, Bytes(want), Bytes(x), Bytes(indices), Bytes(updates))
	for _, tier := range cpu.Tiers()[1:] {
		got := make([]float32, size)
		run(ScatterAdd[float32](tier, dtypes.Int64, size, n), 0, 2, Bytes(got), Bytes(x), Bytes(indices), Bytes(updates))
		require.Equal(t, want, got, "%s", tier)
	}
	require.Nil(t, ScatterAdd[float32](cpu.Portable, dtypes.Int64, size, n))
	require.Nil(t, ScatterAdd[float32](cpu.Best(), dtypes.Int8, size, n))
}

func FuzzRowsAtIndices(f *testing.F) {
	f.Add(uint64(1), uint8(20), uint8(3), uint16(300), uint8(1))
	f.Fuzz(func(t *testing.T, seed uint64, first, second uint8, n uint16, rest uint8) {
		rng := rand.New(rand.NewPCG(seed, 2))
		dims := []int{1 + int(first%50), 1 + int(second%50)}
		for d := range indexTypes {
			checkRows[float32](t, rng, d, dims, 1+int(n%600), 1+int(rest%20))
		}
	})
}

func BenchmarkRowsAtIndices(b *testing.B) {
	const n = 1 << 20
	indices, x, updates := make([]int32, n), make([]float32, n), make([]float32, n)
	for i := range indices {
		indices[i] = int32(rand.IntN(n))
	}
	add, scratch := Scatter(dtypes.Int32, []int{n}, []int{1}, n, 1, AddRows[float32])
	for _, c := range []struct {
		name string
		f    Func
		in   [][]byte
	}{
		{"gather", Gather(cpu.Use(), dtypes.Int32, []int{n}, []int{4}, n, 4), [][]byte{Bytes(x), Bytes(indices)}},
		{"scatter sum", add, [][]byte{Bytes(x), Bytes(indices), Bytes(updates)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(12 * n)
			a := &Args{Out: [][]byte{Bytes(make([]float32, n))}, In: c.in, Scratch: make([]byte, scratch), Workers: 1}
			for b.Loop() {
				c.f(a)
			}
		})
	}
}
