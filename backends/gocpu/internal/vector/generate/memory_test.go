package generate

import (
	"fmt"
	"math"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector/piece"
)

// both adds a piece for whole blocks and, as the next kind, one for the tail.
func (m *machine) both(k piece.Kind, r int, write func(f *asm.Func, tail bool)) {
	m.piece(k, r, 0, func(f *asm.Func) { write(f, false) })
	m.piece(k+1, r, 0, func(f *asm.Func) { write(f, true) })
}

// loadMasks makes K1 to K4 say which elements of the tail there are.
func (m *machine) loadMasks(f *asm.Func) {
	for i := range piece.Vectors {
		f.Op("KMOVW %d(%s), K%d", piece.TailMask+2*i, scratch, i+1)
	}
}

// memory adds the pieces that load, store and fold.
func (m *machine) memory() {
	for r := range m.virtual {
		for _, l := range []struct {
			kind  piece.Kind
			size  int
			name  string
			after func(f *asm.Func, z string)
		}{
			{piece.LoadFloat32, 4, "VMOVUPS", nil},
			{piece.LoadInt32, 4, "VCVTDQ2PS", nil},
			{piece.LoadFloat16, 2, "VCVTPH2PS", nil},
			{piece.LoadBFloat16, 2, "VPMOVZXWD", func(f *asm.Func, z string) { f.Op("VPSLLD $16, %s, %s", z, z) }},
		} {
			m.both(l.kind, r, func(f *asm.Func, tail bool) {
				m.operand(f, false)
				if !tail {
					m.fetch(f, l.size, loadAhead)
				}
				m.eachLoaded(f, l.size, tail, func(i int, suffix, at, mask string) {
					z := m.z(m.v(r, i))
					f.Op("%s%s %s, %s%s", l.name, suffix, at, mask, z)
					if l.after != nil {
						l.after(f, z)
					}
				})
			})
		}
		for _, s := range []struct {
			kind piece.Kind
			size int
			one  func(f *asm.Func, z, t, u, mask, at string)
		}{
			{piece.StoreFloat32, 4, func(f *asm.Func, z, _, _, mask, at string) { f.Op("VMOVUPS %s, %s%s", z, mask, at) }},
			{piece.StoreInt32, 4, m.storeInt32},
			{piece.StoreFloat16, 2, func(f *asm.Func, z, _, _, mask, at string) { f.Op("VCVTPS2PH $0, %s, %s%s", z, mask, at) }},
			{piece.StoreBFloat16, 2, m.storeBFloat16},
		} {
			m.both(s.kind, r, func(f *asm.Func, tail bool) {
				m.operand(f, false)
				if !tail {
					m.fetch(f, s.size, storeAhead)
				}
				m.eachStored(f, s.size, tail, func(i int, mask, at string) {
					s.one(f, m.z(m.v(r, i)), m.z(m.t(0)), m.z(m.t(1)), mask, at)
				})
			})
		}
		m.folds(r)
	}
	m.bools()
	m.ends()
}

// How many bytes ahead of what is loaded or stored the processor is told to fetch. It guesses by itself, but a long function
// fills the room in which it looks for what comes next: of a million elements, tanh takes 9 % less for it.
const (
	loadAhead  = 4096
	storeAhead = 512
)

// fetch tells the processor to fetch a block of an operand, ahead of the present one.
func (m *machine) fetch(f *asm.Func, size, ahead int) {
	for at := 0; at < m.block()*size; at += 64 {
		f.Op("PREFETCHT0 %d(SI)(%s*%d)", ahead+at, element, size)
	}
}

// eachLoaded calls one with where each vector of the block's elements stands, behind SI. Of the tail, what is not there is 0:
// by a mask, with the suffix that the instruction's name gets then, or in a copy.
func (m *machine) eachLoaded(f *asm.Func, size int, tail bool, one func(i int, suffix, at, mask string)) {
	base := fmt.Sprintf("(SI)(%s*%d)", element, size)
	switch {
	case tail && m.wide:
		m.loadMasks(f)
	case tail && size == 4:
		for i := range piece.Vectors { // what a mask leaves out is not read
			f.Op("VMOVUPS %d(%s), %s", piece.TailMask+i*m.width, scratch, m.z(m.t(0)))
			f.Op("VMASKMOVPS %d%s, %s, %s", i*m.width, base, m.z(m.t(0)), m.z(m.t(1)))
			f.Op("VMOVUPS %s, %d(%s)", m.z(m.t(1)), piece.Copy+i*m.width, scratch)
		}
		base = fmt.Sprintf("(%s)", scratch)
	case tail:
		zero, _ := m.number(0)
		f.Op("VMOVUPS %s, %s", zero, m.z(m.t(0)))
		for i := range piece.Vectors {
			f.Op("VMOVUPS %s, %d(%s)", m.z(m.t(0)), piece.Copy+i*m.width, scratch)
		}
		m.copyTail(f, size, true)
		base = fmt.Sprintf("(%s)", scratch)
	}
	for i := range piece.Vectors {
		at := i * m.width / 4 * size
		switch {
		case tail && m.wide:
			one(i, ".Z", fmt.Sprintf("%d%s", at, base), fmt.Sprintf("K%d, ", i+1))
		case tail:
			one(i, "", fmt.Sprintf("%d%s", piece.Copy+at, base), "")
		default:
			one(i, "", fmt.Sprintf("%d%s", at, base), "")
		}
	}
}

// eachStored calls one with where to store each vector of the block's elements, likewise.
func (m *machine) eachStored(f *asm.Func, size int, tail bool, one func(i int, mask, at string)) {
	if tail && m.wide {
		m.loadMasks(f)
	}
	for i := range piece.Vectors {
		at := i * m.width / 4 * size
		switch {
		case tail && m.wide:
			one(i, fmt.Sprintf("K%d, ", i+1), fmt.Sprintf("%d(SI)(%s*%d)", at, element, size))
		case tail:
			one(i, "", fmt.Sprintf("%d(%s)", piece.Copy+at, scratch))
			if size == 4 {
				f.Op("VMOVUPS %d(%s), %s", piece.Copy+at, scratch, m.z(m.t(0)))
				f.Op("VMOVUPS %d(%s), %s", piece.TailMask+at, scratch, m.z(m.t(1)))
				f.Op("VMASKMOVPS %s, %s, %d(SI)(%s*4)", m.z(m.t(0)), m.z(m.t(1)), at, element)
			}
		default:
			one(i, "", fmt.Sprintf("%d(SI)(%s*%d)", at, element, size))
		}
	}
	if tail && !m.wide && size < 4 {
		m.copyTail(f, size, false)
	}
}

// copyTail copies the tail's elements between SI and scratch memory.
func (m *machine) copyTail(f *asm.Func, size int, load bool) {
	move := map[int]string{1: "MOVB", 2: "MOVW", 4: "MOVL"}[size]
	there, here := fmt.Sprintf("-%d(SI)(DX*%d)", size, size), fmt.Sprintf("%d(%s)(DX*%d)", piece.Copy-size, scratch, size)
	if !load {
		there, here = here, there
	}
	f.Op("MOVQ %s, DX", end)
	f.Op("SUBQ %s, DX", element)
	f.Op("LEAQ (SI)(%s*%d), SI", element, size)
	f.Label("copy")
	f.Op("%s %s, AX", move, there)
	f.Op("%s AX, %s", move, here)
	f.Op("DECQ DX")
	f.Op("JNZ copy")
}

// storeInt32 cuts fractions off. The processor gives the least integer where there is no result: its bits are turned for what is
// too large, and NaN becomes 0.
func (m *machine) storeInt32(f *asm.Func, z, t, u, mask, at string) {
	c, suffix := m.number(math.Float32bits(0x1p31))
	f.Op("VCVTTPS2DQ %s, %s", z, t)
	if m.wide {
		f.Op("VCMPPS%s $0x1d, %s, %s, K5", suffix, c, z)
		c, _ = m.number(0x7fffffff)
		f.Op("VPBROADCASTD %s, K5, %s", c, t)
		f.Op("VCMPPS $7, %s, %s, K5", z, z)
		f.Op("VMOVDQA32.Z %s, K5, %s", t, t)
		f.Op("VMOVDQU32 %s, %s%s", t, mask, at)
		return
	}
	f.Op("VCMPPS $0x1d, %s, %s, %s", c, z, u)
	f.Op("VXORPS %s, %s, %s", u, t, t)
	f.Op("VCMPPS $7, %s, %s, %s", z, z, u)
	f.Op("VANDPS %s, %s, %s", u, t, t)
	f.Op("VMOVUPS %s, %s", t, at)
}

func (m *machine) storeBFloat16(f *asm.Func, z, t, u, mask, at string) {
	f.Op("VMOVAPS %s, %s", z, t)
	m.roundBFloat16(f, t, u, m.z(m.t(2)))
	f.Op("VPSRLD $16, %s, %s", t, t)
	if m.wide {
		f.Op("VPMOVDW %s, %s%s", t, mask, at)
		return
	}
	f.Op("VPACKUSDW %s, %s, %s", t, t, t)
	f.Op("VPERMQ $0xd8, %s, %s", t, t)
	f.Op("VMOVUPS %s, %s", halfOf(t), at)
}

// bools adds the pieces that load and store masks.
func (m *machine) bools() {
	t := func(i int) string { return m.z(m.t(i)) }
	begin := func(f *asm.Func) {
		m.operand(f, true)
		f.Op("MOVL 12(%s), BX", counter)
	}
	if m.wide {
		at, mask := fmt.Sprintf("(SI)(%s*1)", element), fmt.Sprintf("(%s)(BX*1)", scratch)
		m.both(piece.LoadBool, 0, func(f *asm.Func, tail bool) {
			begin(f)
			if tail {
				f.Op("KMOVQ %d(%s), K1", piece.TailMask, scratch)
				f.Op("VMOVDQU8.Z %s, K1, %s", at, t(0))
			} else {
				f.Op("VMOVDQU8 %s, %s", at, t(0))
			}
			f.Op("VPTESTMB %s, %s, K1", t(0), t(0))
			f.Op("KMOVQ K1, %s", mask)
		})
		m.both(piece.StoreBool, 0, func(f *asm.Func, tail bool) {
			begin(f)
			f.Op("KMOVQ %s, K1", mask)
			f.Op("VPMOVM2B K1, %s", t(0))
			f.Op("VPABSB %s, %s", t(0), t(0))
			if tail {
				f.Op("KMOVQ %d(%s), K1", piece.TailMask, scratch)
				f.Op("VMOVDQU8 %s, K1, %s", t(0), at)
			} else {
				f.Op("VMOVDQU8 %s, %s", t(0), at)
			}
		})
		return
	}
	m.both(piece.LoadBool, 0, func(f *asm.Func, tail bool) {
		begin(f)
		zero, _ := m.number(0)
		m.eachLoaded(f, 1, tail, func(i int, _, at, _ string) {
			f.Op("VPMOVZXBD %s, %s", at, t(i))
			f.Op("VPCMPGTD %s, %s, %s", zero, t(i), t(i))
			f.Op("VMOVUPS %s, %d(%s)(BX*1)", t(i), i*m.width, scratch)
		})
	})
	m.both(piece.StoreBool, 0, func(f *asm.Func, tail bool) {
		begin(f)
		at := func(i int) string { return fmt.Sprintf("%d(%s)(BX*1)", i*m.width, scratch) }
		// Four vectors of words are packed to one of bytes, in each half for itself: their order is put right then.
		f.Op("VMOVUPS %s, %s", at(0), t(0))
		f.Op("VPACKSSDW %s, %s, %s", at(1), t(0), t(0))
		f.Op("VMOVUPS %s, %s", at(2), t(1))
		f.Op("VPACKSSDW %s, %s, %s", at(3), t(1), t(1))
		f.Op("VPACKSSWB %s, %s, %s", t(1), t(0), t(0))
		f.Op("VMOVUPS %s, %s", m.pool.put(0, 4, 1, 5, 2, 6, 3, 7), t(1))
		f.Op("VPERMD %s, %s, %s", t(0), t(1), t(0))
		m.with(f, "VPAND", 0x01010101, t(0), t(0))
		if tail {
			f.Op("VMOVUPS %s, %d(%s)", t(0), piece.Copy, scratch)
			m.copyTail(f, 1, false)
			return
		}
		f.Op("VMOVUPS %s, (SI)(%s*1)", t(0), element)
	})
}

// folds adds the pieces that join the elements of a virtual register to lanes in scratch memory.
func (m *machine) folds(r int) {
	t := func(i int) string { return m.z(m.t(i)) }
	m.both(piece.FoldSum, r, func(f *asm.Func, tail bool) {
		f.Op("MOVL 8(%s), DX", counter)
		if tail && m.wide {
			m.loadMasks(f)
		}
		for i := range piece.Vectors {
			x := m.z(m.v(r, i))
			switch {
			case tail && m.wide:
				f.Op("VMOVAPS.Z %s, K%d, %s", x, i+1, t(0))
				x = t(0)
			case tail:
				f.Op("VANDPS %d(%s), %s, %s", piece.TailMask+i*m.width, scratch, x, t(0))
				x = t(0)
			}
			m.sumPair(f, x, t(1), t(2))
			if i > 0 {
				f.Op("VADDPD %s, %s, %s", t(1), t(3), t(3))
			} else {
				f.Op("VMOVAPS %s, %s", t(1), t(3))
			}
		}
		f.Op("VADDPD (%s)(DX*1), %s, %s", scratch, t(3), t(3))
		f.Op("VMOVUPS %s, (%s)(DX*1)", t(3), scratch)
	})
	m.both(piece.FoldRoughSum, r, func(f *asm.Func, tail bool) {
		f.Op("MOVL 8(%s), DX", counter)
		x := [piece.Vectors]string{}
		for i := range x {
			switch x[i] = m.z(m.v(r, i)); {
			case tail && m.wide:
				if i == 0 {
					m.loadMasks(f)
				}
				f.Op("VMOVAPS.Z %s, K%d, %s", x[i], i+1, t(i))
				x[i] = t(i)
			case tail:
				f.Op("VANDPS %d(%s), %s, %s", piece.TailMask+i*m.width, scratch, x[i], t(i))
				x[i] = t(i)
			}
		}
		f.Op("VADDPS %s, %s, %s", x[1], x[0], t(0))
		f.Op("VADDPS %s, %s, %s", x[3], x[2], t(1))
		f.Op("VADDPS %s, %s, %s", t(1), t(0), t(0))
		m.sumPair(f, t(0), t(1), t(2))
		f.Op("VADDPD (%s)(DX*1), %s, %s", scratch, t(1), t(1))
		f.Op("VMOVUPS %s, (%s)(DX*1)", t(1), scratch)
	})
	m.both(piece.FoldMagnitude, r, func(f *asm.Func, tail bool) { // without their sign, floats are in the order of their bits, NaN last
		f.Op("MOVL 8(%s), DX", counter)
		if tail && m.wide {
			m.loadMasks(f)
		}
		f.Op("VMOVUPS (%s)(DX*1), %s", scratch, t(3))
		for i := range piece.Vectors {
			x := m.z(m.v(r, i))
			switch {
			case tail && m.wide:
				f.Op("VMOVAPS.Z %s, K%d, %s", x, i+1, t(0))
				x = t(0)
			case tail:
				f.Op("VANDPS %d(%s), %s, %s", piece.TailMask+i*m.width, scratch, x, t(0))
				x = t(0)
			}
			m.with(f, "VANDPS", ^uint32(signBit), x, t(0))
			f.Op("VPMAXUD %s, %s, %s", t(0), t(3), t(3))
		}
		f.Op("VMOVUPS %s, (%s)(DX*1)", t(3), scratch)
	})
	for _, k := range []piece.Kind{piece.FoldLargest, piece.FoldLeast} {
		identity := uint32(infinity)
		if k == piece.FoldLargest {
			identity |= signBit
		}
		m.both(k, r, func(f *asm.Func, tail bool) {
			f.Op("MOVL 8(%s), DX", counter)
			if tail && m.wide {
				m.loadMasks(f)
			}
			for i := range piece.Vectors {
				x, lanes := m.z(m.v(r, i)), fmt.Sprintf("%d(%s)(DX*1)", i*m.width, scratch)
				c, _ := m.number(identity)
				switch {
				case tail && m.wide:
					f.Op("VBROADCASTSS %s, %s", c, t(1))
					f.Op("VMOVAPS %s, K%d, %s", x, i+1, t(1))
					x = t(1)
				case tail:
					f.Op("VMOVUPS %s, %s", c, t(1))
					f.Op("VMOVUPS %d(%s), %s", piece.TailMask+i*m.width, scratch, t(2))
					f.Op("VBLENDVPS %s, %s, %s, %s", t(2), x, t(1), t(1))
					x = t(1)
				}
				f.Op("VMOVUPS %s, %s", lanes, t(0))
				m.extreme(f, k == piece.FoldLargest, x, t(0), t(2), t(3))
				f.Op("VMOVUPS %s, %s", t(0), lanes)
			}
		})
	}
}

// sumPair makes t the sums of an element of x's lower half and one of its upper half, in float64.
func (m *machine) sumPair(f *asm.Func, x, t, u string) {
	f.Op("VCVTPS2PD %s, %s", halfOf(x), t)
	if m.wide {
		f.Op("VEXTRACTF64X4 $1, %s, %s", x, halfOf(u))
	} else {
		f.Op("VEXTRACTF128 $1, %s, %s", x, halfOf(u))
	}
	f.Op("VCVTPS2PD %s, %s", halfOf(u), u)
	f.Op("VADDPD %s, %s, %s", u, t, t)
}

// ends adds the pieces that begin folds, from a result so far, and that bring their lanes together. No virtual register has a
// value then.
func (m *machine) ends() {
	begin := func(f *asm.Func) {
		f.Op("MOVL 8(%s), DX", counter)
		f.Op("MOVL 12(%s), BX", counter)
		f.Op("ADDQ %d(%s), BX", piece.Result, scratch)
	}
	m.piece(piece.StartSum, 0, 0, func(f *asm.Func) {
		begin(f)
		f.Op("VMOVSD (BX), X0") // and zeros behind it
		f.Op("VMOVUPS %s, (%s)(DX*1)", m.z(0), scratch)
	})
	m.piece(piece.StartExtreme, 0, 0, func(f *asm.Func) {
		begin(f)
		f.Op("VMOVSD (BX), X0")
		f.Op("VCVTSD2SS X0, X0, X0")
		f.Op("VBROADCASTSS X0, %s", m.z(0))
		for i := range piece.Vectors {
			f.Op("VMOVUPS %s, %d(%s)(DX*1)", m.z(0), i*m.width, scratch)
		}
	})
	m.piece(piece.EndSum, 0, 0, func(f *asm.Func) {
		begin(f)
		f.Op("VMOVUPS (%s)(DX*1), %s", scratch, m.z(0))
		m.fold(f, func(x, y string) { f.Op("VADDPD %s, %s, %s", y, x, x) })
		f.Op("VPERMILPD $1, X0, X1")
		f.Op("VADDSD X1, X0, X0")
		f.Op("VMOVSD X0, (BX)")
	})
	m.piece(piece.EndMagnitude, 0, 0, func(f *asm.Func) {
		begin(f)
		join := func(x, y string) { f.Op("VPMAXUD %s, %s, %s", y, x, x) }
		f.Op("VMOVUPS (%s)(DX*1), %s", scratch, m.z(0))
		m.fold(f, join)
		f.Op("VPERMILPS $0x4e, X0, X1")
		join("X0", "X1")
		f.Op("VPERMILPS $0xb1, X0, X1")
		join("X0", "X1")
		f.Op("VCVTSS2SD X0, X0, X0")
		f.Op("VMOVSD X0, (BX)")
	})
	for _, k := range []piece.Kind{piece.EndLargest, piece.EndLeast} {
		m.piece(k, 0, 0, func(f *asm.Func) {
			begin(f)
			join := func(x, y string) { m.extreme(f, k == piece.EndLargest, y, x, "X2", "X3") }
			f.Op("VMOVUPS (%s)(DX*1), %s", scratch, m.z(0))
			for i := 1; i < piece.Vectors; i++ {
				f.Op("VMOVUPS %d(%s)(DX*1), %s", i*m.width, scratch, m.z(1))
				m.extreme(f, k == piece.EndLargest, m.z(1), m.z(0), m.z(2), m.z(3))
			}
			m.fold(f, func(x, y string) { m.extreme(f, k == piece.EndLargest, y, x, x[:1]+"2", x[:1]+"3") })
			f.Op("VPERMILPS $0x4e, X0, X1")
			join("X0", "X1")
			f.Op("VPERMILPS $0xb1, X0, X1")
			join("X0", "X1")
			f.Op("VCVTSS2SD X0, X0, X0")
			f.Op("VMOVSD X0, (BX)")
		})
	}
}

// fold joins the halves of register 0 until it has 16 bytes.
func (m *machine) fold(f *asm.Func, join func(x, y string)) {
	if m.wide {
		f.Op("VEXTRACTF64X4 $1, Z0, Y1")
		join("Y0", "Y1")
	}
	f.Op("VEXTRACTF128 $1, Y0, X1")
	join("X0", "X1")
}
