package kernels

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/gemm"
	"github.com/quire-ml/quire/graph/dtypes"
)

// Products of elements of 16 and 8 bits. Where the processor multiplies pairs of bfloat16 or fours of int8, operands are first
// copied to units of 4 bytes, pairs or fours along the sum, which are then the elements of a product like any other. Otherwise floats
// are first widened to float32.

// prepared is a product whose operands are first written anew to scratch memory.
type prepared struct {
	a, b   int           // bytes of these
	first  func(a *Args) // writes A to the beginning of the scratch memory, and B after it
	second Func
}

func (p *prepared) run(a *Args) {
	all := a.Scratch
	p.first(a)
	a.In[0], a.In[1], a.Scratch = all[:p.a], all[p.a:p.a+p.b], all[p.a+p.b:]
	p.second(a)
}

// kernel returns the kernel and its scratch memory, given that of the second step.
func (p *prepared) kernel(scratch int) (Func, int) {
	if p.second == nil {
		return nil, 0
	}
	return p.run, p.a + p.b + scratch
}

// widenedProduct returns the kernel of products of floats of 16 bits that are widened to float32.
func widenedProduct(on processor, g Gemm, h gemm.Half, out dtypes.DType, workers int) (Func, int) {
	widen := func(input, at, n int) (func(a *Args), int) {
		body := func(a *Args, _, lo, hi int) {
			h.Widen(Of[float32](a.Scratch[at:])[lo:hi], Of[uint16](a.In[input])[lo:hi])
		}
		return func(a *Args) { a.For(n, copyGrain/4, body) }, roundTo(4*n, 64)
	}
	p := prepared{}
	var widenA, widenB func(a *Args)
	widenA, p.a = widen(0, 0, g.A.extent())
	widenB, p.b = widen(1, p.a, g.B.extent())
	p.first = func(a *Args) {
		widenA(a)
		widenB(a)
	}
	var scratch int
	p.second, scratch = vectorProduct(g, gemm.Float32(on.tier), floatStore[float32](on, dtypes.Float32, out), workers)
	return p.kernel(scratch)
}

// floatStore returns how sums of dtype sum are stored as dtype out: nil if as they are.
func floatStore[T float32 | float64](on processor, sum, out dtypes.DType) func([]byte, int, []T) {
	if sum == out {
		return nil
	}
	h := gemm.BFloat16(on.tier)
	if out == dtypes.Float16 {
		h = gemm.Float16(on.tier)
	}
	if sum == dtypes.Float32 && (out == dtypes.BFloat16 || out == dtypes.Float16) {
		return func(z []byte, at int, v []T) { h.Round(Of[uint16](z)[at:][:len(v)], Of[float32](Bytes(v))) }
	}
	return storeFloat[T](out)
}

// extent returns how many elements there are up to the last one of the operand.
func (o *Operand) extent() int {
	last := 0
	for _, b := range o.Base {
		last = max(last, b)
	}
	return last + o.Free.last() + o.Sum.last() + 1
}

// last returns the greatest place along the axis; steps are not negative.
func (a *Axis) last() (place int) {
	for _, o := range a.table {
		place = max(place, o)
	}
	for k, s := range a.strides {
		place += (a.outer[k] - 1) * s
	}
	return place
}

// bfloat16Product returns the kernel for pairs of bfloat16, nil if the processor has none or operands are patches, which lie
// over each other: copied, they would be many times as large.
func bfloat16Product(on processor, g Gemm, out dtypes.DType, workers int) (Func, int) {
	k := gemm.BFloat16Pairs(on.tier, on.has)
	if k == nil || g.A.overlaps() || g.B.overlaps() {
		return nil, 0
	}
	return unitProduct(on, g, blocked[float32]{kernels: k, store: floatStore[float32](on, dtypes.Float32, out)}, 2, workers)
}

// productOnTiles returns the kernel of products on tiles, nil if there are none or they do not take the types. Results of integers are
// exact, as sums in 64 bits are.
func productOnTiles(on processor, g Gemm, in, wrap, out dtypes.DType, workers int) (Func, int) {
	const exact = 1 << 15 // terms whose sum stays within 32 bits: a product takes 16
	if in != dtypes.BFloat16 && in != dtypes.Int8 && in != dtypes.Uint8 || in.IsInt() && wrap.Size() > 4 && out.Size() > 4 && g.A.Sum.N > exact {
		return nil, 0
	}
	m := gemm.MatricesOf(on.tier, on.has)
	if m == nil {
		return nil, 0
	}
	if in == dtypes.BFloat16 {
		return tiledProduct(on, g, &m.BFloat16, floatStore[float32](on, dtypes.Float32, out), workers)
	}
	var store func([]byte, int, []int32)
	if wrap.Size() != 4 || out.Size() != 4 {
		store = storeInt32(wrap, out)
	}
	if in == dtypes.Uint8 {
		return tiledProduct(on, g, &m.Uint8, store, workers)
	}
	return tiledProduct(on, g, &m.Int8, store, workers)
}

// overlaps reports whether the operand's elements are more than those of the memory that they lie in.
func (o *Operand) overlaps() bool {
	_, different := sameBases(o.Base)
	return len(different)*o.Free.N*o.Sum.N > o.extent()
}

// int8Offset makes int8 unsigned: A is multiplied as A + 128, and 128 times the sums of B's columns are subtracted.
const int8Offset = 128

// int8Product returns the kernel for fours of int8, nil if the processor has none. Results are exact, as sums in 64 bits are.
func int8Product(on processor, g Gemm, wrap, out dtypes.DType, workers int) (Func, int) {
	k := gemm.Int8Fours(on.tier, on.has)
	const exact = 1 << 16 // terms whose sum stays within 32 bits: a product takes 15
	if k == nil || wrap.Size() > 4 && out.Size() > 4 && g.A.Sum.N > exact {
		return nil, 0
	}
	b := blocked[int32]{kernels: k, offset: int8Offset}
	if wrap.Size() != 4 || out.Size() != 4 {
		b.store = storeInt32(wrap, out)
	}
	return unitProduct(on, g, b, 4, workers)
}

// storeInt32 is storeInt for sums in 32 bits.
func storeInt32(wrap, out dtypes.DType) func([]byte, int, []int32) {
	store := storeInt(wrap, out)
	return func(z []byte, at int, v []int32) {
		var wide [64]int64
		for len(v) > 0 {
			n := min(len(v), len(wide))
			for i, x := range v[:n] {
				wide[i] = int64(x)
			}
			store(z, at, wide[:n])
			v, at = v[n:], at+n
		}
	}
}

// unitProduct returns the kernel of the product g in units of so many elements, given what else there is to say about it.
func unitProduct[T float32 | float64 | int32](on processor, g Gemm, b blocked[T], elements, workers int) (Func, int) {
	inA, inB := 0, 1
	if g.Columns { // the product of the transposes
		g, inA, inB = g.transposed(), 1, 0
	}
	if g.A.Sum.N*g.A.Free.N*g.B.Free.N*len(g.OutBase) == 0 {
		return nil, 0
	}
	unitsA, unitsB := newUnits(on, &g.A, elements, b.offset != 0), newUnits(on, &g.B, elements, false)
	b.Gemm = g
	b.A, b.B = unitsA.operand(), unitsB.operand()
	p := prepared{a: unitsA.size(), b: unitsB.size()}
	unitsA.in, unitsB.in, unitsB.at = inA, inB, p.a
	writeA, writeB := unitsA.write, unitsB.write
	p.first = func(a *Args) {
		a.For(unitsA.rows, unitsA.grain(), writeA)
		a.For(unitsB.rows, unitsB.grain(), writeB)
	}
	var scratch int
	p.second, scratch = b.kernel(workers)
	return p.kernel(scratch)
}

// units is an operand that is copied to units of 4 bytes: by rows [free][sum] if its elements lie side by side along the sum, and
// otherwise [sum][free]. The last unit of a sum is filled up with zeros.
type units struct {
	*Operand
	on              processor
	elements, bytes int // of a unit, of an element
	unsigned        bool
	which           []int // per batch, which of the different operands it has
	different       []int // the first batch of each of these
	in, at          int   // which input it is, and where in scratch memory it is copied to
	along           bool  // by rows along the sum
	sum, rows, cols int
	runs            []gemm.Run // of the sum, in bytes, if along
}

func newUnits(on processor, o *Operand, elements int, unsigned bool) *units {
	u := &units{Operand: o, on: on, elements: elements, bytes: 4 / elements, unsigned: unsigned, sum: (o.Sum.N + elements - 1) / elements}
	u.which, u.different = sameBases(o.Base)
	if step, regular := o.Sum.step(); regular && step == 1 {
		u.along, u.runs = true, o.Sum.runs(0, o.Sum.N, 1, u.bytes)
	}
	u.rows, u.cols = len(u.different)*u.sum, o.Free.N
	if u.along {
		u.rows, u.cols = len(u.different)*o.Free.N, u.sum
	}
	return u
}

func (u *units) size() int { return roundTo(4*u.rows*u.cols, 64) }

func (u *units) grain() int { return max(1, copyGrain/(4*u.cols)) }

// operand returns the operand that the copy is.
func (u *units) operand() (o Operand) {
	for _, w := range u.which {
		o.Base = append(o.Base, w*u.sum*u.Free.N)
	}
	free, sum := 1, u.Free.N
	if u.along {
		free, sum = u.sum, 1
	}
	o.Free, o.Sum = NewAxis([]int{u.Free.N}, []int{free}), NewAxis([]int{u.sum}, []int{sum})
	return o
}

// write writes rows lo to hi of the copy.
func (u *units) write(a *Args, _, lo, hi int) {
	dst, src := Of[uint32](a.Scratch[u.at:]), a.In[u.in]
	per := u.rows / len(u.different)
	for i := lo; i < hi; i++ {
		base, r := u.Base[u.different[i/per]], i%per
		row := dst[i*u.cols:][:u.cols]
		if u.along {
			u.copyRow(Bytes(row), src[(base+u.Free.at(r))*u.bytes:])
		} else {
			u.joinRow(row, src[base*u.bytes:], r)
		}
		if u.unsigned {
			for j := range row {
				row[j] ^= 0x80808080
			}
		}
	}
}

// copyRow copies the runs of a sum.
func (u *units) copyRow(dst, src []byte) {
	for _, run := range u.runs {
		n := copy(dst, src[run.From:run.To])
		dst = dst[n:]
	}
	clear(dst)
}

// joinRow joins the elements of unit r of the sum for all columns.
func (u *units) joinRow(dst []uint32, src []byte, r int) {
	first, n := r*u.elements, min(u.elements, u.Sum.N-r*u.elements)
	at := u.Sum.at(first)
	stride := 0
	if n > 1 {
		stride = u.Sum.at(first+1) - at
	}
	even := n == u.elements && u.Sum.at(first+n-1)-at == (n-1)*stride
	if even && u.Free.contiguous() {
		from := unsafe.Pointer(&src[(at+u.Free.at(0))*u.bytes])
		if u.elements == 2 {
			gemm.JoinPairs(u.on.tier, dst, from, stride*u.bytes)
		} else {
			gemm.JoinFours(u.on.tier, dst, from, stride*u.bytes)
		}
		return
	}
	for j := range dst {
		dst[j] = 0
		for i := range n {
			place := (u.Sum.at(first+i) + u.Free.at(j)) * u.bytes
			for b := range u.bytes {
				dst[j] |= uint32(src[place+b]) << (8 * (i*u.bytes + b))
			}
		}
	}
}

// sameBases returns for each batch which of the different operands it has, and the first batch of each of these: convolutions have
// one kernel for all images.
func sameBases(bases []int) (which, different []int) {
	which, different = make([]int, len(bases)), make([]int, 0, len(bases))
	var first map[int]int // once a base is below the one before it: until then those that are equal stand side by side
	for g, base := range bases {
		switch {
		case first != nil:
		case g == 0 || base > bases[g-1]:
			which[g], different = len(different), append(different, g)
			continue
		case base == bases[g-1]:
			which[g] = which[g-1]
			continue
		default:
			first = make(map[int]int, len(different))
			for k, at := range different {
				first[bases[at]] = k
			}
		}
		k, ok := first[base]
		if !ok {
			k = len(different)
			first[base], different = k, append(different, g)
		}
		which[g] = k
	}
	return which, different
}
