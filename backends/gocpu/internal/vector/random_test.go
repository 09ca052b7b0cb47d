package vector

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/stretchr/testify/require"
)

// exact are the ops whose results do not depend on the tier.
var exact = func() []Op {
	var list []Op
	for o := range numOps {
		if !o.isFunction() {
			list = append(list, o)
		}
	}
	return list
}()

var sizes = map[Type]int{Float32: 4, BFloat16: 2, Float16: 2, Bool: 1, Int32: 4}

// randomProgram is a program with operands of its own, some of which are stored to after they were loaded.
type randomProgram struct {
	c     Code
	types []Type
	n     int
	off   []int
}

func newRandomProgram(r *rand.Rand, ops []Op, lines, n int) *randomProgram {
	p := &randomProgram{n: n}
	c := &p.c
	var numbers, masks []Value
	pick := func(list []Value) Value { return list[r.IntN(len(list))] }
	operand := func(t Type) int {
		p.types = append(p.types, t)
		p.off = append(p.off, r.IntN(3))
		return len(p.types) - 1
	}
	types := []Type{Float32, Float32, BFloat16, Float16, Int32}
	var loaded []int
	for range lines {
		switch k := r.IntN(20); {
		case k < 3 || len(numbers) == 0:
			t := types[r.IntN(len(types))]
			i := operand(t)
			loaded = append(loaded, i)
			numbers = append(numbers, c.Load(i, t))
		case k == 3:
			t := types[r.IntN(len(types))]
			numbers = append(numbers, c.Scalar(operand(t), t))
		case k == 4:
			numbers = append(numbers, c.Const(specials[r.IntN(len(specials))]))
		case k == 5 || len(masks) == 0:
			if i := operand(Bool); r.IntN(3) == 0 {
				masks = append(masks, c.Scalar(i, Bool))
			} else {
				masks = append(masks, c.Load(i, Bool))
			}
		case k == 6:
			i := loaded[r.IntN(len(loaded))] // in place
			if r.IntN(2) == 0 {
				i = operand(types[r.IntN(len(types))])
			}
			c.Store(i, p.types[i], pick(numbers))
		case k == 7:
			c.Store(operand(Bool), Bool, pick(masks))
		case k == 8:
			c.Accumulate([]Fold{Largest, Least, Magnitude}[r.IntN(3)], pick(numbers))
		default:
			o := ops[r.IntN(len(ops))]
			var args []Value
			for i := range o.Arity() {
				if o.masks(i) {
					args = append(args, pick(masks))
				} else {
					args = append(args, pick(numbers))
				}
			}
			if v := c.Op(o, args...); o.toMask() {
				masks = append(masks, v)
			} else {
				numbers = append(numbers, v)
			}
		}
	}
	c.Store(operand(Float32), Float32, pick(numbers))
	return p
}

// operands makes operands that begin at odd places and have guards around them.
func (p *randomProgram) operands(seed uint64) (mem [][]byte, at []unsafe.Pointer) {
	r := rand.New(rand.NewPCG(seed, 1))
	for i, typ := range p.types {
		size := sizes[typ]
		b := make([]byte, (p.n+8)*size+8)
		for j := range p.n + 8 {
			x := specials[r.IntN(len(specials))]
			if r.IntN(2) == 0 {
				x = float32(r.NormFloat64())
			}
			switch typ {
			case Bool:
				b[j] = byte(r.IntN(2))
			case Int32:
				*(*int32)(unsafe.Pointer(&b[j*size])) = int32(r.Uint32())
			default:
				store(unsafe.Pointer(&b[0]), typ, j, x)
			}
		}
		mem = append(mem, b)
		at = append(at, unsafe.Pointer(&b[(2+p.off[i])*size]))
	}
	return mem, at
}

// run returns what the program leaves in its operands and its folds.
func (p *randomProgram) run(t cpu.Tier, seed uint64) ([][]byte, []float64) {
	mem, at := p.operands(seed)
	q := p.c.CompileFor(t)
	acc := make([]float64, q.Folds())
	q.Run(at, p.n, acc)
	return mem, acc
}

// stepwise is run without folds, each op a program of its own.
func (p *randomProgram) stepwise(t cpu.Tier, seed uint64) [][]byte {
	mem, at := p.operands(seed)
	values := make([][]float32, len(p.c.nodes))
	for i := range p.c.nodes {
		n := &p.c.nodes[i]
		values[i] = make([]float32, p.n+1)
		var c Code
		var args []Value
		var operands []unsafe.Pointer
		for k, v := range n.args[:n.arity] {
			typ := Float32
			if p.c.mask(v) {
				typ = Bool
				masks := make([]byte, p.n+1)
				for j, x := range values[v] {
					store(unsafe.Pointer(&masks[0]), Bool, j, x)
				}
				operands = append(operands, unsafe.Pointer(&masks[0]))
			} else {
				operands = append(operands, unsafe.Pointer(&values[v][0]))
			}
			args = append(args, c.Load(k, typ))
		}
		out := unsafe.Pointer(&values[i][0])
		switch n.kind {
		case isLoad, isScalar:
			for j := range p.n {
				values[i][j] = load(at[n.operand], n.typ, j*(1-int(n.kind-isLoad)))
			}
		case isConst:
			for j := range p.n {
				values[i][j] = n.number
			}
		case isStore:
			for j := range p.n {
				store(at[n.operand], n.typ, j, values[n.args[0]][j])
			}
		case isOp:
			bools := make([]byte, p.n+1)
			typ := Float32
			if n.op.toMask() {
				typ, out = Bool, unsafe.Pointer(&bools[0])
			}
			c.Store(n.arity, typ, c.Op(n.op, args...))
			c.CompileFor(t).Run(append(operands, out), p.n, nil)
			for j := range p.n {
				values[i][j] = load(out, typ, j)
			}
		}
	}
	return mem
}

// sameNumbers compares what was stored; any NaN is as good as another.
func (p *randomProgram) sameNumbers(a, b [][]byte) error {
	for i, typ := range p.types {
		size := sizes[typ]
		for j := range p.n + 8 {
			x, y := load(unsafe.Pointer(&a[i][0]), typ, j), load(unsafe.Pointer(&b[i][0]), typ, j)
			if typ != Bool && x != x && y != y {
				continue
			}
			if math.Float32bits(x) != math.Float32bits(y) || typ == Int32 && string(a[i][j*size:j*size+size]) != string(b[i][j*size:j*size+size]) {
				return fmt.Errorf("operand %d, element %d of %d: %v, want %v", i, j-2-p.off[i], p.n, x, y)
			}
		}
	}
	return nil
}

func (p *randomProgram) check(t *testing.T, seed uint64) {
	want, wantAcc := p.run(cpu.Portable, seed)
	for _, tier := range cpu.Tiers()[1:] {
		got, acc := p.run(tier, seed)
		require.NoError(t, p.sameNumbers(got, want), "%s, seed %d", tier, seed)
		for i := range acc {
			if !(acc[i] != acc[i] && wantAcc[i] != wantAcc[i]) {
				require.Equal(t, math.Float64bits(wantAcc[i]), math.Float64bits(acc[i]), "%s, seed %d: fold %d is %v, want %v", tier, seed, i, acc[i], wantAcc[i])
			}
		}
	}
}

func TestRandomProgramsMeanTheSameOnEveryTier(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 0))
		newRandomProgram(r, exact, 1+r.IntN(60), r.IntN(300)).check(t, seed)
	}
}

func TestAProgramGivesWhatItsOpsGiveOneByOne(t *testing.T) {
	var all []Op
	for o := range numOps {
		all = append(all, o)
	}
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		p := newRandomProgram(r, all, 1+r.IntN(60), r.IntN(200))
		for _, tier := range cpu.Tiers() {
			got, _ := p.run(tier, seed)
			require.NoError(t, p.sameNumbers(got, p.stepwise(tier, seed)), "%s, seed %d", tier, seed)
		}
	}
}

func FuzzPrograms(f *testing.F) {
	f.Add(uint64(1), uint16(20), uint16(65))
	f.Fuzz(func(t *testing.T, seed uint64, lines, n uint16) {
		newRandomProgram(rand.New(rand.NewPCG(seed, 0)), exact, 1+int(lines%300), int(n%2000)).check(t, seed)
	})
}
