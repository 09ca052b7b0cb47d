package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/gemm"
	"github.com/quire-ml/quire/graph/dtypes"
)

// processors returns what kernels can be made for on this machine.
func processors() (list []processor) {
	for _, t := range cpu.Tiers() {
		if t != cpu.Portable {
			list = append(list, processor{tier: t})
		}
	}
	if len(list) == 0 {
		return nil
	}
	list = append(list, processor{list[0].tier, cpu.Features{AMX: true}}) // tiles in plain Go
	best, has := cpu.Best(), cpu.Has()
	has.AMX = false
	if has != (cpu.Features{}) {
		list = append(list, processor{best, has})
	}
	if gemm.MatricesOf(best, cpu.Has()) != nil {
		list = append(list, processor{best, cpu.Has()})
	}
	return list
}

// productCase is a product of dtypes that vector kernels take.
type productCase struct{ in, wrap, out dtypes.DType }

var productCases = []productCase{
	{dtypes.Float32, dtypes.Float32, dtypes.Float32}, {dtypes.Float32, dtypes.Float32, dtypes.BFloat16}, {dtypes.Float32, dtypes.Float32, dtypes.Float16},
	{dtypes.Float64, dtypes.Float64, dtypes.Float64}, {dtypes.Float64, dtypes.Float64, dtypes.Float32}, {dtypes.Float64, dtypes.Float64, dtypes.BFloat16},
	{dtypes.BFloat16, dtypes.Float32, dtypes.BFloat16}, {dtypes.BFloat16, dtypes.Float32, dtypes.Float32},
	{dtypes.Float16, dtypes.Float32, dtypes.Float16}, {dtypes.Float16, dtypes.Float32, dtypes.Float32},
	{dtypes.Int8, dtypes.Int32, dtypes.Int32}, {dtypes.Int8, dtypes.Int8, dtypes.Int8}, {dtypes.Int8, dtypes.Int16, dtypes.Int32},
	{dtypes.Int8, dtypes.Int64, dtypes.Int64}, {dtypes.Int8, dtypes.Uint8, dtypes.Int64},
	{dtypes.Uint8, dtypes.Uint32, dtypes.Uint32}, {dtypes.Uint8, dtypes.Uint8, dtypes.Uint8}, {dtypes.Uint8, dtypes.Int64, dtypes.Uint64},
}

// randomBytes returns n elements of a dtype: floats around zero, integers of all kinds.
func randomBytes(rng *rand.Rand, d dtypes.DType, n int) []byte {
	b := make([]byte, n*d.Size())
	if d.IsInt() {
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	narrow, _ := ConvertOf(dtypes.Float64, d)
	narrow.run(b, Bytes(randomFloats[float64](rng, n)))
	return b
}

func asFloat64(d dtypes.DType, b []byte) []float64 {
	v := make([]float64, len(b)/d.Size())
	widen, _ := ConvertOf(d, dtypes.Float64)
	widen.run(Bytes(v), b)
	return v
}

// checkTier compares a product on vector kernels with the same in plain Go: integers bit by bit, floats up to the rounding of sums.
func checkTier(t *testing.T, on processor, c productCase, g Gemm, rng *rand.Rand, workers int) {
	t.Helper()
	n := 0
	for _, base := range g.OutBase {
		n = max(n, base+g.A.Free.N*g.B.Free.N, base+(g.A.Free.N-1)*g.OutStride+g.B.Free.N)
	}
	a, b := randomBytes(rng, c.in, g.A.extent()), randomBytes(rng, c.in, g.B.extent())
	got, want := make([]byte, n*c.out.Size()), make([]byte, n*c.out.Size())
	f, scratch := productOnVectors(on, g, c.in, c.wrap, c.out, workers)
	if f == nil {
		require.True(t, c.in == dtypes.Int8 && !on.has.VNNI || c.in == dtypes.Uint8 && !on.has.AMX || g.A.Sum.N == 0, "no kernel")
		return
	}
	run(f, scratch, workers, got, a, b)
	f, scratch = generic(g, c.in, c.wrap, c.out, 1)
	run(f, scratch, 1, want, a, b)
	if c.in.IsInt() {
		require.Equal(t, want, got)
		return
	}
	sums := math.Max(dtypes.Epsilon(dtypes.Float32), dtypes.Epsilon(c.in)*0x1p-10)
	if c.in == dtypes.Float64 {
		sums = dtypes.Epsilon(dtypes.Float64)
	}
	// A sum of k products of about one is off by some k·ε/5 where it is made in order: a bound of k·ε is met by all of many.
	last := math.Max(dtypes.Epsilon(c.out), sums)
	x, y := asFloat64(c.out, got), asFloat64(c.out, want)
	for i := range x {
		if math.Abs(x[i]-y[i]) > 4*last*math.Abs(y[i])+sums*float64(g.A.Sum.N) {
			t.Fatalf("element %d is %v, want %v", i, x[i], y[i])
		}
	}
}

func TestProductOfEveryTierAndDType(t *testing.T) {
	orders := []string{"bnk", "bkn", "nbk", "knb"}
	for _, on := range processors() {
		for _, c := range productCases {
			t.Run(fmt.Sprintf("%s %v/%s %s %s", on.tier, on.has, c.in, c.wrap, c.out), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(8, 8))
				for i, s := range [][4]int{{1, 1, 1, 1}, {1, 5, 3, 2}, {1, 13, 33, 17}, {3, 12, 32, 64}, {2, 25, 70, 401}, {1, 150, 40, 50}, {1, 3, 90, 300}, {1, 70, 2, 200}, {9, 30, 31, 20}, {1, 9, 8, 4000}, {1, 40, 300, 70}, {1, 3, 2100, 70}} {
					for _, oa := range orders {
						g := gemmOf(s[0], s[1], s[2], s[3], oa, orders[(i+len(oa))%4])
						checkTier(t, on, c, g, rng, 1+i%2)
						g = gemmOf(s[0], s[1], s[2], s[3], orders[i%4], oa)
						checkTier(t, on, c, g, rng, 1+i%2)
					}
					g := gemmOf(s[0], s[1], s[2], s[3], "bnk", "bkn")
					g.Columns, g.OutStride = true, s[1]
					checkTier(t, on, c, g, rng, 2)
				}
				for range 5 { // each channel by itself: elements side by side from batch to batch
					channels, m, taps := 4+rng.IntN(40), 1+rng.IntN(30), 1+rng.IntN(600)
					g := Gemm{OutStride: channels,
						A: Operand{Free: NewAxis([]int{m}, []int{channels}), Sum: NewAxis([]int{taps}, []int{channels})},
						B: Operand{Free: NewAxis([]int{1}, []int{1}), Sum: NewAxis([]int{taps}, []int{channels})}}
					for i := range channels {
						g.A.Base, g.B.Base, g.OutBase = append(g.A.Base, i), append(g.B.Base, i), append(g.OutBase, i)
					}
					checkTier(t, on, c, g, rng, 1)
				}
				for range 10 { // patches: rows over each other, the sum in runs with gaps
					n, taps, channels, m := 1+rng.IntN(40), 1+rng.IntN(3), 1+rng.IntN(9), 1+rng.IntN(70)
					step := 1 + rng.IntN(2)
					g := Gemm{OutBase: []int{0}, OutStride: n,
						A: Operand{Base: []int{0}, Free: NewAxis([]int{m}, []int{channels * step}), Sum: NewAxis([]int{taps, taps * channels}, []int{100, 1})},
						B: Operand{Base: []int{0}, Free: NewAxis([]int{n}, []int{1}), Sum: NewAxis([]int{taps * taps * channels}, []int{n})}}
					checkTier(t, on, c, g, rng, 1)
				}
			})
		}
	}
}

func TestFinishIsCalledOnceForEachResult(t *testing.T) {
	for _, s := range [][4]int{{1, 5, 7, 3}, {1, 300, 70, 20}, {3, 40, 40, 40}, {1, 9, 8, 9000}, {1, 3, 200, 700}, {2, 1, 40, 300}} {
		for _, columns := range []bool{false, true} {
			for _, c := range []productCase{{dtypes.Float32, dtypes.Float32, dtypes.Float32}, {dtypes.Int8, dtypes.Int32, dtypes.Int32}, {dtypes.BFloat16, dtypes.Float32, dtypes.Float32}, {dtypes.Int32, dtypes.Int32, dtypes.Int32}} {
				g := gemmOf(s[0], s[1], s[2], s[3], "bnk", "bnk")
				if g.Columns = columns; columns {
					g.OutStride = s[1]
				}
				seen := make([]int, s[0]*s[1]*s[2])
				g.Finish = func(_ *Args, batch, m0, m1, n0, n1 int) {
					for m := m0; m < m1; m++ {
						for n := n0; n < n1; n++ {
							seen[(batch*s[1]+m)*s[2]+n]++
						}
					}
				}
				f, scratch := Product(g, c.in, c.wrap, c.out, 1)
				size := s[0] * s[1] * s[2] * c.out.Size()
				run(f, scratch, 1, make([]byte, size), make([]byte, s[0]*s[1]*s[3]*c.in.Size()), make([]byte, s[0]*s[2]*s[3]*c.in.Size()))
				for i, n := range seen {
					require.Equal(t, 1, n, "%v, columns %v, %s: element %d", s, columns, c.in, i)
				}
			}
		}
	}
}

func FuzzProduct(f *testing.F) {
	f.Add(uint64(1), uint8(0), uint16(40), uint16(40), uint16(400))
	f.Fuzz(func(t *testing.T, seed uint64, kind uint8, m, n, k uint16) {
		rng := rand.New(rand.NewPCG(seed, 1))
		orders := []string{"bnk", "bkn", "nbk", "knb"}
		for _, on := range processors() {
			g := gemmOf(1+rng.IntN(3), 1+int(m)%100, 1+int(n)%100, 1+int(k)%900, orders[rng.IntN(4)], orders[rng.IntN(4)])
			checkTier(t, on, productCases[int(kind)%len(productCases)], g, rng, 1+rng.IntN(3))
		}
	})
}

// TestPackedProductIsTheProduct: bit by bit, whoever packs.
func TestPackedProductIsTheProduct(t *testing.T) {
	orders := []string{"bnk", "bkn", "nbk", "knb"}
	for _, on := range processors() {
		packs := 0
		for _, c := range productCases {
			rng := rand.New(rand.NewPCG(9, 9))
			for i, s := range [][4]int{{1, 1, 1, 1}, {1, 13, 33, 17}, {1, 32, 512, 128}, {1, 32, 128, 512}, {3, 32, 70, 64}, {2, 25, 70, 401}, {1, 150, 40, 50}, {1, 3, 700, 300}, {9, 30, 31, 20}, {1, 9, 8, 4000}, {1, 40, 0, 3}} {
				g := gemmOf(s[0], s[1], s[2], s[3], orders[i%4], orders[(i/2+1)%4])
				if i == 4 { // one operand for all
					g.B.Base = make([]int, len(g.B.Base))
				}
				p, ok := packedOn(on, g, c.in, c.out, 2)
				if !ok {
					continue
				}
				packs++
				a, b := randomBytes(rng, c.in, g.A.extent()), randomBytes(rng, c.in, g.B.extent())
				got, want := make([]byte, s[0]*s[1]*s[2]*c.out.Size()), make([]byte, s[0]*s[1]*s[2]*c.out.Size())
				f, scratch := productOnVectors(on, g, c.in, c.wrap, c.out, 2)
				run(f, scratch, 2, want, a, b)
				packed := make([]byte, p.Bytes)
				run(p.Pack, 0, 2, packed, b)
				run(p.Multiply, p.Scratch, 2, got, a, packed)
				require.Equal(t, want, got, "%s, %s to %s, %v", on.tier, c.in, c.out, s)
			}
		}
		require.Greater(t, packs, 20, "%s: too few of the products pack", on.tier)
	}
}
