package kernels

import (
	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/gemm"
	"github.com/quire-ml/quire/graph/dtypes"
)

// Packed is a product whose second operand is packed by a call of its own: once for several products.
type Packed struct {
	Pack     Func // writes its input, the operand, to its result
	Bytes    int  // of that
	Multiply Func // is a product's kernel, but its second input is what Pack has written
	Scratch  int  // bytes of scratch memory that Multiply wants
}

// PackedProduct is [Product] in two calls; false if a product does not pack its second operand, or does it in another way.
func PackedProduct(g Gemm, in, out dtypes.DType, workers int) (Packed, bool) {
	return packedOn(processor{tier: cpu.Use()}, g, in, out, workers)
}

func packedOn(on processor, g Gemm, in, out dtypes.DType, workers int) (Packed, bool) {
	switch {
	case on.tier == cpu.Portable || g.Columns:
	case in == dtypes.Float32 && out.IsFloat() && out != dtypes.Float64: // as in productOnVectors
		p := &blocked[float32]{Gemm: g, kernels: gemm.Float32(on.tier), store: floatStore[float32](on, in, out)}
		return p.ahead(workers)
	case in == dtypes.Float64 && out.IsFloat():
		p := &blocked[float64]{Gemm: g, kernels: gemm.Float64(on.tier), store: floatStore[float64](on, in, out)}
		return p.ahead(workers)
	}
	return Packed{}, false
}

// ahead returns the two kernels of a product that packs B.
func (p *blocked[T]) ahead(workers int) (Packed, bool) {
	if f, _ := p.kernel(workers); f == nil || p.blocks == nil || p.inPlaceB {
		return Packed{}, false // there is nothing to multiply, or B is read where it lies
	}
	p.given = true
	p.divide()
	p.layOut(workers)
	pack := *p
	pack.b = 0
	n := len(p.different) * len(p.blocks) * p.panels
	body := func(a *Args, _, lo, hi int) {
		var places [maxPanel]int
		pack.packTo(a.Out[0], a, places[:p.kernels.Cols], lo, hi)
	}
	grain := max(1, copyGrain/p.panelSize)
	return Packed{Pack: func(a *Args) { a.For(n, grain, body) }, Bytes: n * p.panelSize, Multiply: p.run, Scratch: p.parts + workers*p.own}, true
}

// maxPanel is the most columns that a panel of B has, in any tier.
const maxPanel = 64
