package asm

import "fmt"

// Transpose adds the exchange of rows and lanes of as many vector registers as they have lanes, of size bytes, 4 or 8; prefix is
// Y or Z. The rows are in registers x, and y are as many others, which it uses up. It returns where the new rows are.
func (f *Func) Transpose(prefix string, size int, x, y []int) []int {
	n, inner := len(x), 16/size
	op := func(name string, registers ...any) {
		text := name
		for i, r := range registers {
			sep := ", "
			if i == 0 {
				sep = " "
			}
			if n, ok := r.(int); ok {
				r = fmt.Sprintf("%s%d", prefix, n)
			}
			text += fmt.Sprint(sep, r)
		}
		f.Op("%s", text)
	}
	x, y = append([]int{}, x...), append([]int{}, y...)
	if size == 4 { // pairs of rows, then pairs of pairs: after this 16 bytes have one column of four rows
		for i := 0; i < n; i += 2 {
			op("VUNPCKLPS", x[i+1], x[i], y[i])
			op("VUNPCKHPS", x[i+1], x[i], y[i+1])
		}
		x, y = y, x
		for i := 0; i < n; i += 4 {
			for h := range 2 {
				op("VUNPCKLPD", x[i+2+h], x[i+h], y[i+2*h])
				op("VUNPCKHPD", x[i+2+h], x[i+h], y[i+2*h+1])
			}
		}
	} else {
		for i := 0; i < n; i += 2 {
			op("VUNPCKLPD", x[i+1], x[i], y[i])
			op("VUNPCKHPD", x[i+1], x[i], y[i+1])
		}
	}
	x, y = y, x
	out := make([]int, n)
	for c := range inner {
		if prefix == "Y" {
			op("VPERM2F128", "$0x20", x[inner+c], x[c], y[c])
			op("VPERM2F128", "$0x31", x[inner+c], x[c], y[inner+c])
			out[c], out[inner+c] = y[c], y[inner+c]
			continue
		}
		a, b, d, e := x[c], x[inner+c], x[2*inner+c], x[3*inner+c]
		s := []int{y[c], y[inner+c], y[2*inner+c], y[3*inner+c]}
		op("VSHUFF64X2", "$0x44", b, a, s[0])
		op("VSHUFF64X2", "$0xee", b, a, s[1])
		op("VSHUFF64X2", "$0x44", e, d, s[2])
		op("VSHUFF64X2", "$0xee", e, d, s[3])
		op("VSHUFF64X2", "$0x88", s[2], s[0], a)
		op("VSHUFF64X2", "$0xdd", s[2], s[0], b)
		op("VSHUFF64X2", "$0x88", s[3], s[1], d)
		op("VSHUFF64X2", "$0xdd", s[3], s[1], e)
		out[c], out[inner+c], out[2*inner+c], out[3*inner+c] = a, b, d, e
	}
	return out
}
