package kernels

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/gemm"
)

// Depthwise is a convolution of each channel by itself, of images whose channels are last, over two axes. Vectors hold channels,
// and the input is read where it is: windows that reach over its edges take fewer taps.
type Depthwise struct {
	Batch, Channels                         int
	In, Out, Size, Stride, Dilation, Before [2]int
	Kernel                                  [3]int // steps of the kernel, in elements: along its two axes, and its channels
}

// taps returns which taps of the window at place o along an axis are within the input.
func (d *Depthwise) taps(axis, o int) (lo, hi int) {
	start, dilation := o*d.Stride[axis]-d.Before[axis], d.Dilation[axis]
	if start < 0 {
		lo = (-start + dilation - 1) / dilation
	}
	hi = d.Size[axis]
	if room := d.In[axis] - start; room <= 0 {
		hi = 0
	} else {
		hi = min(hi, (room+dilation-1)/dilation)
	}
	return lo, max(lo, hi)
}

// span is results side by side along the second axis whose windows have the same taps there.
type span struct {
	from, to int
	lo, hi   int   // the taps
	weights  int   // where these lie in memory, in bytes
	taps     []int // of whole columns of taps, in bytes from the first one
}

// spans returns the spans of a row, and how many bytes their weights take.
func (d *Depthwise) spans(size int) (list []span, bytes int) {
	for o := range d.Out[1] {
		lo, hi := d.taps(1, o)
		if n := len(list); n > 0 && list[n-1].lo == lo && list[n-1].hi == hi {
			list[n-1].to++
			continue
		}
		s := span{from: o, to: o + 1, lo: lo, hi: hi, weights: bytes}
		for ky := range d.Size[0] {
			for kx := range hi - lo {
				s.taps = append(s.taps, (ky*d.Dilation[0]*d.In[1]+kx*d.Dilation[1])*d.Channels*size)
			}
		}
		bytes += len(s.taps) * d.Channels * size
		list = append(list, s)
	}
	return list, bytes
}

// maxSpanWeights bounds the memory of weights, which are to stay in the cache.
const maxSpanWeights = 256 << 10

// depthwise is the kernel for elements of size bytes.
type depthwise struct {
	Depthwise
	size    int
	kernels *gemm.Kernels
	spans   []span
}

// DepthwiseOnVectors returns the kernel for floats of size bytes, in the instructions of a tier, and its scratch memory; nil where
// a product is as good.
func DepthwiseOnVectors(tier cpu.Tier, d Depthwise, size int) (Func, int) {
	p := &depthwise{Depthwise: d, size: size, kernels: gemm.Float32(tier)}
	if size == 8 {
		p.kernels = gemm.Float64(tier)
	}
	taps := d.Size[0] * d.Size[1]
	if !p.kernels.HasLanes() || d.Channels < p.kernels.Lanes()/2 || taps == 0 || taps > tapsAtOnce {
		return nil, 0
	}
	var scratch int
	if p.spans, scratch = d.spans(size); scratch > maxSpanWeights {
		return nil, 0
	}
	rows := d.Batch * d.Out[0]
	grain := max(1, alone/max(1, d.Out[1]*d.Channels*taps))
	return func(a *Args) {
		p.gather(a)
		a.For(rows, grain, p.rows)
	}, scratch
}

// gather puts the weights of each span side by side.
func (p *depthwise) gather(a *Args) {
	if p.size == 8 {
		gatherWeights(p, Of[uint64](a.Scratch), Of[uint64](a.In[1]))
		return
	}
	gatherWeights(p, Of[uint32](a.Scratch), Of[uint32](a.In[1]))
}

func gatherWeights[T any](p *depthwise, z, w []T) {
	for _, s := range p.spans {
		for ky := range p.Size[0] {
			for kx := s.lo; kx < s.hi; kx++ {
				at := ky*p.Kernel[0] + kx*p.Kernel[1]
				for c := range z[:p.Channels] {
					z[c] = w[at+c*p.Kernel[2]]
				}
				z = z[p.Channels:]
			}
		}
	}
}

// rows computes rows of the result, of all images one after the other.
func (p *depthwise) rows(a *Args, _, lo, hi int) {
	pixel := p.Channels * p.size
	for i := lo; i < hi; i++ {
		image, y := i/p.Out[0], i%p.Out[0]
		first, last := p.taps(0, y)
		z := a.Out[0][i*p.Out[1]*pixel:][:p.Out[1]*pixel]
		for k := range p.spans {
			s := &p.spans[k]
			if first == last || s.lo == s.hi {
				clear(z[s.from*pixel : s.to*pixel])
				continue
			}
			row := image*p.In[0] + y*p.Stride[0] - p.Before[0] + first*p.Dilation[0]
			column := s.from*p.Stride[1] - p.Before[1] + s.lo*p.Dilation[1]
			p.span(z[s.from*pixel:], a.In[0][(row*p.In[1]+column)*pixel:], a.Scratch[s.weights+first*(s.hi-s.lo)*pixel:], s, last-first)
		}
	}
}

// span computes results of a span of a row, with so many rows of taps. The arguments begin at the first of each.
func (p *depthwise) span(z, x, w []byte, s *span, rows int) {
	pixel, vector := p.Channels*p.size, p.kernels.Lanes()*p.size
	taps := s.taps[:rows*(s.hi-s.lo)]
	for at := 0; at < pixel; at += vector {
		p.kernels.ByLane(unsafe.Pointer(&z[at]), pixel, unsafe.Pointer(&x[at]), p.Stride[1]*pixel, taps, unsafe.Pointer(&w[at]), pixel, s.to-s.from, min(vector, pixel-at)/p.size, false)
	}
}
