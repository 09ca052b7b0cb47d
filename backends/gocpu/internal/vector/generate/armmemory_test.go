package generate

import (
	"fmt"
	"math/bits"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector/piece"
)

// both adds a piece for whole blocks and, as the next kind, one for the tail.
func (m *armMachine) both(k piece.Kind, r int, write func(f *asm.Func, tail bool)) {
	m.piece(k, r, 0, func(f *asm.Func) { write(f, false) })
	m.piece(k+1, r, 0, func(f *asm.Func) { write(f, true) })
}

// memory adds the pieces that load, store and fold.
func (m *armMachine) memory() {
	t := armFree
	for r := range m.virtual {
		v := m.v(r, 0)
		m.loads(piece.LoadFloat32, r, 4, func(f *asm.Func) { loadPairs(f, armAt, v) })
		m.loads(piece.LoadInt32, r, 4, func(f *asm.Func) {
			loadPairs(f, armAt, v)
			for i := range armRegisters {
				f.Vector("SCVTF", "S4", v+i, v+i)
			}
		})
		m.loads(piece.LoadFloat16, r, 2, func(f *asm.Func) {
			loadHalves(f, func(i, from int) {
				f.Convert("FCVTL", "H4", "S4", from, v+2*i)
				f.Convert("FCVTL2", "H8", "S4", from, v+2*i+1)
			})
		})
		m.loads(piece.LoadBFloat16, r, 2, func(f *asm.Func) {
			f.Op("VEOR V%[1]d.B16, V%[1]d.B16, V%[1]d.B16", t+4)
			loadHalves(f, func(i, from int) { // zeros below them
				f.Op("VZIP1 V%d.H8, V%d.H8, V%d.H8", from, t+4, v+2*i)
				f.Op("VZIP2 V%d.H8, V%d.H8, V%d.H8", from, t+4, v+2*i+1)
			})
		})
		m.stores(piece.StoreFloat32, r, 4, func(f *asm.Func) { storePairs(f, v, armAt) })
		m.stores(piece.StoreInt32, r, 4, func(f *asm.Func) { // to the next that there is, NaN to 0
			for i := range armRegisters {
				f.Vector("FCVTZS", "S4", v+i, t+i)
			}
			storePairs(f, t, armAt)
		})
		m.stores(piece.StoreFloat16, r, 2, func(f *asm.Func) {
			for i := range armRegisters / 2 {
				f.Convert("FCVTN", "S4", "H4", v+2*i, t+i)
				f.Convert("FCVTN2", "S4", "H8", v+2*i+1, t+i)
			}
			storeHalves(f)
		})
		m.stores(piece.StoreBFloat16, r, 2, func(f *asm.Func) {
			m.halves(f)
			for i := range armRegisters / 2 {
				for half := range 2 {
					f.Op("VMOV V%d.B16, V%d.B16", v+2*i+half, t+half)
					m.roundBFloat16(f, t+half, t+2, t+3)
				}
				f.Op("VUZP2 V%d.H8, V%d.H8, V%d.H8", t+1, t, t) // the upper halves
				f.Op("FMOVQ F%d, %d(%s)", t, 16*i, armAt)
			}
		})
		m.folds(r)
	}
	m.bools()
	m.ends()
}

// loadHalves calls f for each eight elements of 16 bits of a block, which are in register from.
func loadHalves(f *asm.Func, each func(i, from int)) {
	f.Op("FLDPQ (%s), (F%d, F%d)", armAt, armFree, armFree+1)
	f.Op("FLDPQ 32(%s), (F%d, F%d)", armAt, armFree+2, armFree+3)
	for i := range armRegisters / 2 {
		each(i, armFree+i)
	}
}

func storeHalves(f *asm.Func) {
	f.Op("FSTPQ (F%d, F%d), (%s)", armFree, armFree+1, armAt)
	f.Op("FSTPQ (F%d, F%d), 32(%s)", armFree+2, armFree+3, armAt)
}

// loads adds pieces that load a block of elements of so many bytes from armAt on. Of the tail, what is not there is 0.
func (m *armMachine) loads(k piece.Kind, r, size int, load func(f *asm.Func)) {
	m.both(k, r, func(f *asm.Func, tail bool) {
		m.operand(f, false)
		m.here(f, size)
		if tail {
			m.loadTail(f, size)
		}
		load(f)
	})
}

// here moves armAt to the first element of the block.
func (m *armMachine) here(f *asm.Func, size int) {
	f.Op("ADD %s<<%d, %s", armElement, bits.Len(uint(size))-1, armAt)
}

// loadTail copies the elements that are left from armAt to scratch memory, with zeros behind them, and makes armAt its address.
func (m *armMachine) loadTail(f *asm.Func, size int) {
	zero := armFree
	f.Op("VEOR V%[1]d.B16, V%[1]d.B16, V%[1]d.B16", zero)
	f.Op("ADD $%d, %s, %s", piece.Copy, armScratch, armTo)
	for at := 0; at < armBlock*size; at += 16 {
		f.Op("FMOVQ F%d, %d(%s)", zero, at, armTo)
	}
	m.copyTail(f, size, armAt, armTo)
	f.Op("ADD $%d, %s, %s", piece.Copy, armScratch, armAt)
}

// stores adds pieces that store a block to armAt.
func (m *armMachine) stores(k piece.Kind, r, size int, store func(f *asm.Func)) {
	m.both(k, r, func(f *asm.Func, tail bool) {
		m.operand(f, false)
		m.here(f, size)
		if !tail {
			store(f)
			return
		}
		f.Op("MOVD %s, %s", armAt, armTo)
		f.Op("ADD $%d, %s, %s", piece.Copy, armScratch, armAt)
		store(f)
		m.copyTail(f, size, armAt, armTo)
	})
}

// copyTail copies the elements that are left: pieces of 16, 8, 4, 2 and 1, as the bits of their number say.
func (m *armMachine) copyTail(f *asm.Func, size int, from, to string) {
	f.Op("SUB %s, %s, %s", armElement, armEnd, armLeft)
	for n := armBlock / 2; n > 0; n /= 2 {
		next := f.NewLabel("left")
		f.Op("TBZ $%d, %s, %s", bits.Len(uint(n))-1, armLeft, next)
		for left := n * size; left > 0; {
			w := min(left, 32)
			switch w {
			case 32:
				f.Op("FLDPQ.P 32(%s), (F%d, F%d)", from, armFree, armFree+1)
				f.Op("FSTPQ.P (F%d, F%d), 32(%s)", armFree, armFree+1, to)
			default:
				load, store, register := map[int]string{16: "FMOVQ", 8: "FMOVD", 4: "FMOVS", 2: "MOVHU", 1: "MOVBU"}[w], map[int]string{16: "FMOVQ", 8: "FMOVD", 4: "FMOVS", 2: "MOVH", 1: "MOVB"}[w], fmt.Sprintf("F%d", armFree)
				if w < 4 {
					register = armJump
				}
				f.Op("%s.P %d(%s), %s", load, w, from, register)
				f.Op("%s.P %s, %d(%s)", store, register, w, to)
			}
			left -= w
		}
		f.Label(next)
	}
}

// bools adds the pieces that load and store masks: bytes in memory, words in scratch memory.
func (m *armMachine) bools() {
	t := armFree
	mask := func(f *asm.Func) {
		f.Op("MOVWU 12(%s), %s", armCounter, armMore)
		f.Op("ADD %s, %s", armScratch, armMore)
	}
	m.both(piece.LoadBool, 0, func(f *asm.Func, tail bool) {
		m.operand(f, true)
		m.here(f, 1)
		if tail {
			m.loadTail(f, 1)
		}
		mask(f)
		f.Op("FLDPQ (%s), (F%d, F%d)", armAt, t, t+1)
		for half := range 2 {
			f.Op("VCMTST V%[1]d.B16, V%[1]d.B16, V%[1]d.B16", t+half)
			for i := range 2 {
				f.Op("VZIP%d V%[2]d.B16, V%[2]d.B16, V%d.B16", 1+i, t+half, t+2)
				f.Op("VZIP1 V%[1]d.H8, V%[1]d.H8, V%d.H8", t+2, t+4)
				f.Op("VZIP2 V%[1]d.H8, V%[1]d.H8, V%d.H8", t+2, t+5)
				f.Op("FSTPQ (F%d, F%d), %d(%s)", t+4, t+5, 64*half+32*i, armMore)
			}
		}
	})
	m.both(piece.StoreBool, 0, func(f *asm.Func, tail bool) {
		m.operand(f, true)
		m.here(f, 1)
		mask(f)
		loadPairs(f, armMore, t)
		for i := range 4 {
			f.Op("VUZP1 V%d.H8, V%d.H8, V%d.H8", t+2*i+1, t+2*i, t+i)
		}
		for i := range 2 {
			f.Op("VUZP1 V%d.B16, V%d.B16, V%d.B16", t+2*i+1, t+2*i, t+i)
			f.Op("VUSHR $7, V%[1]d.B16, V%[1]d.B16", t+i)
		}
		if tail {
			f.Op("MOVD %s, %s", armAt, armTo)
			f.Op("ADD $%d, %s, %s", piece.Copy, armScratch, armAt)
		}
		f.Op("FSTPQ (F%d, F%d), (%s)", t, t+1, armAt)
		if tail {
			m.copyTail(f, 1, armAt, armTo)
		}
	})
}

// folds adds the pieces that fold a block into the lanes in scratch memory: four of float64 for sums, those of a block for others.
func (m *armMachine) folds(r int) {
	t := armFree
	lanes := func(f *asm.Func) {
		f.Op("MOVWU 8(%s), %s", armCounter, armAt)
		f.Op("ADD %s, %s", armScratch, armAt)
	}
	sum := func(f *asm.Func, tail bool) {
		lanes(f)
		sums := [4]int{t + 2, t + 3, t + 4, t + 5} // two for lower halves, two for upper ones
		for i := range armRegisters {
			x := m.v(r, i)
			if tail {
				f.Op("FMOVQ %d(%s), F%d", piece.TailMask+16*i, armScratch, t)
				f.Op("VAND V%d.B16, V%d.B16, V%d.B16", x, t, t)
				x = t
			}
			for half, convert := range []string{"FCVTL", "FCVTL2"} {
				sum, from := sums[2*half+i%2], []string{"S2", "S4"}[half]
				if i < 2 {
					f.Convert(convert, from, "D2", x, sum)
					continue
				}
				f.Convert(convert, from, "D2", x, t+6+half)
				f.Vector("FADD", "D2", t+6+half, sum, sum)
			}
		}
		f.Op("FLDPQ (%s), (F%d, F%d)", armAt, t, t+1)
		for half := range 2 {
			f.Vector("FADD", "D2", sums[2*half+1], sums[2*half], sums[2*half])
			f.Vector("FADD", "D2", sums[2*half], t+half, t+half)
		}
		f.Op("FSTPQ (F%d, F%d), (%s)", t, t+1, armAt)
	}
	m.both(piece.FoldSum, r, sum)
	m.both(piece.FoldRoughSum, r, sum) // which may be exact, too
	for _, fold := range []struct {
		kind     piece.Kind
		name     string
		identity uint32
	}{{piece.FoldLargest, "FMAX", infinity | signBit}, {piece.FoldLeast, "FMIN", infinity}, {piece.FoldMagnitude, "FMAX", 0}} {
		m.both(fold.kind, r, func(f *asm.Func, tail bool) {
			lanes(f)
			if tail {
				repeated(f, fold.identity, t+7)
			}
			pairs(m.v(r, 0), func(v, offset int) {
				f.Op("FLDPQ %d(%s), (F%d, F%d)", offset, armAt, t, t+1)
				for i := range 2 {
					x := v + i
					if tail {
						f.Op("FMOVQ %d(%s), F%d", piece.TailMask+offset+16*i, armScratch, t+2+i)
						f.Op("VBSL V%d.B16, V%d.B16, V%d.B16", t+7, x, t+2+i)
						x = t + 2 + i
					}
					if fold.kind == piece.FoldMagnitude {
						f.Vector("FABS", "S4", x, t+2+i)
						x = t + 2 + i
					}
					f.Vector(fold.name, "S4", x, t+i, t+i)
				}
				f.Op("FSTPQ (F%d, F%d), %d(%s)", t, t+1, offset, armAt)
			})
		})
	}
}

// ends adds the pieces that begin folds, from a result so far, and that bring their lanes together. No virtual register has a
// value then.
func (m *armMachine) ends() {
	begin := func(f *asm.Func) {
		f.Op("MOVWU 8(%s), %s", armCounter, armAt)
		f.Op("MOVWU 12(%s), %s", armCounter, armTo)
		f.Op("ADD %s, %s", armScratch, armAt)
		f.Op("MOVD %d(%s), %s", piece.Result, armScratch, armJump)
		f.Op("ADD %s, %s", armJump, armTo)
	}
	m.piece(piece.StartSum, 0, 0, func(f *asm.Func) {
		begin(f)
		f.Op("FMOVD (%s), F0", armTo) // and zeros behind it
		f.Op("VEOR V1.B16, V1.B16, V1.B16")
		f.Op("FSTPQ (F0, F1), (%s)", armAt)
	})
	m.piece(piece.StartExtreme, 0, 0, func(f *asm.Func) {
		begin(f)
		f.Op("FMOVD (%s), F0", armTo)
		f.Op("FCVTDS F0, F0")
		for i := range armRegisters {
			f.Op("VDUP V0.S[0], V%d.S4", armRegisters+i)
		}
		storePairs(f, armRegisters, armAt)
	})
	m.piece(piece.EndSum, 0, 0, func(f *asm.Func) {
		begin(f)
		f.Op("FLDPQ (%s), (F0, F1)", armAt)
		f.Vector("FADD", "D2", 1, 0, 0)
		f.Vector("FADDP", "D2", 0, 0, 0)
		f.Op("FMOVD F0, (%s)", armTo)
	})
	for _, end := range []struct {
		kind piece.Kind
		name string
	}{{piece.EndLargest, "FMAX"}, {piece.EndLeast, "FMIN"}, {piece.EndMagnitude, "FMAX"}} {
		m.piece(end.kind, 0, 0, func(f *asm.Func) {
			begin(f)
			loadPairs(f, armAt, 0)
			for n := armRegisters / 2; n > 0; n /= 2 {
				for i := range n {
					f.Vector(end.name, "S4", n+i, i, i)
				}
			}
			for _, by := range []int{8, 4} {
				f.Op("VEXT $%d, V0.B16, V0.B16, V1.B16", by)
				f.Vector(end.name, "S4", 1, 0, 0)
			}
			f.Op("FCVTSD F0, F0")
			f.Op("FMOVD F0, (%s)", armTo)
		})
	}
}
