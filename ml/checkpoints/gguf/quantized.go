package gguf

import (
	"fmt"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/quant"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// schemes are the types whose blocks are groups of a scheme of package quant, bit by bit: in its order of codes, and with scales apart.
var schemes = map[Type]quant.Scheme{
	Q4_0: {Kind: quant.Symmetric, Bits: 4, Group: 32},
	Q4_1: {Kind: quant.Affine, Bits: 4, Group: 32},
	Q8_0: {Kind: quant.Symmetric, Bits: 8, Group: 32},
}

// Quantized reads a tensor of type Q4_0, Q4_1 or Q8_0 without making numbers of it: its scheme, and the parts that [quant.Scheme.Of] takes, codes,
// scales in float16 and with Q4_1 biases. They stand for what [File.Tensor] returns, and take as many bytes as in the file. Tensors of
// other types are an error: read them with Tensor, and quantise that.
func (f *File) Quantized(name string) (quant.Scheme, []*tensors.Tensor, error) {
	t, err := f.find(name)
	if err != nil {
		return quant.Scheme{}, nil, err
	}
	scheme, ok := schemes[t.Type]
	if !ok {
		return quant.Scheme{}, nil, fmt.Errorf("gguf: tensor %q is %s, whose blocks are no scheme of package quant (see Tensor)", name, t.Type)
	}
	parts, err := f.parts(t, scheme)
	if err != nil {
		return quant.Scheme{}, nil, fmt.Errorf("gguf: tensor %q: %w", name, err)
	}
	return scheme, parts, nil
}

func (f *File) parts(t *Tensor, scheme quant.Scheme) (parts []*tensors.Tensor, err error) {
	defer func() {
		if err != nil {
			for _, p := range parts {
				p.Close()
			}
		}
	}()
	last := len(t.Dims) - 1
	codes := shapes.Make(dtypes.Uint8, t.Dims...)
	codes.Dimensions[last] = codes.Dimensions[last] * scheme.Bits / 8
	scales := shapes.Make(dtypes.Float16, t.Dims...)
	scales.Dimensions[last] /= scheme.Group
	want := []shapes.Shape{codes, scales}
	if scheme.Kind == quant.Affine {
		want = append(want, scales)
	}
	for _, s := range want {
		p, err := tensors.New(s)
		if err != nil {
			return parts, err
		}
		parts = append(parts, p)
	}
	return parts, withBytes(parts, nil, func(data [][]byte) error { return f.separate(t, scheme, data) })
}

// withBytes calls fn with the memory of tensors, after that of others.
func withBytes(list []*tensors.Tensor, before [][]byte, fn func(data [][]byte) error) (err error) {
	if len(list) == 0 {
		return fn(before)
	}
	if e := list[0].MutableBytes(func(b []byte) { err = withBytes(list[1:], append(before, b), fn) }); e != nil {
		return e
	}
	return err
}

// separate reads blocks, some at a time, and writes codes, scales and biases.
func (f *File) separate(t *Tensor, scheme quant.Scheme, parts [][]byte) error {
	b := blocks[t.Type]
	perBlock, head := b.size*scheme.Bits/8, b.bytes-b.size*scheme.Bits/8
	const some = 1 << 10
	buffer := make([]byte, some*b.bytes)
	n := t.size() / b.size
	for from := 0; from < n; from += some {
		data := buffer[:min(some, n-from)*b.bytes]
		if _, err := f.r.ReadAt(data, t.begin+int64(from)*int64(b.bytes)); err != nil {
			return err
		}
		for i := range len(data) / b.bytes {
			in, at := data[i*b.bytes:][:b.bytes], from+i
			for p, part := range parts[1:] { // float16s before the codes
				copy(part[2*at:][:2], in[2*p:])
			}
			out := parts[0][at*perBlock:][:perBlock]
			if in = in[head:]; scheme.Bits == 8 {
				copy(out, in)
			} else {
				inOrder(out, in, scheme.Kind == quant.Symmetric)
			}
		}
	}
	return nil
}

// inOrder writes 32 codes of 4 bits one after the other, of which the upper halves of bytes were the second 16; signed ones, that count from
// -8, in two's complement.
func inOrder(out, in []byte, signed bool) {
	var flip byte
	if signed {
		flip = 8
	}
	for i := range 16 {
		lo, hi := in[2*i%16]>>(i/8*4)&15, in[2*i%16+1]>>(i/8*4)&15
		out[i] = lo ^ flip | (hi^flip)<<4
	}
}
