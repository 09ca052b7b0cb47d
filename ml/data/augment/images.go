package augment

import (
	"fmt"
	"math/rand/v2"
	"runtime"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
)

// Picture is one picture of a batch, to be changed in place: Pix has the height, the width and the channels
// in row-major order, [H W C].
type Picture struct {
	H, W, C int
	Pix     []float32
}

// Transform changes a picture; what is random in it is drawn from r. It may be called by several goroutines
// at once, for different pictures.
type Transform func(r *rand.Rand, p Picture)

// Images returns ds with its first inputs, float32 pictures [B H W C] or single ones [H W C], changed by the
// transforms in turn. Each picture has a generator of its own: data.Rand of the seed, the pass, the batch, and
// the row of the picture. Inputs of another kind come as an error of the iteration.
func Images(ds data.Dataset, seed uint64, transforms ...Transform) *data.Pipeline {
	return data.MapIndexed(ds, runtime.GOMAXPROCS(0), func(at data.Position, b data.Batch) (data.Batch, error) {
		if len(b.Inputs) == 0 {
			return b, fmt.Errorf("augment.Images: the batch has no inputs")
		}
		x, n, p, err := writable(b.Inputs[0])
		if err != nil {
			return b, err
		}
		b.Inputs[0] = x
		err = tensors.MutableFlatData(x, func(flat []float32) {
			size := p.H * p.W * p.C
			for i := range n {
				p.Pix = flat[i*size : (i+1)*size]
				r := data.Rand(seed, at.Epoch, at.Batch, int64(i))
				for _, t := range transforms {
					t(r, p)
				}
			}
		})
		return b, err
	})
}

// writable returns x, or a copy if others share its memory, and the number and the sizes of the pictures in it.
func writable(x *tensors.Tensor) (out *tensors.Tensor, n int, p Picture, err error) {
	s := x.Shape()
	d := s.Dimensions
	n = 1
	if len(d) == 4 {
		n, d = d[0], d[1:]
	}
	if s.DType != dtypes.Float32 || len(d) != 3 {
		return nil, 0, p, fmt.Errorf("augment.Images: the first input is %v: want pictures, float32[B H W C] or float32[H W C]", s)
	}
	p = Picture{H: d[0], W: d[1], C: d[2]}
	if x.Storage().References() > 1 {
		x, err = x.Clone()
	}
	return x, n, p, err
}

// Normalize returns a transform that subtracts a mean from each channel and divides it by a deviation. Each
// list has one number per channel, the last of which is for all channels that follow. No mean is 0; no
// deviation, and one of 0 (a channel that is constant), is 1.
func Normalize(mean, deviation []float32) Transform {
	mean = append([]float32{}, mean...)
	deviation = append([]float32{}, deviation...)
	if len(mean) == 0 {
		mean = []float32{0}
	}
	if len(deviation) == 0 {
		deviation = []float32{1}
	}
	for i, d := range deviation {
		if d == 0 {
			deviation[i] = 1
		}
	}
	return func(_ *rand.Rand, p Picture) {
		for i := range p.Pix {
			c := i % p.C
			p.Pix[i] = (p.Pix[i] - mean[min(c, len(mean)-1)]) / deviation[min(c, len(deviation)-1)]
		}
	}
}

// Noise returns a transform that adds normal noise of a given deviation to each value.
func Noise(deviation float32) Transform {
	return func(r *rand.Rand, p Picture) {
		for i := range p.Pix {
			p.Pix[i] += deviation * float32(r.NormFloat64())
		}
	}
}

// Flip returns a transform that mirrors a picture left to right with probability horizontal, and top to bottom
// with probability vertical.
func Flip(horizontal, vertical float64) Transform {
	return func(r *rand.Rand, p Picture) {
		h, v := r.Float64() < horizontal, r.Float64() < vertical // always two numbers, for what comes after
		for y := range p.H {
			if h {
				for x := range p.W / 2 {
					p.swap(y, x, y, p.W-1-x)
				}
			}
		}
		for y := range p.H / 2 {
			if v {
				for x := range p.W {
					p.swap(y, x, p.H-1-y, x)
				}
			}
		}
	}
}

// swap exchanges two pixels.
func (p Picture) swap(y, x, v, u int) {
	a, b := p.Pix[(y*p.W+x)*p.C:][:p.C], p.Pix[(v*p.W+u)*p.C:][:p.C]
	for c := range a {
		a[c], b[c] = b[c], a[c]
	}
}
