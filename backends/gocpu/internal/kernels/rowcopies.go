package kernels

// rowCopies are copies of lanes whose elements do not lie side by side, of a few neighbouring lanes at once: what lies side by
// side of these is read together. Lanes that are rows are left where they are.
type rowCopies struct {
	l     *Lanes
	own   *Lanes // as the copies lie, nil for rows
	step  int    // from one of them to the next
	size  int    // of an element
	lanes int    // how many lanes are copied at once
}

const (
	copiedLanes = 16       // the elements of a line of the cache
	copiedBytes = 64 << 10 // what copies may take: they are to stay in the cache
)

// newRowCopies returns the copies of lanes of elements of size bytes.
func newRowCopies(l *Lanes, size int) rowCopies {
	c := rowCopies{l: l, size: size, lanes: 1}
	if !l.Along.contiguous() {
		c.own = &Lanes{Along: NewAxis([]int{l.Along.N}, []int{1})}
		c.lanes = max(1, min(copiedLanes, copiedBytes/(l.Along.N*size)))
		c.step = l.Along.N + 64/size // an odd line further: a power of two apart all would share a few places of the cache
	}
	return c
}

// bytes is how much memory the copies take.
func (c *rowCopies) bytes() int {
	if c.own == nil {
		return 0
	}
	return Aligned(c.lanes * c.step * c.size)
}

// grain is how many lanes a chunk has when an element costs so many nanoseconds.
func (c *rowCopies) grain(cost float64) int {
	return (c.l.grain(cost) + c.lanes - 1) / c.lanes * c.lanes
}

// row returns where lane i is read and written, as the lanes of flat do: number k of the copies, or where it is.
func (c *rowCopies) row(copies, x, z []byte, k, i int) (from, to []byte, at int) {
	if c.own == nil {
		return x, z, c.l.Kept.at(i)
	}
	return copies, copies, k * c.step
}

// flat are the lanes as row says where they are.
func (c *rowCopies) flat() *Lanes {
	if c.own == nil {
		return c.l
	}
	return c.own
}

// read copies the lanes lo to hi of x.
func (c *rowCopies) read(copies, x []byte, lo, hi int) {
	if c.own == nil {
		return
	}
	switch c.size {
	case 1:
		copyLanes(copies, x, c, lo, hi, false)
	case 2:
		copyLanes(Of[uint16](copies), Of[uint16](x), c, lo, hi, false)
	default:
		copyLanes(Of[uint32](copies), Of[uint32](x), c, lo, hi, false)
	}
}

// write copies the lanes lo to hi back, to z.
func (c *rowCopies) write(z, copies []byte, lo, hi int) {
	switch {
	case c.own == nil:
	case c.size == 2:
		copyLanes(Of[uint16](copies), Of[uint16](z), c, lo, hi, true)
	default:
		copyLanes(Of[uint32](copies), Of[uint32](z), c, lo, hi, true)
	}
}

// copyLanes copies the lanes lo to hi of x to copies, or back.
func copyLanes[T any](copies, x []T, c *rowCopies, lo, hi int, back bool) {
	var at [copiedLanes]int
	for i := lo; i < hi; i++ {
		at[i-lo] = c.l.Kept.at(i)
	}
	bases := at[:hi-lo]
	if !back && bases[len(bases)-1] == bases[0]+len(bases)-1 {
		for e := range c.l.Along.N { // side by side, as of a matrix
			for k, v := range x[bases[0]+c.l.Along.at(e):][:len(bases)] {
				copies[k*c.step+e] = v
			}
		}
		return
	}
	for e := range c.l.Along.N {
		from := x[c.l.Along.at(e):]
		for k, base := range bases {
			if back {
				from[base] = copies[k*c.step+e]
			} else {
				copies[k*c.step+e] = from[base]
			}
		}
	}
}
