package vector

import (
	"math"
	"sync"
	"unsafe"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
)

// lanes is how many elements a turn of the program works on.
const lanes = 64

// block holds the values of a turn.
type block struct{ v [][lanes]float32 }

var blocks = sync.Pool{New: func() any { return new(block) }}

var trueBits = math.Float32frombits(0xffffffff) // a mask's element that holds; the others are 0

func holds(x float32) bool { return math.Float32bits(x) != 0 }

func maskOf(b bool) float32 {
	if b {
		return trueBits
	}
	return 0
}

// interpret runs the program on n elements, a turn after the other.
func (p *Program) interpret(mem []unsafe.Pointer, n int, acc []float64) {
	b := blocks.Get().(*block)
	defer blocks.Put(b)
	if len(b.v) < len(p.nodes) {
		b.v = make([][lanes]float32, len(p.nodes))
	}
	p.uniforms(b, mem)
	for at := 0; at < n; at += lanes {
		p.turn(b, mem, at, min(lanes, n-at), acc)
	}
}

// uniforms fills in what is the same in all turns.
func (p *Program) uniforms(b *block, mem []unsafe.Pointer) {
	for i := range p.nodes {
		x := p.nodes[i].number
		switch o := &p.nodes[i]; o.kind {
		case isScalar:
			x = load(mem[o.operand], o.typ, 0)
		case isConst:
		default:
			continue
		}
		for j := range b.v[i] {
			b.v[i][j] = x
		}
	}
}

// turn works on the elements at to at+n.
func (p *Program) turn(b *block, mem []unsafe.Pointer, at, n int, acc []float64) {
	for i := range p.nodes {
		o := &p.nodes[i]
		z := b.v[i][:n]
		arg := func(k int) []float32 { return b.v[o.args[k]][:n] }
		switch o.kind {
		case isLoad:
			if o.typ == Float32 {
				copy(z, unsafe.Slice((*float32)(mem[o.operand]), at+n)[at:])
				continue
			}
			for j := range z {
				z[j] = load(mem[o.operand], o.typ, at+j)
			}
		case isStore:
			if o.typ == Float32 {
				copy(unsafe.Slice((*float32)(mem[o.operand]), at+n)[at:], arg(0))
				continue
			}
			for j, x := range arg(0) {
				store(mem[o.operand], o.typ, at+j, x)
			}
		case isFold:
			for _, x := range arg(0) {
				switch a := &acc[o.operand]; o.fold {
				case Sum, RoughSum:
					*a += float64(x)
				case Largest:
					*a = max(*a, float64(x))
				case Least:
					*a = min(*a, float64(x))
				case Magnitude:
					*a = max(*a, math.Abs(float64(x)))
				}
			}
		case isOp:
			o.compute(z, arg)
		}
	}
}

func (o *node) compute(z []float32, arg func(k int) []float32) {
	x, row := arg(0), &table[o.op]
	switch {
	case o.op <= Min || o.op == Neg:
		arithmetic(o.op, z, x, arg(row.arity-1))
	case row.f1 != nil:
		for j := range z {
			z[j] = float32(row.f1(float64(x[j])))
		}
	case row.f2 != nil:
		for j, y := range arg(1) {
			z[j] = float32(row.f2(float64(x[j]), float64(y)))
		}
	case row.test1 != nil:
		for j := range z {
			z[j] = maskOf(row.test1(float64(x[j])))
		}
	case row.test2 != nil:
		for j, y := range arg(1) {
			z[j] = maskOf(row.test2(float64(x[j]), float64(y)))
		}
	case row.join != nil:
		for j, y := range arg(row.arity - 1) { // Not has no second operand
			z[j] = maskOf(row.join(holds(x[j]), holds(y)))
		}
	case o.op == Select:
		yes, no := arg(1), arg(2)
		for j := range z {
			if z[j] = no[j]; holds(x[j]) {
				z[j] = yes[j]
			}
		}
	}
}

// arithmetic writes out the loops of the commonest ops.
func arithmetic(o Op, z, x, y []float32) {
	x, y = x[:len(z)], y[:len(z)]
	switch o {
	case Add:
		for i := range z {
			z[i] = x[i] + y[i]
		}
	case Sub:
		for i := range z {
			z[i] = x[i] - y[i]
		}
	case Mul:
		for i := range z {
			z[i] = x[i] * y[i]
		}
	case Div:
		for i := range z {
			z[i] = x[i] / y[i]
		}
	case Max:
		for i := range z {
			z[i] = max(x[i], y[i])
		}
	case Min:
		for i := range z {
			z[i] = min(x[i], y[i])
		}
	case Neg:
		for i := range z {
			z[i] = -x[i]
		}
	}
}

func load(p unsafe.Pointer, t Type, i int) float32 {
	switch t {
	case BFloat16:
		return (*(*bfloat16.BFloat16)(unsafe.Add(p, 2*i))).Float32()
	case Float16:
		return (*(*float16.Float16)(unsafe.Add(p, 2*i))).Float32()
	case Int32:
		return float32(*(*int32)(unsafe.Add(p, 4*i)))
	case Bool:
		return maskOf(*(*uint8)(unsafe.Add(p, i)) != 0)
	}
	return *(*float32)(unsafe.Add(p, 4*i))
}

func store(p unsafe.Pointer, t Type, i int, x float32) {
	switch t {
	case BFloat16:
		*(*bfloat16.BFloat16)(unsafe.Add(p, 2*i)) = bfloat16.FromFloat64(float64(x))
	case Float16:
		*(*float16.Float16)(unsafe.Add(p, 2*i)) = float16.FromFloat64(float64(x))
	case Int32:
		*(*int32)(unsafe.Add(p, 4*i)) = dtypes.ToInteger[int32](float64(x))
	case Bool:
		*(*uint8)(unsafe.Add(p, i)) = uint8(math.Float32bits(x) & 1)
	default:
		*(*float32)(unsafe.Add(p, 4*i)) = x
	}
}
