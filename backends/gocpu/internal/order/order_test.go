package order

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// run is a [Run] that ends when a function says so.
type run func() bool

func (r run) Ended() bool { return r() }

var never = run(func() bool { return false })

// patterns are orders that sorts may meet.
var patterns = map[string]func(rng *rand.Rand, n, i int) int64{
	"any":          func(rng *rand.Rand, _, _ int) int64 { return int64(rng.Uint64()) },
	"few":          func(rng *rand.Rand, _, _ int) int64 { return rng.Int64N(3) },
	"all the same": func(*rand.Rand, int, int) int64 { return math.MaxInt64 },
	"two":          func(_ *rand.Rand, _, i int) int64 { return int64(i%2) - 1 },
	"rising":       func(_ *rand.Rand, _, i int) int64 { return int64(i) },
	"falling":      func(_ *rand.Rand, n, i int) int64 { return int64(n - i) },
	"up and down":  func(_ *rand.Rand, n, i int) int64 { return int64(min(i, n-i)) },
	"ends":         func(rng *rand.Rand, _, _ int) int64 { return []int64{math.MinInt64, math.MaxInt64, 0}[rng.IntN(3)] },
	"many equal ones": func(rng *rand.Rand, _, i int) int64 {
		return map[bool]int64{true: int64(i), false: 7}[rng.IntN(100) == 0]
	},
}

func made[T Number](of func(rng *rand.Rand, n, i int) int64, n int) []T {
	rng := rand.New(rand.NewPCG(uint64(n), 3))
	x := make([]T, n)
	for i := range x {
		v := of(rng, n, i)
		if x[i] = T(v); v == math.MaxInt64 || v == math.MinInt64 {
			x[i] = T(v >> (64 - 8*unsafe.Sizeof(x[i])))
		}
	}
	return x
}

func checkSort[T Number](t *testing.T, tier cpu.Tier, x []T) {
	t.Helper()
	want := slices.Clone(x)
	slices.Sort(want)
	got := append(slices.Clone(x), 1, 2)
	require.True(t, Sort(tier, got[:len(x)], make([]T, len(x)), never))
	if !slices.Equal(want, got[:len(x)]) {
		t.Fatalf("%s: %d numbers of type %T are out of order", tier, len(x), want)
	}
	assert.Equal(t, []T{1, 2}, got[len(x):], "what is behind is left alone")
}

func TestSortsOfEveryPattern(t *testing.T) {
	for name, of := range patterns {
		t.Run(name, func(t *testing.T) {
			for _, tier := range cpu.Tiers() {
				for n := range 300 {
					checkSort(t, tier, made[int32](of, n))
					checkSort(t, tier, made[int64](of, n))
				}
				for _, n := range []int{511, 512, 513, 1000, 4095, 30000, 200_001} {
					checkSort(t, tier, made[int32](of, n))
					checkSort(t, tier, made[int64](of, n))
				}
			}
		})
	}
}

// The networks of all tiers, on zeros and ones in every pattern of a few places among others.
func TestNetworks(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		checkNetworks(t, tier, kernelsOf[int32](tier))
		checkNetworks(t, tier, kernelsOf[int64](tier))
	}
}

func checkNetworks[T Number](t *testing.T, tier cpu.Tier, k *kernels[T]) {
	rng := rand.New(rand.NewPCG(5, 5))
	for _, net := range k.networks {
		for range 2000 {
			n := 1 + rng.IntN(net.size)
			x, z := make([]T, n), make([]T, n+1)
			ones := rng.IntN(n + 1)
			for i := range ones {
				x[i] = 1
			}
			rng.Shuffle(len(x), func(i, j int) { x[i], x[j] = x[j], x[i] })
			z[n] = 5
			net.sort(unsafe.Pointer(&z[0]), unsafe.Pointer(&x[0]), n)
			slices.Sort(x)
			require.Equal(t, append(x, 5), z, "%s: %d numbers of type %T", tier, n, x)
		}
	}
}

// Elements in order are those that their keys put in order.
func TestSortsOfElements(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		for _, n := range []int{0, 1, 100, keyBlock, keyBlock + 1, 40_000} {
			x := make([]int32, n)
			rng := rand.New(rand.NewPCG(uint64(n), 4))
			for i := range x {
				x[i] = int32(math.Float32bits(float32(rng.IntN(900) - 450)))
			}
			k := FloatKeys(32, 0x7f800000, false, true)
			z, room := make([]int32, n), make([]int32, n)
			exact, ok := SortElements(tier, k, z, x, room, never)
			require.True(t, exact && ok)
			slices.SortFunc(x, func(a, b int32) int {
				return cmp.Compare(math.Float32frombits(uint32(b)), math.Float32frombits(uint32(a)))
			})
			assert.Equal(t, x, z, "%s: %d elements", tier, n)
			if n > 50 {
				x[50] = math.MinInt32
				exact, _ = SortElements(tier, k, z, x, room, never)
				assert.False(t, exact, "%s: there is -0", tier)
			}
		}
	}
}

// Parts are what plain Go makes of them.
func TestParts(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		rng := rand.New(rand.NewPCG(5, 6))
		s := sorter[int32]{k: kernelsOf[int32](tier)}
		for n := 1; n < 200; n++ {
			x, low := make([]int32, n), make([]int32, n+1)
			var wantLow, wantHigh []int32
			for i := range x {
				if x[i] = rng.Int32N(10); x[i] < 4 {
					wantLow = append(wantLow, x[i])
				} else {
					wantHigh = append(wantHigh, x[i])
				}
			}
			low[n] = 77
			got := s.part(low[:n], x, 4)
			require.Equal(t, wantLow, append([]int32(nil), low[:got]...), "%s: %d numbers", tier, n)
			require.Equal(t, wantHigh, append([]int32(nil), x[:n-got]...), "%s: %d numbers", tier, n)
			require.Equal(t, int32(77), low[n], "%s: what is behind is left alone", tier)
		}
	}
}

// A part by a pivot of its own choice leaves all numbers, the lower ones first.
func TestPartsInPlace(t *testing.T) {
	for name, of := range patterns {
		for _, tier := range cpu.Tiers() {
			for _, n := range []int{0, 1, 2, 3, 20, 300, 5000} {
				x := made[int64](of, n)
				want := slices.Clone(x)
				slices.Sort(want)
				low := Part(tier, x, make([]int64, n))
				if low > 0 {
					require.Less(t, slices.Max(x[:low]), slices.Min(x[low:]), "%s: %d numbers, %s", tier, n, name)
				}
				slices.Sort(x)
				require.Equal(t, want, x, "%s: %d numbers, %s", tier, n, name)
			}
		}
	}
}

// Keys of elements are parted by a pivot that is given, each half in the order of the elements, and none is written behind the
// elements' places.
func TestKeysAreParted(t *testing.T) {
	for name, of := range patterns {
		for _, tier := range cpu.Tiers() {
			for _, n := range []int{1, 2, 20, 300, keyBlock, 3*keyBlock + 5} {
				x, k := made[int32](of, n), FloatKeys(32, 0x7f800000, false, n%2 > 0)
				keys := make([]int32, n)
				exact := Of(tier, k, keys, x)
				pivot := Middle(tier, k, x)
				require.Contains(t, keys, pivot, "%s: %d elements, %s", tier, n, name)
				var wantLow, wantHigh []int32
				for _, key := range keys {
					if key < pivot {
						wantLow = append(wantLow, key)
					} else {
						wantHigh = append(wantHigh, key)
					}
				}
				low, high := make([]int32, n+1), make([]int32, n+1)
				low[n], high[n] = 77, 77
				got, same := PartElements(tier, k, pivot, low[:n], high[:n], x)
				require.Equal(t, exact, same, "%s: %d elements, %s", tier, n, name)
				require.Equal(t, wantLow, append([]int32(nil), low[:got]...), "%s: %d elements, %s", tier, n, name)
				require.Equal(t, wantHigh, append([]int32(nil), high[:n-got]...), "%s: %d elements, %s", tier, n, name)
				require.Equal(t, []int32{77, 77}, []int32{low[n], high[n]}, "%s: what is behind is left alone", tier)
			}
		}
	}
}

// A sort whose pivots are as bad as they can be is still in order.
func TestASortThatIsTooDeep(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		for depth := range 4 {
			x := made[int32](patterns["any"], 5000)
			want := slices.Clone(x)
			slices.Sort(want)
			s := sorter[int32]{k: kernelsOf[int32](tier), run: never, buffers: [2][]int32{x, make([]int32, len(x))}}
			s.sort(0, 0, 0, len(x), depth)
			assert.Equal(t, want, x, "%s", tier)
		}
	}
}

func TestASortEndsEarly(t *testing.T) {
	x := made[int64](patterns["any"], 1<<20)
	looks := 0
	assert.False(t, Sort(cpu.Best(), x, make([]int64, len(x)), run(func() bool { looks++; return looks > 3 })))
	assert.Equal(t, 4, looks)
}

// floats are bits of every kind, with their places in the order of keys.
var floats = []uint32{0xffffffff, 0xffc00000, 0xff800001, 0xff800000, 0xff7fffff, 0xbf800000, 0x80800000, 0x807fffff, 0x80000001, 0x80000000,
	0, 1, 0x007fffff, 0x00800000, 0x3f800000, 0x7f7fffff, 0x7f800000, 0x7f800001, 0x7fc00000, 0x7fffffff}

func TestKeys(t *testing.T) {
	for _, descending := range []bool{false, true} {
		for name, k := range map[string]Keys{
			"signed": IntKeys(32, true, descending), "unsigned": IntKeys(32, false, descending),
			"total": FloatKeys(32, 0x7f800000, true, descending), "floats": FloatKeys(32, 0x7f800000, false, descending),
		} {
			t.Run(fmt.Sprint(name, descending), func(t *testing.T) {
				var want []int32
				for _, tier := range cpu.Tiers() {
					for n := range 70 {
						x := make([]int32, n)
						for i := range x {
							x[i] = int32(floats[i%len(floats)])
						}
						z := make([]int32, n)
						exact := Of(tier, k, z, x)
						if name == "signed" || name == "unsigned" || n == 0 {
							assert.True(t, exact, "%s", tier)
							back := make([]int32, n)
							Values(tier, k, back, z)
							assert.Equal(t, x, back, "%s", tier)
						} else {
							assert.False(t, exact, "%s", tier)
						}
						if n == 69 {
							if want == nil {
								want = z
							}
							assert.Equal(t, want, z, "%s", tier)
						}
					}
				}
			})
		}
	}
}

func TestKeysOrderAsFloatsDo(t *testing.T) {
	x := make([]int64, 1000)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range x {
		f := rng.NormFloat64()
		switch i % 50 {
		case 1:
			f = math.Inf(1 - i%100)
		case 2:
			f = math.NaN()
		case 3:
			f = math.Copysign(0, -1)
		case 4:
			f = 0
		}
		x[i] = int64(math.Float64bits(f))
	}
	for _, tier := range cpu.Tiers() {
		z := make([]int64, len(x))
		assert.False(t, Of(tier, FloatKeys(64, math.Float64bits(math.Inf(1)), false, false), z, x))
		for i := range x {
			for j := range x {
				a, b := math.Float64frombits(uint64(x[i])), math.Float64frombits(uint64(x[j]))
				less := a < b || a == a && b != b
				if less != (z[i] < z[j]) {
					t.Fatalf("%s: %v and %v", tier, a, b)
				}
			}
		}
	}
}

// A search stops at the step that has a key below the bound.
func TestSkips(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		k, lanes := FloatKeys(32, 0x7f800000, false, true), kernelsOf[int32](tier).lanes
		bound := []int32{0}
		Of(tier, k, bound, []int32{int32(math.Float32bits(3))})
		for n := range 200 {
			x := make([]int32, n)
			for i := range x {
				x[i] = int32(math.Float32bits(float32(i%4) * []float32{1, -1}[i%2]))
			}
			require.Equal(t, n/lanes*lanes, Skip(tier, k, x, bound[0]), "%s: %d elements of at most 2", tier, n)
			for _, large := range []float32{3.5, float32(math.NaN()), float32(math.Inf(1))} {
				if n > 0 {
					at := n * 2 / 3
					y := slices.Clone(x)
					y[at] = int32(math.Float32bits(large))
					require.Equal(t, min(at, n)/lanes*lanes, Skip(tier, k, y, bound[0]), "%s: %d elements with %v", tier, n, large)
				}
			}
		}
		require.Equal(t, 1<<18, Skip(tier, k, make([]int32, 1<<18), bound[0]), "%s", tier)
	}
}

// FuzzSort compares sorts on every tier with that of the library.
func FuzzSort(f *testing.F) {
	f.Add([]byte("some bytes in no order at all, more than a few vectors of them"), uint8(3), false)
	f.Add([]byte{255, 0, 128, 127}, uint8(200), true)
	f.Fuzz(func(t *testing.T, data []byte, times uint8, wide bool) {
		if len(data) == 0 {
			return
		}
		n := len(data) * (1 + int(times)) % 5000
		x := make([]int64, n)
		for i := range x {
			x[i] = int64(int8(data[i%len(data)]))<<24 + int64(data[i*7%len(data)])*int64(i%3)
		}
		for _, tier := range cpu.Tiers() {
			if wide {
				checkSort(t, tier, x)
				continue
			}
			narrow := make([]int32, n)
			for i, v := range x {
				narrow[i] = int32(v)
			}
			checkSort(t, tier, narrow)
		}
	})
}

func TestSortsAllocateNothing(t *testing.T) {
	x, y, room := made[int32](patterns["any"], 20_000), make([]int32, 20_000), make([]int32, 20_000)
	for _, tier := range cpu.Tiers()[1:] {
		k := FloatKeys(32, 0x7f800000, true, false)
		testenv.AllocatesAtMost(t, 0, func() {
			SortElements(tier, k, y, x, room, never)
			Sort(tier, y, room, never)
			Skip(tier, k, x, math.MinInt32)
			Part(tier, y, room)
			PartElements(tier, k, Middle(tier, k, x), y, room, x)
		})
	}
}

func BenchmarkSort(b *testing.B) {
	for _, n := range []int{1000, 1 << 20} {
		b.Run(fmt.Sprint("int32 ", n), func(b *testing.B) { benchmarkSort[int32](b, n) })
		b.Run(fmt.Sprint("int64 ", n), func(b *testing.B) { benchmarkSort[int64](b, n) })
	}
}

func benchmarkSort[T Number](b *testing.B, n int) {
	x, y, room := made[T](patterns["any"], n), make([]T, n), make([]T, n)
	for b.Loop() {
		copy(y, x)
		Sort(cpu.Use(), y, room, never)
	}
}
