package kernels

import "math"

// maskInPlace reports whether rows of the mask are read where they lie.
func (f *attention[T]) maskInPlace() bool {
	return !f.Mask.Bool && f.half == nil && f.Mask.Column == 1
}

// maskRoom returns how many elements the rows of a mask are copied to.
func (f *attention[T]) maskRoom() int {
	if f.Mask == nil || f.maskInPlace() {
		return 0
	}
	return f.queries * keysAtOnce
}

// readMask writes a block of the mask to z as what is added to scores, a row for each key.
func (w *attender[T]) readMask(z []T, head, b, from, keys int) {
	m, n, across := w.Mask, w.count(b), len(z)/keys
	at := m.Base.at(head) + b*w.queries*m.Row + from*m.Column
	rows, step := w.mask, keysAtOnce
	if m.Row == 0 {
		step = 0
	}
	if w.maskInPlace() {
		rows, step = Of[T](w.a.In[w.maskInput])[at:], m.Row
	} else if m.Row == 0 {
		w.maskRow(w.mask[:keys], at)
	} else {
		for i := range n {
			w.maskRow(w.mask[i*step:][:keys], at+i*m.Row)
		}
	}
	lanes := w.kernels.Lanes()
	for j := 0; j < n; j += lanes {
		for i := range lanes {
			w.list[i] = min(j+i, n-1) * step * w.size
		}
		w.kernels.Transpose(pointer(z[j:]), across*w.size, pointer(rows), w.list[:lanes], keys)
	}
}

// maskRow writes a row of the mask, from element at on, as numbers.
func (w *attender[T]) maskRow(z []T, at int) {
	m := w.Mask
	in := w.a.In[w.maskInput]
	switch {
	case m.Bool && m.Column == 1:
		w.shown(z, Of[bool](in)[at:][:len(z)])
	case m.Bool:
		for i := range z {
			z[i] = 0
			if in[at+i*m.Column] == 0 {
				z[i] = T(math.Inf(-1))
			}
		}
	case w.half != nil && m.Column == 1:
		w.half.Widen(Of[float32](Bytes(z)), Of[uint16](in)[at:][:len(z)])
	case w.half != nil:
		for i := range z {
			w.half.Widen(Of[float32](Bytes(z[i:i+1])), Of[uint16](in)[at+i*m.Column:][:1])
		}
	default:
		for i := range z {
			z[i] = Of[T](in)[at+i*m.Column]
		}
	}
}
