package codes

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
)

// Kernel multiplies rows of codes of one kind, whose numbers are values by code. It holds no state.
type Kernel struct {
	bits, group int
	values      []float32
	lanes       int // how many bytes of codes the assembly reads at once; 0 without assembly
	row         func(codes, x, scales, biases, sums, table unsafe.Pointer, groups, steps int, y *float32)
}

// most bounds how many codes a call into assembly reads, in which a goroutine cannot be stopped: some 10 µs.
const most = 1 << 16

// New returns the kernel for codes of so many bits, whose numbers are values, 2ᵇⁱᵗˢ of them, in groups of so many.
func New(t cpu.Tier, bits int, values []float32, group int) *Kernel {
	k := &Kernel{bits: bits, group: group, values: values}
	for ; t > cpu.Portable; t-- { // a group may be too small for the widest registers
		n := nativeOf(t, bits, wholeOf(values))
		if n.row != nil && group*bits%(8*n.lanes) == 0 {
			k.lanes, k.row = n.lanes, n.row
			break
		}
	}
	if bits < 4 { // the assembly looks up by 4 bits, of which the upper ones are of the next code
		k.values = nil
		for range 16 / len(values) {
			k.values = append(k.values, values...)
		}
	}
	return k
}

// native is what a tier has in assembly.
type native struct {
	lanes int
	row   func(codes, x, scales, biases, sums, table unsafe.Pointer, groups, steps int, y *float32)
}

// whole says which integers of 8 bits codes are, if they are.
type whole int

const (
	others whole = iota // none
	unsigned
	signed
)

func wholeOf(values []float32) whole {
	is := func(number func(code int) float32) bool {
		for code, v := range values {
			if v != number(code) {
				return false
			}
		}
		return true
	}
	switch {
	case is(func(code int) float32 { return float32(uint8(code)) }):
		return unsigned
	case is(func(code int) float32 { return float32(int8(code)) }):
		return signed
	}
	return others
}

// Native reports whether there is assembly.
func (k *Kernel) Native() bool { return k.row != nil }

// Arrange writes to y the elements of a vector x in the order in which [Kernel.Row] reads them, and to sums those of each group.
func (k *Kernel) Arrange(y, sums, x []float32) {
	for g := range sums {
		var sum float32
		for _, v := range x[g*k.group:][:k.group] {
			sum += v
		}
		sums[g] = sum
	}
	per := 8 / k.bits
	if k.lanes == 0 || per == 1 {
		copy(y, x)
		return
	}
	step := k.lanes * per
	for at := 0; at+step <= len(x); at += step { // first the lowest bits of all bytes of a step, then the next
		in, out := x[at:][:step], y[at:][:step]
		for i, v := range in {
			out[i%per*k.lanes+i/per] = v
		}
	}
}

// Row returns the product of a vector, which [Kernel.Arrange] has arranged, and a row of codes:
//
//	Σ_g scales_g · Σ_{k in g} x_k · value(codes_k) + biases_g · sums_g
//
// biases may be nil.
func (k *Kernel) Row(codes []byte, x, scales, biases, sums []float32) float32 {
	if k.row == nil {
		return k.portable(codes, x, scales, biases, sums)
	}
	var y, part float32
	perGroup := k.group * k.bits / 8
	for at := 0; at < len(scales); {
		n := min(len(scales)-at, max(1, most/k.group))
		var b, s unsafe.Pointer
		if biases != nil {
			b, s = unsafe.Pointer(&biases[at]), unsafe.Pointer(&sums[at])
		}
		k.row(unsafe.Pointer(&codes[at*perGroup]), unsafe.Pointer(&x[at*k.group]), unsafe.Pointer(&scales[at]), b, s, unsafe.Pointer(&k.values[0]), n, perGroup/k.lanes, &part)
		y += part
		at += n
	}
	return y
}

// portable is Row without assembly: what it means.
func (k *Kernel) portable(codes []byte, x, scales, biases, sums []float32) float32 {
	var y float32
	per, mask := 8/k.bits, byte(1<<k.bits-1)
	perGroup := k.group * k.bits / 8
	if k.group*k.bits%8 != 0 { // groups that begin within a byte
		return k.coded(codes, x, scales, biases, sums)
	}
	for g, scale := range scales {
		var s0, s1 float32
		v := x[g*k.group:][:k.group]
		for i, c := range codes[g*perGroup:][:perGroup] {
			switch per {
			case 1:
				s0 += v[i] * k.values[c]
			case 2:
				s0 += v[2*i] * k.values[c&15]
				s1 += v[2*i+1] * k.values[c>>4]
			default:
				for j := range per {
					s0 += v[i*per+j] * k.values[c>>(j*k.bits)&mask]
				}
			}
		}
		y += scale * (s0 + s1)
		if biases != nil {
			y += biases[g] * sums[g]
		}
	}
	return y
}

// coded is portable, code by code.
func (k *Kernel) coded(codes []byte, x, scales, biases, sums []float32) float32 {
	var y float32
	per, mask := 8/k.bits, byte(1<<k.bits-1)
	for g, scale := range scales {
		var sum float32
		for i := g * k.group; i < (g+1)*k.group; i++ {
			sum += x[i] * k.values[codes[i/per]>>(i%per*k.bits)&mask]
		}
		y += scale * sum
		if biases != nil {
			y += biases[g] * sums[g]
		}
	}
	return y
}
