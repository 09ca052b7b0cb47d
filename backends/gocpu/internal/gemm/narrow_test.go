package gemm

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
)

func TestHalvesOfEveryTierAreThoseOfTheTypes(t *testing.T) {
	all := make([]uint16, 1<<16)
	for i := range all {
		all[i] = uint16(i)
	}
	rng := rand.New(rand.NewPCG(4, 4))
	numbers := make([]float32, 1<<16+5)
	for i := range numbers {
		numbers[i] = math.Float32frombits(rng.Uint32())
	}
	for _, h := range []struct {
		name string
		of   func(cpu.Tier) Half
	}{{"bfloat16", BFloat16}, {"float16", Float16}} {
		plain := h.of(cpu.Portable)
		for _, tier := range cpu.Tiers() {
			k := h.of(tier)
			wide, narrow := make([]float32, len(all)), make([]uint16, len(all))
			k.Widen(wide, all)
			for i, x := range all {
				want := plain.one(x)
				if !(wide[i] == want || want != want && wide[i] != wide[i]) {
					t.Fatalf("%s, %s: %#x is %v, want %v", h.name, tier, x, wide[i], want)
				}
			}
			for i := range all { // ties and their neighbours
				numbers[i] = math.Float32frombits(uint32(i)<<16 | 0x8000 + uint32(i%3) - 1)
				if i%4 == 3 {
					numbers[i] = (wide[i] + wide[(i+1)%len(wide)]) / 2
				}
			}
			for _, list := range [][]float32{numbers[:1<<16], numbers[1<<16:], wide} {
				k.Round(narrow[:len(list)], list)
				for i, x := range list {
					got, want := plain.one(narrow[i]), plain.one(plain.back(x))
					if !(narrow[i] == plain.back(x) || want != want && got != got) {
						t.Fatalf("%s, %s: %v is %#x, want %#x", h.name, tier, x, narrow[i], plain.back(x))
					}
				}
			}
		}
	}
}

func TestJoinsOfEveryTier(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	src := make([]byte, 1000)
	for i := range src {
		src[i] = byte(rng.Uint32())
	}
	for _, tier := range cpu.Tiers() {
		for _, n := range []int{1, 15, 16, 17, 70} {
			stride := 2*n + rng.IntN(20)
			got, want := make([]uint32, n), make([]uint32, n)
			JoinPairs(tier, got, unsafe.Pointer(&src[1]), stride)
			joinRest[uint16](want, unsafe.Pointer(&src[1]), stride)
			assert.Equal(t, want, got, "%s: %d pairs", tier, n)
			JoinFours(tier, got, unsafe.Pointer(&src[3]), stride)
			joinRest[uint8](want, unsafe.Pointer(&src[3]), stride)
			assert.Equal(t, want, got, "%s: %d fours", tier, n)
		}
	}
}

// unitProblem is a product of blocks of units of 4 bytes.
type unitProblem struct {
	rows, cols, k int
	a, b          []uint32
}

func newUnitProblem(rng *rand.Rand, rows, cols, k, width int, unit func() uint32) *unitProblem {
	p := &unitProblem{rows, cols, k, make([]uint32, rows*k), make([]uint32, k*width*((cols+width-1)/width))}
	for i := range p.a {
		p.a[i] = unit()
	}
	for i := range p.b {
		p.b[i] = unit()
	}
	return p
}

// multiply sets c to the product, or adds it.
func (p *unitProblem) multiply(k *Kernels, c unsafe.Pointer, add bool) {
	a := A{Base: unsafe.Pointer(&p.a[0]), Runs: []Run{{0, 4 * p.k}}, Step: 4}
	for r := range p.rows {
		a.Places = append(a.Places, r*4*p.k)
	}
	k.Multiply(&a, &B{unsafe.Pointer(&p.b[0]), 4 * k.Cols, 4 * k.Cols * p.k}, c, 4*p.cols, p.cols, add)
}

// at returns the units that element i of the sum for row r and column j multiplies.
func (p *unitProblem) at(k *Kernels, r, j, i int) (a, b uint32) {
	return p.a[r*p.k+i], p.b[j/k.Cols*k.Cols*p.k+i*k.Cols+j%k.Cols]
}

func forUnitShapes(k *Kernels, f func(rows, cols, depth int)) {
	for rows := 1; rows <= k.Rows+1; rows++ {
		for _, cols := range []int{1, 15, 16, 17, 32, 40} {
			for _, depth := range []int{1, 2, 9} {
				f(rows, cols, depth)
			}
		}
	}
}

func TestFoursOfInt8AreExact(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		k := Int8Fours(tier, cpu.Has())
		if k == nil {
			continue // these tiers widen
		}
		rng := rand.New(rand.NewPCG(6, 6))
		forUnitShapes(k, func(rows, cols, depth int) {
			p := newUnitProblem(rng, rows, cols, depth, k.Cols, rng.Uint32)
			got := make([]int32, rows*cols)
			p.multiply(k, unsafe.Pointer(&got[0]), false)
			p.multiply(k, unsafe.Pointer(&got[0]), true)
			for i := range got {
				want := int32(0)
				for s := range depth {
					a, b := p.at(k, i/cols, i%cols, s)
					for shift := 0; shift < 32; shift += 8 {
						want += 2 * int32(uint8(a>>shift)) * int32(int8(b>>shift))
					}
				}
				require.Equal(t, want, got[i], "%d x %d x %d, element %d", rows, cols, depth, i)
			}
		})
	}
}

func TestPairsOfBFloat16(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		k := BFloat16Pairs(tier, cpu.Has())
		if k == nil {
			continue // these tiers widen
		}
		rng := rand.New(rand.NewPCG(7, 7))
		half := func() uint32 { return uint32(bfloat16.FromFloat32(float32(rng.NormFloat64())).Bits()) }
		forUnitShapes(k, func(rows, cols, depth int) {
			p := newUnitProblem(rng, rows, cols, depth, k.Cols, func() uint32 { return half() | half()<<16 })
			got := make([]float32, rows*cols)
			p.multiply(k, unsafe.Pointer(&got[0]), false)
			p.multiply(k, unsafe.Pointer(&got[0]), true)
			for i := range got {
				want, scale := 0.0, 0.0
				for s := range depth {
					a, b := p.at(k, i/cols, i%cols, s)
					for shift := 0; shift < 32; shift += 16 {
						x := 2 * bfloat16.FromBits(uint16(a>>shift)).Float64() * bfloat16.FromBits(uint16(b>>shift)).Float64()
						want, scale = want+x, scale+math.Abs(x)
					}
				}
				require.InDelta(t, want, got[i], 0x1p-22*scale*float64(depth), "%d x %d x %d, element %d", rows, cols, depth, i)
			}
		})
	}
}
