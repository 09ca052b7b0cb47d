package generate

import (
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector/piece"

	"github.com/stretchr/testify/require"
)

// Programs that kernels run for every row of a matrix have a loop of their own beside the pieces that they are made of: one
// piece, which goes over all whole blocks with operands, constants and sums in registers. Package kernels lists them.

// listing is a program that has a loop.
type listing struct {
	text  string
	code  *vector.Code
	lines []listed
}

// listed is a line of a program.
type listed struct {
	name    string // of the op or the fold, or Load, Scalar, Const, Store
	operand int
	typ     vector.Type
	number  float32
	args    []int // lines
}

// readListings reads the list of programs.
func readListings(t *testing.T) (list []*listing) {
	text, err := os.ReadFile("testdata/programs.txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		list = append(list, newListing(strings.TrimSpace(line)))
		require.Equal(t, strings.TrimSpace(line), list[len(list)-1].code.String(), "a program is read as another one")
	}
	return list
}

// byName finds the value below end whose name is the given one.
func byName[T interface {
	~uint8
	String() string
}](name string, end T) T {
	for v := range end {
		if v.String() == name {
			return v
		}
	}
	panic("there is no " + name)
}

const folds = vector.Magnitude + 1

func newListing(text string) *listing {
	l := &listing{text: text, code: &vector.Code{}}
	number := func(s string) int {
		n, err := strconv.Atoi(strings.TrimPrefix(s, "v"))
		if err != nil {
			panic(err)
		}
		return n
	}
	typ := func(s string) vector.Type { return byName(s, vector.Int32+1) }
	for i, line := range strings.Split(text, "; ") {
		words := strings.Fields(strings.TrimPrefix(line, fmt.Sprintf("v%d = ", i)))
		name, args := words[0], words[1:]
		n := listed{name: name}
		switch name {
		case "Load", "Scalar":
			n.operand, n.typ = number(args[0]), typ(args[1])
			if name == "Load" {
				l.code.Load(n.operand, n.typ)
			} else {
				l.code.Scalar(n.operand, n.typ)
			}
		case "Const":
			x, err := strconv.ParseFloat(args[0], 32)
			if err != nil {
				panic(err)
			}
			n.number = float32(x)
			l.code.Const(n.number)
		case "Store":
			n.operand, n.typ, n.args = number(args[0]), typ(args[1]), []int{number(args[2])}
			l.code.Store(n.operand, n.typ, vector.Value(n.args[0]))
		default:
			var values []vector.Value
			for _, a := range args {
				n.args = append(n.args, number(a))
				values = append(values, vector.Value(number(a)))
			}
			if l.isFold(n) {
				l.code.Accumulate(byName(name, folds), values[0])
			} else {
				l.code.Op(byName(name, vector.Select+1), values...)
			}
		}
		l.lines = append(l.lines, n)
	}
	return l
}

func (l *listing) isFold(n listed) bool {
	for f := range folds {
		if f.String() == n.name {
			return true
		}
	}
	return false
}

// readers returns how many lines read line i.
func (l *listing) readers(i int) (n int) {
	for _, line := range l.lines {
		for _, a := range line.args {
			if a == i {
				n++
			}
		}
	}
	return n
}

// loops adds the loops of a list of programs, and the list of their addresses.
func (m *machine) loops(list []*listing) {
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = fmt.Sprintf("%sLoop%d", m.name, i)
		f := m.file.Piece(names[i])
		f.Comment("%s", p.text)
		m.loopWriter(p).write(f)
	}
	at := m.file.Addresses(m.name+"Loops", names...)
	f := m.file.Func(m.name+"LoopsAt", "writes the address of the list of loops.", asm.Arg{Name: "to", Type: "*unsafe.Pointer"})
	f.Load("to", "AX")
	f.Op("LEAQ %s, BX", at)
	f.Op("MOVQ BX, (AX)")
	f.Op("RET")
}

// loopWriter writes the loop of a program.
type loopWriter struct {
	m           *machine
	p           *listing
	instances   int
	pointers    map[int]string     // registers of the operands that are loaded and stored
	scalars     map[int]value      // of lines
	folds       []int              // lines
	sums        map[int][]value    // of lines: the registers in which each instance folds
	names       func(value) string // of the registers of scalars and sums
	spare       []string           // registers that are free outside of the loop
	first, text []string
}

// Registers of loops. The count of turns is in AX.
var (
	loopPointers = []string{"BX", "DX", "SI", "R8", "R15"}
	loopLeft     = vectors // which is set again behind the loop
)

// roughTurns is how many turns there are before what is summed in float32 is added to the sum in float64: 16 elements of each lane.
const roughTurns = 16

func (m *machine) loopWriter(p *listing) *loopWriter {
	for _, try := range []struct {
		n     int
		keeps bool
	}{{4, true}, {4, false}, {2, true}, {2, false}, {1, false}} {
		w := &loopWriter{m: m, p: p, instances: try.n, pointers: map[int]string{}, scalars: map[int]value{}, sums: map[int][]value{}}
		if w.assemble(try.keeps) {
			return w
		}
	}
	panic(m.name + " has too few registers for " + p.text)
}

// assemble chooses registers, if there are enough.
func (w *loopWriter) assemble(keeps bool) bool {
	b := &body{m: w.m, element: 4, masks: map[int]bool{}, keeps: keeps}
	for i, n := range w.p.lines {
		switch {
		case n.name == "Load" || n.name == "Store":
			if w.pointers[n.operand] == "" {
				if len(w.pointers) == len(loopPointers) {
					panic("a loop over too many operands: " + w.p.text)
				}
				w.pointers[n.operand] = loopPointers[len(w.pointers)]
			}
		case n.name == "Scalar":
			w.scalars[i] = b.fix()
		case w.p.isFold(n):
			w.folds = append(w.folds, i)
			for range w.instances {
				w.sums[i] = append(w.sums[i], b.fix())
			}
		}
	}
	for i := range w.instances {
		b.streams = append(b.streams, nil)
		w.instance(b, i)
	}
	a := b.allocate()
	if !a.ok {
		return false
	}
	w.first, w.text, w.names = a.first, a.text, a.name
	for _, r := range a.free[0] {
		w.spare = append(w.spare, w.m.z(r))
	}
	return len(w.spare) >= 2
}

// instance writes what happens to vector i of a turn.
func (w *loopWriter) instance(b *body, i int) {
	values := make([]value, len(w.p.lines))
	for k, n := range w.p.lines {
		arg := func(j int) value { return values[n.args[j]] }
		switch {
		case n.name == "Load" && w.summedOnly(k):
		case n.name == "Load":
			values[k] = w.load(b, i, n)
		case n.name == "Scalar":
			values[k] = w.scalars[k]
		case n.name == "Const":
			values[k] = b.keep(b.c(float64(n.number)))
		case n.name == "Store":
			w.store(b, w.at(i, n), n.typ, arg(0))
		case n.name == vector.Sum.String() && w.summedOnly(n.args[0]):
			from := w.p.lines[n.args[0]]
			for half := range 2 { // widened while it is loaded
				x := b.add(line{kind: load, name: "VCVTPS2PD", at: w.place(from, i*w.m.width+half*w.m.width/2)})
				b.into(w.sums[k][i], "VADDPD", w.sums[k][i], x)
			}
		case w.p.isFold(n):
			w.fold(b, n.name, w.sums[k][i], arg(0))
		default:
			values[k] = w.op(b, n, arg)
		}
	}
}

// summedOnly reports whether line k loads float32s that are summed in float64 and not used otherwise.
func (w *loopWriter) summedOnly(k int) bool {
	n := w.p.lines[k]
	if n.name != "Load" || n.typ != vector.Float32 || w.p.readers(k) != 1 {
		return false
	}
	return slices.ContainsFunc(w.p.lines, func(n listed) bool { return n.name == vector.Sum.String() && n.args[0] == k })
}

var typeSizes = map[vector.Type]int{vector.Float32: 4, vector.BFloat16: 2, vector.Float16: 2}

// at is where vector i of a turn stands in the operand of a line.
func (w *loopWriter) at(i int, n listed) string {
	return w.place(n, i*w.m.width/4*typeSizes[n.typ])
}

func (w *loopWriter) place(n listed, offset int) string {
	return fmt.Sprintf("%d(%s)(%s*%d)", offset, w.pointers[n.operand], element, typeSizes[n.typ])
}

func (w *loopWriter) load(b *body, i int, n listed) value {
	name := map[vector.Type]string{vector.Float32: "VMOVUPS", vector.BFloat16: "VPMOVZXWD", vector.Float16: "VCVTPH2PS"}[n.typ]
	x := b.add(line{kind: load, name: name, at: w.at(i, n)})
	if n.typ == vector.BFloat16 {
		x = b.left(x, 16)
	}
	return x
}

func (w *loopWriter) store(b *body, at string, t vector.Type, x value) {
	switch t {
	case vector.Float32:
		b.add(line{kind: store, args: []value{x}, at: at})
	case vector.Float16:
		b.add(line{kind: storeAs, name: "VCVTPS2PH", now: "$0, ", args: []value{x}, at: at})
	case vector.BFloat16:
		b.storeBFloat16(x, at)
	}
}

// storeBFloat16 rounds as the piece does.
func (b *body) storeBFloat16(x value, at string) {
	up := b.plusInt(x, b.plusInt(b.and(b.right(x, 16), b.keep(b.word(1))), b.keep(b.word(0x7fff))))
	y := b.where(b.compare(unordered, x, x), b.or(x, b.keep(b.word(0x400000))), up)
	y = b.right(y, 16)
	if b.m.wide {
		b.add(line{kind: storeAs, name: "VPMOVDW", args: []value{y}, at: at})
		return
	}
	y = b.now("VPERMQ", 0xd8, b.op("VPACKUSDW", y, y))
	b.add(line{kind: store, name: "VMOVUPS", args: []value{y}, at: at}) // of the lower half
}

func (b *body) plusInt(x, y value) value { return b.op("VPADDD", x, y) }

// op is an op of values.
func (w *loopWriter) op(b *body, n listed, arg func(int) value) value {
	switch n.name {
	case "Add":
		return b.plus(arg(0), arg(1))
	case "Sub":
		return b.minus(arg(0), arg(1))
	case "Mul":
		return b.times(arg(0), arg(1))
	case "Exp":
		return b.exp32(arg(0), value{})
	case "Max":
		if c := w.p.lines[n.args[1]]; c.name == "Const" && c.number != 0 {
			return b.most(arg(1), arg(0)) // as the piece for a number that is known
		}
		return b.largest(arg(0), arg(1))
	}
	panic("loops do not know the op " + n.name)
}

// largest is the larger one of x and y, as the pieces' extreme.
func (b *body) largest(x, y value) value {
	s, t := b.op("VMAXPS", y, x), b.op("VMAXPS", x, y)
	if b.m.wide {
		return b.add(line{kind: tied, name: "VPTERNLOGD", now: "$0xd4, ", args: []value{t, s, b.keep(b.word(1 << 31))}})
	}
	return b.op("VORPS", b.compare(unordered, x, y), b.op("VANDPS", s, t))
}

// fold writes how an instance folds x.
func (w *loopWriter) fold(b *body, name string, sum, x value) {
	switch name {
	case vector.RoughSum.String():
		b.into(sum, "VADDPS", sum, x)
	case vector.Sum.String():
		low := b.add(line{kind: plain, name: "VCVTPS2PD", args: []value{x}, half: true})
		b.into(sum, "VADDPD", sum, low)
		high := b.add(line{kind: plain, name: "VCVTPS2PD", args: []value{b.upper(x)}, half: true})
		b.into(sum, "VADDPD", sum, high)
	case vector.Magnitude.String():
		b.into(sum, "VPMAXUD", sum, b.and(x, b.keep(b.word(math.MaxInt32))))
	case vector.Largest.String():
		t := b.op("VMAXPS", sum, x)
		if !b.m.wide {
			t = b.and(t, b.op("VMAXPS", x, sum))
			b.into(sum, "VORPS", t, b.compare(unordered, sum, x))
			return
		}
		b.into(sum, "VMAXPS", x, sum)
		b.add(line{kind: into, name: "VPTERNLOGD", now: "$0xd4, ", args: []value{sum, t, b.keep(b.word(1 << 31))}})
	case vector.Least.String():
		t := b.op("VMINPS", sum, x)
		b.into(sum, "VMINPS", x, sum)
		b.into(sum, b.bitwise("VPOR"), t, sum)
	}
}

// upper is the upper half of x, in the lower one.
func (b *body) upper(x value) value {
	if b.m.wide {
		return b.now("VSHUFF64X2", 0x0e, x, x)
	}
	return b.now("VPERM2F128", 0x01, x, x)
}

// write writes the piece. Its word is where the program ends, which is where it goes if the blocks were all that there was.
func (w *loopWriter) write(f *asm.Func) {
	m := w.m
	turn := w.instances * m.width / 4
	f.Op("LEAQ %d(%s), AX", m.block(), element)
	f.Op("CMPQ AX, %s", end)
	f.Op("JGT none")
	f.Op("MOVQ %s, %s", end, loopLeft)
	f.Op("SUBQ %s, %s", element, loopLeft)
	f.Op("SHRQ $%d, %s", log2(m.block()), loopLeft)
	if n := piece.Vectors / w.instances; n > 1 {
		f.Op("SHLQ $%d, %s", log2(n), loopLeft) // turns
	}
	for _, operand := range slices.Sorted(maps.Keys(w.pointers)) {
		f.Op("MOVQ %d(%s), %s", 8*operand, operands, w.pointers[operand])
	}
	f.Label("some")
	for i, n := range w.p.lines {
		if n.name == "Scalar" {
			w.scalar(f, n, w.names(w.scalars[i]))
		}
	}
	for _, s := range w.first {
		f.Op("%s", s)
	}
	w.begin(f)
	f.Op("MOVQ %s, AX", loopLeft)
	if w.rough() {
		f.Op("CMPQ AX, $%d", roughTurns)
		f.Op("JLE few")
		f.Op("MOVQ $%d, AX", roughTurns)
		f.Label("few")
	}
	f.Op("SUBQ AX, %s", loopLeft)
	f.Op("PCALIGN $32")
	f.Label("turn")
	w.fetch(f)
	for _, s := range w.text {
		f.Op("%s", s)
	}
	f.Op("ADDQ $%d, %s", turn, element)
	f.Op("DECQ AX")
	f.Op("JNZ turn")
	w.finish(f)
	if w.rough() {
		f.Op("TESTQ %s, %s", loopLeft, loopLeft)
		f.Op("JNZ some")
	}
	f.Op("MOVQ $%d, %s", piece.Vectors, vectors)
	f.Op("CMPQ %s, %s", element, end)
	f.Op("JNE none")
	goTo(f)
	f.Label("none")
	next(f)
}

// fetch tells the processor to fetch what is loaded some turns later. Of rows that lie one behind the other this is the next one: the
// processor does not guess that there is one.
func (w *loopWriter) fetch(f *asm.Func) {
	done := map[int]bool{}
	for _, n := range w.p.lines {
		if n.name != "Load" || done[n.operand] {
			continue
		}
		done[n.operand] = true
		for at := 0; at < w.instances*w.m.width/4*typeSizes[n.typ]; at += 64 {
			f.Op("PREFETCHT0 %s", w.place(n, loadAhead+at))
		}
	}
}

func log2(n int) int {
	k := 0
	for ; n > 1; n /= 2 {
		k++
	}
	return k
}

// rough reports whether there are sums in float32, which are added to those in float64 from time to time.
func (w *loopWriter) rough() bool {
	return slices.ContainsFunc(w.folds, func(k int) bool { return w.p.lines[k].name == vector.RoughSum.String() })
}

// scalar brings the first element of an operand to all lanes of z.
func (w *loopWriter) scalar(f *asm.Func, n listed, z string) {
	if n.typ != vector.Float32 {
		panic("scalars of loops are float32s: " + w.p.text)
	}
	f.Op("MOVQ %d(%s), AX", 8*n.operand, operands)
	f.Op("VBROADCASTSS (AX), %s", z)
}

// begin sets what instances fold in.
func (w *loopWriter) begin(f *asm.Func) {
	for k, at := range w.folds {
		for i, v := range w.sums[at] {
			z := w.names(v)
			switch name := w.p.lines[at].name; {
			case name == vector.Sum.String() || name == vector.RoughSum.String():
				if w.m.wide {
					f.Op("VPXORD %s, %s, %s", z, z, z)
				} else {
					f.Op("VXORPS %s, %s, %s", z, z, z)
				}
			case i > 0:
				f.Op("VMOVAPS %s, %s", w.names(w.sums[at][0]), z)
			default:
				x := "X" + z[1:]
				f.Op("MOVQ %d(%s), AX", piece.Result, scratch)
				f.Op("VCVTSD2SS %d(AX), %s, %s", 8*k, x, x)
				f.Op("VBROADCASTSS %s, %s", x, z)
			}
		}
	}
}

// finish joins what instances have folded, and that with the results.
func (w *loopWriter) finish(f *asm.Func) {
	m := w.m
	for k, at := range w.folds {
		z := w.names(w.sums[at][0])
		for _, v := range w.sums[at][1:] {
			w.join(f, at, w.names(v), z, w.spare[0], w.spare[1])
		}
		f.Op("VMOVUPS %s, %d(%s)", z, piece.Copy+k*64, scratch)
	}
	if len(w.folds) > 0 {
		f.Op("MOVQ %d(%s), AX", piece.Result, scratch)
	}
	for k, at := range w.folds {
		from, to := piece.Copy+k*64, fmt.Sprintf("%d(AX)", 8*k)
		join := func(x, y string) { w.join(f, at, y, x, x[:1]+"2", x[:1]+"3") }
		name := w.p.lines[at].name
		switch name {
		case vector.Sum.String(), vector.RoughSum.String():
			if name == vector.RoughSum.String() {
				f.Op("VCVTPS2PD %d(%s), %s", from, scratch, m.z(0))
				f.Op("VCVTPS2PD %d(%s), %s", from+m.width/2, scratch, m.z(1))
				f.Op("VADDPD %s, %s, %s", m.z(1), m.z(0), m.z(0))
			} else {
				f.Op("VMOVUPS %d(%s), %s", from, scratch, m.z(0))
			}
			m.fold(f, func(x, y string) { f.Op("VADDPD %s, %s, %s", y, x, x) })
			f.Op("VPERMILPD $1, X0, X1")
			f.Op("VADDSD X1, X0, X0")
			f.Op("VADDSD %s, X0, X0", to)
			f.Op("VMOVSD X0, %s", to)
		default:
			f.Op("VMOVUPS %d(%s), %s", from, scratch, m.z(0))
			m.fold(f, join)
			f.Op("VPERMILPS $0x4e, X0, X1")
			join("X0", "X1")
			f.Op("VPERMILPS $0xb1, X0, X1")
			join("X0", "X1")
			f.Op("VCVTSS2SD X0, X0, X0")
			f.Op("VMOVSD X0, %s", to)
		}
	}
}

// join folds y into x.
func (w *loopWriter) join(f *asm.Func, at int, y, x, t, u string) {
	switch w.p.lines[at].name {
	case vector.Sum.String():
		f.Op("VADDPD %s, %s, %s", y, x, x)
	case vector.RoughSum.String():
		f.Op("VADDPS %s, %s, %s", y, x, x)
	case vector.Magnitude.String():
		f.Op("VPMAXUD %s, %s, %s", y, x, x)
	case vector.Largest.String():
		w.m.extreme(f, true, y, x, t, u)
	case vector.Least.String():
		w.m.extreme(f, false, y, x, t, u)
	}
}

// loopsTable is the Go file by which programs find their loops.
func loopsTable(list []*listing) string {
	var b strings.Builder
	b.WriteString(`// Code generated by go test ./backends/gocpu/internal/vector/generate -update. DO NOT EDIT.

package vector

// loops are the programs that have a loop of their own, in the order of the machines' lists of addresses.
var loops = [...]struct {
	hash uint64
	text string
}{
`)
	for _, p := range list {
		fmt.Fprintf(&b, "\t{0x%016x, %q},\n", p.code.Hash(), p.text)
	}
	b.WriteString("}\n")
	return b.String()
}
