package generate

import (
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
)

// comparators returns the comparisons, in order, that sort n numbers: of the smaller place with the larger one.
//
// Source: Batcher, "Sorting networks and their applications", 1968: merge-exchange.
func comparators(n int) (list [][2]int) {
	for p := 1; p < n; p *= 2 {
		for k := p; k >= 1; k /= 2 {
			for j := k % p; j+k < n; j += 2 * k {
				for i := j; i < min(j+k, n-k); i++ {
					if i/(2*p) == (i+k)/(2*p) {
						list = append(list, [2]int{i, i + k})
					}
				}
			}
		}
	}
	return list
}

// sorter writes a network; registers that hold numbers change as it goes.
type sorter struct {
	*writer
	rows []int // the registers in order
	free []int
}

func (s *sorter) take() int {
	r := s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	return r
}

func (s *sorter) give(r int) { s.free = append(s.free, r) }

// network adds the sort of rows registers side by side in memory. Rows that make squares of registers are sorted in columns,
// which are then made rows; others are sorted within. Then sorted sequences are merged in pairs.
func (v vector) network(file *output, rows int) {
	w := v.function(file, fmt.Sprintf("sort%dof", rows*v.lanes), fmt.Sprintf("writes n numbers of x, at most %d, to z in order, which may be the same memory.", rows*v.lanes),
		asm.Arg{Name: "z", Type: "unsafe.Pointer"}, asm.Arg{Name: "x", Type: "unsafe.Pointer"}, asm.Arg{Name: "n", Type: "int"})
	s := &sorter{writer: w}
	s.begin(rows)
	if rows%w.lanes == 0 {
		s.squares()
	} else {
		for i := range s.rows {
			s.within(i)
		}
	}
	for run := 1; run < rows; run *= 2 {
		for at := 0; at < rows; at += 2 * run {
			s.merge(at, run)
		}
	}
	w.Load("z", "SI")
	w.Load("n", "CX")
	mask := s.take()
	for i, r := range s.rows {
		s.part(i, mask)
		if w.wide() {
			w.masked(r, "K5", fmt.Sprintf("%d(SI)", i*w.bytes()))
		} else {
			w.lane("VPMASKMOV", r, mask, fmt.Sprintf("%d(SI)", i*w.bytes()))
		}
	}
	w.end()
}

// part sets the mask of the lanes of row i that there are, of the CX numbers from there on: K5, or a register.
func (s *sorter) part(i, mask int) {
	if i > 0 {
		s.Comment("row %d", i)
		s.Op("SUBQ $%d, CX", s.lanes)
		s.Op("CMOVQLT R9, CX")
	}
	if s.wide() {
		count := "CX"
		if i == 0 { // 256 would count as none
			count = "DX"
			s.Op("MOVQ CX, R11")
			s.Op("SHRQ $8, R11")
			s.Op("MOVQ CX, DX")
			s.Op("SUBQ R11, DX")
		}
		s.Op("BZHIQ %s, R10, DX", count)
		s.Op("KMOVW DX, K5")
		return
	}
	s.Op("MOVQ $%d, DX", s.lanes)
	s.Op("SUBQ CX, DX")
	s.Op("CMOVQLT R9, DX")
	s.move(fmt.Sprintf("(R10)(DX*%d)", s.size), mask)
}

// begin loads rows, missing numbers as the largest there are, and the masks of lanes whose number has a bit.
func (s *sorter) begin(rows int) {
	s.Load("x", "SI")
	s.Load("n", "CX")
	s.Op("XORQ R9, R9")
	registers := 16
	if s.wide() {
		registers = 32
		for i := range 4 {
			mask := 0
			for lane := range s.lanes {
				mask |= lane >> i & 1 << lane
			}
			s.Op("MOVL $0x%x, AX", mask)
			s.Op("KMOVW AX, K%d", i+1)
		}
	}
	mask, largest := registers-1, registers-2
	if s.wide() {
		s.Op("MOVQ $-1, R10")
		s.op("VPTERNLOGD", "$0xff", largest, largest, largest)
	} else {
		s.Op("LEAQ %s, R10", s.words("ones", slices.Concat(slices.Repeat([]uint32{math.MaxUint32}, 8), make([]uint32, 8))...))
		s.op("VPCMPEQD", largest, largest, largest)
	}
	s.lane("VPSRL", "$1", largest, largest)
	for i := range rows {
		s.rows = append(s.rows, i)
		s.part(i, mask)
		from := fmt.Sprintf("%d(SI)", i*s.bytes())
		if s.wide() {
			s.move(largest, i)
			s.masked(from, "K5", i)
		} else {
			s.lane("VPMASKMOV", from, mask, i)
			s.op("VPBLENDVB", mask, i, largest, i)
		}
	}
	for r := registers - 1; r >= rows; r-- {
		s.give(r)
	}
}

// compare puts the smaller ones of rows i and j into row i, the larger ones into row j.
func (s *sorter) compare(i, j int) {
	a, b, low := s.rows[i], s.rows[j], s.take()
	if s.wide() || s.size == 4 {
		s.lane("VPMINS", b, a, low)
		s.lane("VPMAXS", b, a, b)
	} else {
		more := s.take()
		s.op("VPCMPGTQ", b, a, more)
		s.op("VBLENDVPD", more, b, a, low)
		s.op("VBLENDVPD", more, a, b, b)
		s.give(more)
	}
	s.rows[i] = low
	s.give(a)
}

// squares sorts every row, in squares of as many rows as lanes.
func (s *sorter) squares() {
	for at := 0; at < len(s.rows); at += s.lanes {
		for _, c := range comparators(s.lanes) {
			s.compare(at+c[0], at+c[1])
		}
		old := append([]int{}, s.rows[at:at+s.lanes]...)
		room := make([]int, s.lanes)
		for i := range room {
			room[i] = s.take()
		}
		copy(s.rows[at:], s.Transpose(s.prefix, s.size, old, room))
		for _, r := range append(old, room...) {
			if !slices.Contains(s.rows[at:at+s.lanes], r) {
				s.give(r)
			}
		}
	}
}

// within sorts row i: sequences of 1, 2, 4 lanes are merged in pairs, each with the one beside it reversed.
func (s *sorter) within(i int) {
	for n := 2; n <= s.lanes; n *= 2 {
		s.exchange(i, n, true)
		for d := n / 2; d >= 2; d /= 2 {
			s.exchange(i, d, false)
		}
	}
}

// merge makes one sequence of two, of run rows each, the first one from row at on.
func (s *sorter) merge(at, run int) {
	for i := range run / 2 { // the second one reversed, so that the two rise and fall
		j, k := at+run+i, at+2*run-1-i
		s.rows[j], s.rows[k] = s.rows[k], s.rows[j]
	}
	for i := range run {
		r := s.take()
		s.reversed(s.rows[at+run+i], s.lanes, r)
		s.give(s.rows[at+run+i])
		s.rows[at+run+i] = r
		s.compare(at+i, at+run+i)
	}
	for d := run / 2; d >= 1; d /= 2 {
		for i := range 2 * run {
			if i&d == 0 {
				s.compare(at+i, at+i+d)
			}
		}
	}
	if s.wide() {
		for i := 0; i < 2*run; i += 2 {
			s.exchangePair(at+i, at+i+1)
		}
		return
	}
	for i := range 2 * run {
		for n := s.lanes; n >= 2; n /= 2 {
			s.exchange(at+i, n, false)
		}
	}
}

// exchangePair is exchange of rows i and j by all distances, the largest first. Lanes that are compared lie in two registers, those
// with the smaller numbers in one of them, so that a comparison serves both rows. After that all are put back.
func (s *sorter) exchangePair(i, j int) {
	a, b := s.rows[i], s.rows[j]
	low, high := make([]int, s.lanes), make([]int, s.lanes) // which lanes of the rows are in a and b
	for lane := range s.lanes {
		low[lane], high[lane] = lane, s.lanes+lane
	}
	for distance := s.lanes / 2; distance >= 1; distance /= 2 {
		l, h := s.take(), s.take()
		low, high = s.parted(distance, a, b, l, h, low, high)
		for lane := range low {
			if low[lane]+distance != high[lane] || low[lane]&distance != 0 {
				panic("lanes that are not to be compared")
			}
		}
		s.lane("VPMINS", h, l, a)
		s.lane("VPMAXS", h, l, b)
		s.give(l)
		s.give(h)
	}
	for row, name := range []string{"first", "second"} {
		var places []uint32
		for lane := range s.lanes {
			at := slices.Index(append(slices.Clone(low), high...), row*s.lanes+lane)
			if places = append(places, uint32(at)); s.size == 8 {
				places = append(places, 0)
			}
		}
		z := s.take()
		s.move(s.words(fmt.Sprint(name, 8*s.size), places...), z)
		s.lane("VPERMI2", b, a, z)
		s.rows[[]int{i, j}[row]] = z
	}
	s.give(a)
	s.give(b)
}

// parted writes to l and h the lanes of a and b that are to be compared at a distance, and returns which these are.
func (s *sorter) parted(distance, a, b, l, h int, low, high []int) (newLow, newHigh []int) {
	unit := distance * s.size
	var take func(half int) []int
	both := [2][]int{low, high}
	switch unit {
	case 32, 16:
		immediate := map[int][2]string{32: {"$0x44", "$0xee"}, 16: {"$0x88", "$0xdd"}}[unit]
		s.op("VSHUFI64X2", immediate[0], b, a, l)
		s.op("VSHUFI64X2", immediate[1], b, a, h)
		n := 16 / s.size
		take = func(half int) (lanes []int) {
			for _, from := range both {
				for k := range 2 {
					block := map[int]int{32: 2*half + k, 16: 2*k + half}[unit]
					lanes = append(lanes, from[block*n:][:n]...)
				}
			}
			return lanes
		}
	case 8:
		s.op("VPUNPCKLQDQ", b, a, l)
		s.op("VPUNPCKHQDQ", b, a, h)
		n := 8 / s.size
		take = func(half int) (lanes []int) {
			for block := range 4 {
				for _, from := range both {
					lanes = append(lanes, from[(2*block+half)*n:][:n]...)
				}
			}
			return lanes
		}
	case 4:
		s.op("VSHUFPS", "$0x88", b, a, l)
		s.op("VSHUFPS", "$0xdd", b, a, h)
		take = func(half int) (lanes []int) {
			for block := range 4 {
				for _, from := range both {
					lanes = append(lanes, from[4*block+half], from[4*block+2+half])
				}
			}
			return lanes
		}
	}
	return take(0), take(1)
}

// exchange compares lanes of row i with each other, in blocks of n lanes: with the one as far from the other end, or with the
// one half a block away.
func (s *sorter) exchange(i, n int, reverse bool) {
	v, other, low := s.rows[i], s.take(), s.take()
	if reverse {
		s.reversed(v, n, other)
	} else {
		s.swapped(v, n/2, other)
	}
	upper := 0 // the lanes in upper halves
	for lane := range s.lanes {
		if lane&(n/2) != 0 {
			upper |= 1 << lane
		}
	}
	switch {
	case s.wide():
		s.lane("VPMINS", other, v, low)
		s.lane("VPMAXS", other, v, fmt.Sprintf("K%d", bits.Len(uint(n/2))), low)
	case s.size == 4:
		s.op("VPMINSD", other, v, low)
		s.op("VPMAXSD", other, v, other)
		s.op("VPBLENDD", fmt.Sprintf("$0x%x", upper), other, low, low)
	default: // what lower lanes find decides for both
		s.op("VPCMPGTQ", other, v, low)
		decide := map[bool]map[int]string{false: {2: "$0xa0", 4: "$0x44"}, true: {2: "$0xa0", 4: "$0x14"}}[reverse][n]
		s.op("VPERMQ", decide, low, low)
		s.op("VBLENDVPD", low, other, v, low)
	}
	s.rows[i] = low
	s.give(v)
	s.give(other)
}

// swapped writes to z the lanes of v, each for the one at a distance.
func (s *sorter) swapped(v, distance, z int) {
	switch distance * s.size {
	case 4:
		s.op("VPSHUFD", "$0xb1", v, z)
	case 8:
		s.op("VPSHUFD", "$0x4e", v, z)
	case 16:
		if s.wide() {
			s.op("VSHUFI64X2", "$0xb1", v, v, z)
		} else {
			s.op("VPERMQ", "$0x4e", v, z)
		}
	case 32:
		s.op("VSHUFI64X2", "$0x4e", v, v, z)
	}
}

// reversed writes to z the lanes of v, in blocks of n in reverse order.
func (s *sorter) reversed(v, n, z int) {
	switch {
	case n == 2:
		s.swapped(v, 1, z)
		return
	case n == 4 && s.size == 4:
		s.op("VPSHUFD", "$0x1b", v, z)
		return
	case n == 4 && s.size == 8:
		s.op("VPERMQ", "$0x1b", v, z)
		return
	}
	var places []uint32
	for lane := range uint32(s.lanes) {
		places = append(places, lane^uint32(n-1))
		if s.size == 8 {
			places = append(places, 0)
		}
	}
	s.move(s.words(fmt.Sprintf("reversed%dof%d%s", n, 8*s.size, s.tier), places...), z)
	s.lane("VPERM", v, z, z)
}
