package vector

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

// price is what an op costs for 1000 elements in the nearest cache, in nanoseconds, per tier: BenchmarkOps, the fastest of many
// runs on a 3 GHz Sapphire Rapids, less the load and the store. Of functions that are slower for some numbers it is between the two.
type price struct{ portable, avx2, avx512 float64 }

// simple is an op of an instruction or two, long one that the processor has but is slow at.
var (
	simple = price{800, 25, 12}
	long   = price{2000, 180, 120}
)

// prices holds those of ops that are not simple.
var prices = [numOps]price{
	Div: long, Sqrt: long, Max: {1500, 40, 25}, Min: {1500, 40, 25}, Sign: {2000, 60, 30}, RoundBFloat16: {9000, 100, 60}, RoundFloat16: {9000, 60, 40},
	Rsqrt: {5000, 460, 150}, Exp: {10000, 500, 200}, Expm1: {20000, 1300, 600}, Log: {11000, 850, 300}, Log1p: {18000, 2300, 1200},
	Tanh: {20000, 1150, 260}, Sigmoid: {12000, 1500, 450}, Silu: {12000, 1700, 450}, Softplus: {23000, 3300, 600}, Erf: {25000, 1150, 260},
	NormalCDF: {28000, 2700, 500}, Gelu: {29000, 2800, 600}, GeluApproximate: {17000, 2000, 500}, Sin: {13000, 730, 400}, Cos: {13000, 770, 410},
	Tan: {15000, 1200, 900}, Pow: {26000, 1850, 800},
}

func (p price) of(t cpu.Tier) float64 {
	switch t {
	case cpu.AVX512:
		return p.avx512
	case cpu.AVX2:
		return p.avx2
	case cpu.NEON: // not measured: vectors half as wide, and many processors that have them half as fast
		return 4 * p.avx2
	}
	return p.portable
}

// moving is a load or a store, from memory that is not near.
var moving = price{1500, 200, 200}

// Cost returns about how many nanoseconds the op takes for 1000 elements on a tier: what to divide work by.
func (o Op) Cost(t cpu.Tier) float64 {
	p := prices[o]
	if p == (price{}) {
		p = simple
	}
	return p.of(t)
}

// Cost returns about how many nanoseconds a run takes for 1000 elements.
func (p *Program) Cost() float64 {
	cost := 0.0
	for i := range p.nodes {
		switch n := &p.nodes[i]; n.kind {
		case isOp:
			cost += n.op.Cost(p.tier)
		case isLoad, isStore:
			cost += moving.of(p.tier)
		case isFold:
			cost += long.of(p.tier)
		}
	}
	return cost
}
