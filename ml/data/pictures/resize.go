package pictures

import (
	"errors"
	"fmt"
	"math"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Resize returns a picture, float32 [H W C], with other sizes, [height width C]: with s = H / height, each pixel of the result is the
// mean of those pixels of x that are nearer than max(1, s) to the place it comes from, weighted by a triangle, along one axis and then the
// other:
//
//	centre(i) = (i + ½)·s - ½,    weight(i, j) ∝ max(0, 1 - |j - centre(i)| / max(1, s))
//
// So enlarging is bilinear, and shrinking takes all pixels into account. It returns an error if x is no such picture, or a size is not
// 1 to 2¹⁴.
//
// Source: what Pillow's BILINEAR and PyTorch's interpolate with antialias=True compute.
func Resize(x *tensors.Tensor, height, width int) (*tensors.Tensor, error) {
	if x == nil {
		return nil, errors.New("pictures.Resize: the picture is nil")
	}
	if err := x.CheckValid(); err != nil {
		return nil, fmt.Errorf("pictures.Resize: %w", err)
	}
	if s := x.Shape(); s.DType != dtypes.Float32 || s.Rank() != 3 || s.Size() == 0 {
		return nil, fmt.Errorf("pictures.Resize: the picture is %v: want float32[H W C]", s)
	}
	if height < 1 || width < 1 || height > 1<<14 || width > 1<<14 {
		return nil, fmt.Errorf("pictures.Resize: to %d×%d pixels: want 1 to %d on a side", width, height, 1<<14)
	}
	return resize(x, height, width, false)
}

// resize is Resize, with crop of the middle of x alone, in the proportions of the result.
func resize(x *tensors.Tensor, height, width int, crop bool) (*tensors.Tensor, error) {
	d := x.Shape().Dimensions
	h, w, c := d[0], d[1], d[2]
	from, lines := span{0, float64(h)}, span{0, float64(w)}
	if crop {
		if ratio := float64(width) / float64(height); float64(w) > float64(h)*ratio {
			lines = lines.middle(float64(h) * ratio)
		} else {
			from = from.middle(float64(w) / ratio)
		}
	}
	out := tensors.FromFlatDataAndDimensions(make([]float32, height*width*c), height, width, c)
	err := tensors.ConstFlatData(x, func(in []float32) {
		tensors.MustMutableFlatData(out, func(to []float32) {
			// A row of x at a time is brought to the new width, and goes into all rows of the result that it has a part in: they are
			// neighbours. So a strip of a pixel by millions takes no more memory than it has.
			columns, rows := triangles(lines, w, width), triangles(from, h, height)
			row, begin := make([]float32, width*c), 0
			for y := range h {
				for begin < height && rows[begin].first+len(rows[begin].weights) <= y {
					begin++
				}
				if begin == height || rows[begin].first > y { // beyond what is left of it
					continue
				}
				for i, t := range columns {
					t.mean(row[i*c:][:c], in[y*w*c:], c)
				}
				for i := begin; i < height && rows[i].first <= y; i++ {
					add(to[i*width*c:][:width*c], row, rows[i].weights[y-rows[i].first])
				}
			}
		})
	})
	return out, err
}

// span is a part of an axis.
type span struct{ begin, size float64 }

func (s span) middle(size float64) span { return span{s.begin + (s.size-size)/2, size} }

// triangle are the weights of one element of the result.
type triangle struct {
	first   int // element of the axis
	weights []float32
}

// triangles returns the weights of each of the n elements that the part s of an axis of length elements becomes.
func triangles(s span, length, n int) []triangle {
	out := make([]triangle, n)
	scale := s.size / float64(n)
	reach := max(1, scale)
	for i := range out {
		centre := s.begin + (float64(i)+0.5)*scale
		first := max(0, int(math.Floor(centre-reach+0.5)))
		last := min(length, int(math.Floor(centre+reach+0.5)))
		t := triangle{first: first}
		sum := 0.0
		var weights []float64
		for j := first; j < last; j++ {
			w := max(0, 1-math.Abs(float64(j)+0.5-centre)/reach)
			weights = append(weights, w)
			sum += w
		}
		for _, w := range weights {
			t.weights = append(t.weights, float32(w/sum))
		}
		out[i] = t
	}
	return out
}

// mean sets to to the weighted sum of the elements, which are c numbers each.
func (t triangle) mean(to, in []float32, c int) {
	for k := range to {
		to[k] = 0
	}
	for j, w := range t.weights {
		add(to, in[(t.first+j)*c:][:len(to)], w)
	}
}

// add adds w times in to to.
func add(to, in []float32, w float32) {
	for k, v := range in {
		to[k] += float32(w * v) // never fused into one operation: the same on every machine
	}
}
