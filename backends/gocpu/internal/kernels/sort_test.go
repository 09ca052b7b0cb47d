package kernels

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sortCase is a dtype as sorting sees it: its keys, elements to try, and what its bits mean.
type sortCase struct {
	name   string
	keys   Keys
	value  func(bits uint64) float64 // of floats
	signed bool
}

func specialBits(rng *rand.Rand, size int, infinity uint64) uint64 {
	sign, some := uint64(1)<<(8*size-1), rng.Uint64()>>(64-8*size)
	return []uint64{0, sign, infinity, infinity | sign, infinity + 1, infinity | infinity&-infinity>>1, infinity | sign | 5, 1, sign | 1, some, some, some}[rng.IntN(12)]
}

var sortCases = []sortCase{
	{name: "int8", keys: IntKeys[int8](), signed: true}, {name: "uint8", keys: IntKeys[uint8]()},
	{name: "int16", keys: IntKeys[int16](), signed: true}, {name: "uint16", keys: IntKeys[uint16]()},
	{name: "int32", keys: IntKeys[int32](), signed: true}, {name: "uint32", keys: IntKeys[uint32]()},
	{name: "int64", keys: IntKeys[int64](), signed: true}, {name: "uint64", keys: IntKeys[uint64]()},
	{name: "float16", keys: FloatKeys(2, 0x7c00), value: func(b uint64) float64 { return float16.Float16(b).Float64() }},
	{name: "bfloat16", keys: FloatKeys(2, 0x7f80), value: func(b uint64) float64 { return bfloat16.BFloat16(b).Float64() }},
	{name: "float32", keys: FloatKeys(4, 0x7f800000), value: func(b uint64) float64 { return float64(math.Float32frombits(uint32(b))) }},
	{name: "float64", keys: FloatKeys(8, 0x7ff0000000000000), value: math.Float64frombits},
}

// compare orders two elements, given as bits, by definition.
func (c *sortCase) compare(x, y uint64, total bool) int {
	switch {
	case c.value == nil && c.signed:
		shift := 64 - 8*c.keys.size
		return cmp.Compare(int64(x)<<shift>>shift, int64(y)<<shift>>shift)
	case c.value == nil:
		return cmp.Compare(x, y)
	}
	a, b := c.value(x), c.value(y)
	if total {
		ordered := func(v float64) int64 {
			bits := int64(math.Float64bits(v))
			if bits < 0 {
				return bits ^ math.MaxInt64
			}
			return bits
		}
		return cmp.Compare(ordered(a), ordered(b))
	}
	switch nanA, nanB := a != a, b != b; {
	case nanA && nanB:
		return 0
	case nanA:
		return 1
	case nanB:
		return -1
	}
	return cmp.Compare(a, b)
}

// elements returns n elements, as memory and as bits.
func (c *sortCase) elements(rng *rand.Rand, n int, few bool) ([]byte, []uint64) {
	bits := make([]uint64, n)
	for i := range bits {
		if bits[i] = specialBits(rng, c.keys.size, c.keys.infinity); few {
			bits[i] &= 3
		}
	}
	return packed(bits, c.keys.size), bits
}

// packed returns elements of size bytes each, in memory that is aligned for them.
func packed(bits []uint64, size int) []byte {
	b := Bytes(make([]uint64, (len(bits)*size+7)/8+1))[:len(bits)*size]
	for i, x := range bits {
		switch size {
		case 1:
			b[i] = uint8(x)
		case 2:
			Of[uint16](b)[i] = uint16(x)
		case 4:
			Of[uint32](b)[i] = uint32(x)
		case 8:
			Of[uint64](b)[i] = x
		}
	}
	return b
}

// checkSort compares a sort of the first axis of [n, lanes] with a stable one by definition.
func (c *sortCase) checkSort(t *testing.T, rng *rand.Rand, s Sorting, n, lanes int, few bool, workers int) {
	t.Helper()
	s.Keys = c.keys
	size := c.keys.size
	x, bits := c.elements(rng, n*lanes, few)
	f, scratch := Sort(s, NewLanes([]int{n, lanes}, []int{0}), NewLanes([]int{s.Take, lanes}, []int{0}), workers)
	z, at := packed(make([]uint64, s.Take*lanes), size), make([]int32, s.Take*lanes)
	a := &Args{Out: [][]byte{z}, In: [][]byte{x}, Scratch: Bytes(make([]uint64, scratch/8+1))[:scratch], Workers: workers}
	if s.Indices {
		a.Out = append(a.Out, Bytes(at))
	}
	f(a)
	want, wantAt := make([]uint64, s.Take*lanes), make([]int32, s.Take*lanes)
	for l := range lanes {
		places := make([]int, n)
		for i := range places {
			places[i] = i
		}
		slices.SortStableFunc(places, func(i, j int) int {
			order := c.compare(bits[i*lanes+l], bits[j*lanes+l], s.Total)
			if s.Descending {
				return -order
			}
			return order
		})
		for i, p := range places[:s.Take] {
			want[i*lanes+l], wantAt[i*lanes+l] = bits[p*lanes+l], int32(p)
		}
	}
	require.Equal(t, packed(want, size), z, "%+v of %d", s, n)
	if s.Indices {
		require.Equal(t, wantAt, at, "places, %+v of %d", s, n)
	}
}

func TestSortsAreStableAndInOrder(t *testing.T) {
	for _, c := range sortCases {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(3, 8))
			for _, n := range []int{1, 2, 3, shortSort, shortSort + 1, 2*shortSort + 1, 255, 1000, 3001} {
				for choice := range 16 * len(cpu.Tiers()) {
					s := Sorting{Total: choice&1 != 0, Descending: choice&2 != 0, Indices: choice&4 != 0, Take: n}
					for _, take := range []int{n, 1, 1 + n/10, 1 + rng.IntN(n)} {
						s.Take = min(take, n)
						s.Tier = cpu.Tiers()[choice/16]
						c.checkSort(t, rng, s, n, 1+rng.IntN(3), choice&8 != 0, 1+rng.IntN(3))
					}
				}
			}
		})
	}
}

// What comes in order is the worst for a selection, which drops candidates again and again.
func TestSelectionsFromWhatIsInOrder(t *testing.T) {
	const n, take = 100_000, 100
	x := make([]int32, n)
	for i := range x {
		x[i] = int32(i / 2)
	}
	for _, descending := range []bool{false, true} {
		f, scratch := Sort(Sorting{Tier: cpu.Best(), Keys: IntKeys[int32](), Take: take, Descending: descending}, NewLanes([]int{n}, []int{0}), NewLanes([]int{take}, []int{0}), 1)
		z := make([]int32, take)
		run(f, scratch, 1, Bytes(z), Bytes(x))
		for i, v := range z {
			want := int32(i / 2)
			if descending {
				want = int32((n - 1 - i) / 2)
			}
			require.Equal(t, want, v)
		}
	}
}

// One long lane is the same with one worker, by definition, and with several.
func TestLongLanes(t *testing.T) {
	const n = longLane + 77
	for i, c := range sortCases {
		if c.keys.size < 4 {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(3, 9))
			for choice := range 16 {
				if testing.Short() && (choice+i)%4 > 0 { // every choice, and every dtype
					continue
				}
				s := Sorting{Tier: cpu.Best(), Total: choice&1 != 0, Descending: choice&2 != 0, Indices: choice&4 != 0, Take: n}
				c.checkSort(t, rng, s, n, 1, choice&8 != 0, 1+3*rng.IntN(2))
			}
		})
	}
}

func FuzzSort(f *testing.F) {
	f.Add(uint64(1), uint16(300), uint8(7), uint8(0))
	f.Add(uint64(2), uint16(3000), uint8(3), uint8(10))
	f.Fuzz(func(t *testing.T, seed uint64, n uint16, choice, dtype uint8) {
		rng := rand.New(rand.NewPCG(seed, 1))
		size := 1 + int(n)%4096
		s := Sorting{Total: choice&1 != 0, Descending: choice&2 != 0, Indices: choice&4 != 0, Take: 1 + rng.IntN(size)}
		if choice&8 != 0 {
			s.Take = 1 + rng.IntN(1+size/20)
		}
		c := sortCases[int(dtype)%len(sortCases)]
		for _, s.Tier = range cpu.Tiers() {
			c.checkSort(t, rng, s, size, 1, choice&16 != 0, 1)
		}
	})
}

// A sort of one lane, which may be all that a call does, ends when the call does.
func TestASortEndsEarly(t *testing.T) {
	const n = 1 << 20
	keys, list, spare := make([]uint32, n), make([]uint64, n), make([]uint64, n)
	for i := range keys {
		keys[i] = rand.Uint32()
	}
	whole := 0
	sorted := orderByDigits(keys, list, spare, func() bool { whole++; return false })
	assert.True(t, slices.IsSorted(sorted))
	for _, after := range []int{1, whole / 3} {
		few := 0
		assert.Nil(t, orderByDigits(keys, list, spare, func() bool { few++; return few >= after }))
		assert.Equal(t, after, few)
	}
	for _, take := range []int{n, 10} {
		f, scratch := Sort(Sorting{Tier: cpu.Best(), Keys: IntKeys[uint32](), Take: take}, NewLanes([]int{n}, []int{0}), NewLanes([]int{take}, []int{0}), 1)
		z := make([]uint32, take)
		done := make(chan struct{})
		a := &Args{Out: [][]byte{Bytes(z)}, In: [][]byte{Bytes(keys)}, Scratch: make([]byte, scratch), Workers: 1}
		a.EndWith(done)
		close(done)
		f(a)
		assert.Equal(t, make([]uint32, take), z)
	}
}

func BenchmarkSort(b *testing.B) {
	const n = 1 << 20
	x := make([]float32, n)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for _, c := range []struct {
		name  string
		s     Sorting
		lanes int
	}{
		{"values", Sorting{Take: n}, 1},
		{"values and places", Sorting{Take: n, Indices: true}, 1},
		{"largest 10", Sorting{Take: 10, Descending: true, Total: true, Indices: true}, 1},
		{"largest 10000", Sorting{Take: 10000, Descending: true, Total: true, Indices: true}, 1},
		{"rows of 1024", Sorting{Take: 1024}, 1024},
		{"largest 2 of 8", Sorting{Take: 2, Descending: true, Total: true, Indices: true}, n / 8},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.s.Tier, c.s.Keys = cpu.Use(), FloatKeys(4, 0x7f800000)
			l, to := NewLanes([]int{c.lanes, n / c.lanes}, []int{1}), NewLanes([]int{c.lanes, c.s.Take}, []int{1})
			f, scratch := Sort(c.s, l, to, 1)
			z, at := make([]float32, n), make([]int32, n)
			a := &Args{Out: [][]byte{Bytes(z), Bytes(at)}, In: [][]byte{Bytes(x)}, Scratch: make([]byte, scratch), Workers: 1}
			b.ReportAllocs()
			for b.Loop() {
				f(a)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
		})
	}
}
