package generate

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
)

var passArgs = []asm.Arg{{Name: "x", Type: "unsafe.Pointer"}, {Name: "y", Type: "unsafe.Pointer"}, {Name: "roots", Type: "unsafe.Pointer"}, {Name: "m", Type: "int"}, {Name: "s", Type: "int"}}

func passDoc(radix int, twisted bool) string {
	if twisted {
		return fmt.Sprintf("is a pass of radix %d: element q of part p + m·j of x, which has s elements in each part, goes to part %d·p + k of y. roots has %d numbers for each p.", radix, radix, radix-1)
	}
	return fmt.Sprintf("is the last pass, of radix %d: element q of part j of x, which has s elements in each part, goes to part k of y; m is 1.", radix)
}

// pass adds passes of a small radix, whose numbers stay in registers.
func (v vector) pass(file *output, radix int) {
	for _, twisted := range []bool{true, false} {
		w := v.function(file, passName(radix, twisted), passDoc(radix, twisted), passArgs...)
		in, out := gaps{"R10", "R11", "R12", "R13"}, gaps{"AX", "BX", "R14", "R15"}
		w.beginPass(radix, in, out)
		w.Op("MOVQ m+24(FP), CX")
		w.Label("part")
		w.Op("MOVQ s+32(FP), R9")
		w.Label("element")
		x := make([]pair, radix)
		for j := range x {
			x[j] = w.loadPair(in.at("SI", j))
		}
		for k, y := range w.transform(x) {
			if k > 0 && twisted {
				y = w.times(y, 2*w.size*(k-1), "(DX)")
			}
			w.storePair(y, out.at("DI", k))
		}
		w.Op("ADDQ $%d, SI", w.element())
		w.Op("ADDQ $%d, DI", w.element())
		w.Op("DECQ R9")
		w.Op("JNZ element")
		if twisted {
			w.Op("LEAQ %s, DI", out.at("DI", radix-1))
			w.Op("ADDQ $%d, DX", 2*w.size*(radix-1))
		}
		w.Op("DECQ CX")
		w.Op("JNZ part")
		w.end()
	}
}

func passName(radix int, twisted bool) string {
	if twisted {
		return fmt.Sprintf("pass%dof", radix)
	}
	return fmt.Sprintf("last%dof", radix)
}

// gaps are the registers of 1, 3, 5 and 7 times a distance; other multiples below 8 are made of these.
type gaps [4]string

func (g gaps) at(base string, i int) string {
	switch i {
	case 0:
		return fmt.Sprintf("(%s)", base)
	case 1, 3, 5, 7:
		return fmt.Sprintf("(%s)(%s*1)", base, g[i/2])
	case 2, 4:
		return fmt.Sprintf("(%s)(%s*%d)", base, g[0], i)
	}
	return fmt.Sprintf("(%s)(%s*2)", base, g[1])
}

// odd computes the multiples of the first register that n places need.
func (w *writer) odd(g gaps, n int) {
	for i := 3; i < n; i += 2 {
		w.Op("LEAQ (%s)(%s*%d), %s", g[0], map[int]string{3: g[0], 5: g[0], 7: g[1]}[i], map[int]int{3: 2, 5: 4, 7: 2}[i], g[i/2])
	}
}

// beginPass loads x to SI, y to DI, the roots to DX, and the distances of parts.
func (w *writer) beginPass(radix int, in, out gaps) {
	w.Load("x", "SI")
	w.Load("y", "DI")
	w.Load("roots", "DX")
	w.Load("s", out[0])
	w.Op("IMULQ $%d, %s", w.element(), out[0])
	w.Op("MOVQ %s, %s", out[0], in[0])
	w.Op("IMULQ m+24(FP), %s", in[0])
	w.odd(in, radix)
	w.odd(out, radix)
}

func (w *writer) end() {
	w.Op("VZEROUPPER")
	w.Op("RET")
}

// composite adds passes of radix a·b, whose numbers lie in the frame between two steps:
//
//	y[k₁ + a·k₂] = Σ_j₂ exp(-2πi·j₂·k₂/b) · exp(-2πi·j₂·k₁/ab) · Σ_j₁ x[j₁·b + j₂]·exp(-2πi·j₁·k₁/a)
//
// They take half as many passes over memory as their factors would.
func (v vector) composite(file *output, a, b int) {
	radix := a * b
	for _, twisted := range []bool{true, false} {
		w := v.function(file, passName(radix, twisted), passDoc(radix, twisted), passArgs...)
		w.Frame(radix*w.element() + 64)
		w.Load("x", "SI")
		w.Load("y", "DI")
		w.Load("roots", "DX")
		w.Load("s", "AX")
		w.Op("IMULQ $%d, AX", w.element())
		w.Op("MOVQ AX, R10")
		w.Op("IMULQ m+24(FP), R10")
		w.Comment("steps of b parts of x, and of a parts of y, and three times as much")
		w.Op("IMUL3Q $%d, R10, R11", b)
		w.Op("LEAQ (R11)(R11*2), R12")
		w.Op("IMUL3Q $%d, AX, BX", a)
		w.Op("LEAQ (BX)(BX*2), R15")
		w.Comment("the frame, from a line of the cache on")
		w.Op("LEAQ 63(SP), CX")
		w.Op("ANDQ $-64, CX")
		w.Op("MOVQ m+24(FP), R8")
		w.Label("part")
		w.Op("MOVQ s+32(FP), R9")
		w.Label("element")
		w.Op("MOVQ SI, R14")
		for j := range b {
			if a == 8 {
				w.Op("LEAQ (R14)(R11*4), R13")
			}
			x := make([]pair, a)
			for i := range x {
				x[i] = w.loadPair(gaps{"R11", "R12"}.at([]string{"R14", "R13"}[i/4], i%4))
			}
			for k, y := range w.transform(x) {
				w.storePair(w.timesRoot(y, j*k, radix), fmt.Sprintf("%d(CX)", (k*b+j)*w.element()))
			}
			w.Op("ADDQ R10, R14")
		}
		w.Op("MOVQ DI, R14")
		for k1 := range a {
			x := make([]pair, b)
			for j := range x {
				x[j] = w.loadPair(fmt.Sprintf("%d(CX)", (k1*b+j)*w.element()))
			}
			for k2, y := range w.transform(x) {
				if k := k1 + a*k2; k > 0 && twisted {
					y = w.times(y, 2*w.size*(k-1), "(DX)")
				}
				w.storePair(y, gaps{"BX", "R15"}.at("R14", k2))
			}
			w.Op("ADDQ AX, R14")
		}
		w.Op("ADDQ $%d, SI", w.element())
		w.Op("ADDQ $%d, DI", w.element())
		w.Op("DECQ R9")
		w.Op("JNZ element")
		if twisted {
			w.Op("IMUL3Q $%d, AX, R14", radix-1)
			w.Op("ADDQ R14, DI")
			w.Op("ADDQ $%d, DX", 2*w.size*(radix-1))
		}
		w.Op("DECQ R8")
		w.Op("JNZ part")
		w.end()
	}
}
