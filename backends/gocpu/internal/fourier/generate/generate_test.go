// Package generate writes the assembly of package fourier.
package generate

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/internal/golden"
)

const command = "go test ./backends/gocpu/internal/fourier/generate -update"

func TestAssemblyIsCurrent(t *testing.T) {
	f := &output{asm.NewFile("fourier", "amd64", command), map[string]bool{}}
	for _, v := range []vector{{"AVX2", "Y", 8, 4}, {"AVX2", "Y", 4, 8}, {"AVX512", "Z", 16, 4}, {"AVX512", "Z", 8, 8}} {
		for _, radix := range []int{2, 3, 4, 5} {
			v.pass(f, radix)
		}
		if v.wide() {
			v.pass(f, 8)
			v.composite(f, 8, 4)
		}
		v.composite(f, 4, 4)
		v.split(f)
		v.join(f)
		v.turn(f)
		v.twist(f)
	}
	golden.Check(t, "../fourier_amd64.s", f.Assembly())
	golden.Check(t, "../fourier_amd64.go", f.Declarations())
}

// output is the file, and the names of its data.
type output struct {
	*asm.File
	known map[string]bool
}

// vector is a kind of registers, of so many lanes of size bytes.
type vector struct {
	tier, prefix string
	lanes, size  int
}

func (v vector) wide() bool { return v.prefix == "Z" }

func (v vector) bytes() int { return v.lanes * v.size }

// element is the size of a complex number of every lane: the real parts, then the imaginary ones.
func (v vector) element() int { return 2 * v.bytes() }

// writer writes a function for one kind of registers. Its methods name registers by number, and take and free them.
type writer struct {
	vector
	*asm.Func
	file  *asm.File
	known map[string]bool // data of the file
	free  []int
}

func (v vector) function(file *output, name, doc string, args ...asm.Arg) *writer {
	w := &writer{vector: v, Func: file.Func(fmt.Sprintf("%s%d%s", name, 8*v.size, v.tier), doc, args...), file: file.File, known: file.known}
	w.freeFrom(0)
	return w
}

// freeFrom makes the registers from number n on free, and no others.
func (w *writer) freeFrom(n int) {
	w.free = nil
	for i := map[bool]int{false: 16, true: 32}[w.wide()] - 1; i >= n; i-- {
		w.free = append(w.free, i)
	}
}

func (w *writer) take() int {
	r := w.free[len(w.free)-1]
	w.free = w.free[:len(w.free)-1]
	return r
}

func (w *writer) give(registers ...int) { w.free = append(w.free, registers...) }

func (w *writer) r(i int) string { return fmt.Sprintf("%s%d", w.prefix, i) }

// op adds an instruction on registers, sources first, immediate values and addresses as they are.
func (w *writer) op(name string, operands ...any) {
	text := name
	for i, o := range operands {
		sep := ", "
		if i == 0 {
			sep = " "
		}
		if n, ok := o.(int); ok {
			o = w.r(n)
		}
		text += fmt.Sprint(sep, o)
	}
	w.Op("%s", text)
}

// float adds an instruction on floats, whose name ends by their width.
func (w *writer) float(name string, operands ...any) { w.op(name+w.suffix(), operands...) }

func (w *writer) suffix() string {
	if w.size == 8 {
		return "PD"
	}
	return "PS"
}

// words returns the address of read-only words, which functions for lanes of one size share.
func (w *writer) words(name string, words ...uint32) string {
	name = fmt.Sprintf("%s%d", name, 8*w.size)
	if !w.known[name] {
		w.known[name] = true
		w.file.Words(name, words...)
	}
	return "·" + name + "(SB)"
}

// number returns the address of x, as often as AVX2 has lanes.
func (w *writer) number(name string, x float64) string {
	var words []uint32
	for len(words) < 8 {
		if w.size == 8 {
			bits := math.Float64bits(x)
			words = append(words, uint32(bits), uint32(bits>>32))
		} else {
			words = append(words, math.Float32bits(float32(x)))
		}
	}
	return w.words(name, words...)
}

// with adds an instruction on floats whose first operand is a number.
func (w *writer) with(name, number string, operands ...any) {
	if w.wide() {
		w.one(name, append([]any{number}, operands...)...)
		return
	}
	w.float(name, append([]any{number}, operands...)...)
}

func (w *writer) load(from string, to int) { w.float("VMOVU", from, to) }

func (w *writer) store(from int, to string) { w.float("VMOVU", from, to) }

// pair is the registers of a complex number of every lane.
type pair struct{ re, im int }

// at returns the address so many bytes after another one, "(SI)" or "64(SI)".
func at(offset int, base string) string {
	open := strings.Index(base, "(")
	if open > 0 {
		n, err := strconv.Atoi(base[:open])
		if err != nil {
			panic(err)
		}
		offset += n
	}
	return fmt.Sprintf("%d%s", offset, base[open:])
}

func (w *writer) loadPair(base string) pair {
	p := pair{w.take(), w.take()}
	w.load(base, p.re)
	w.load(at(w.bytes(), base), p.im)
	return p
}

func (w *writer) storePair(p pair, base string) {
	w.store(p.re, base)
	w.store(p.im, at(w.bytes(), base))
	w.give(p.re, p.im)
}

// rootOfOne returns exp(-2πi·k/n).
func rootOfOne(k, n int) (re, im float64) {
	sin, cos := math.Sincos(-2 * math.Pi * float64(k) / float64(n))
	return cos, sin
}
