package viz

import (
	"fmt"
	"math"
	"slices"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
)

// Batch shows a batch: its shapes, and its samples with their labels; as pictures if the first input looks
// like pictures, otherwise as a table. classes are the names of the labels' numbers.
//
// [N H W], [N H W C] with 1, 3 or 4 channels, and [N D] with nothing negative and D a square number from 64 on, look
// like pictures.
func Batch(b data.Batch, classes ...string) Bundle {
	g := &grid{header: []string{"", "shape", "values"}, left: []bool{true, true, true}, mono: true}
	for i, t := range b.Inputs {
		g.rows = append(g.rows, batchRow("input", i, len(b.Inputs), t))
	}
	for i, t := range b.Labels {
		g.rows = append(g.rows, batchRow("label", i, len(b.Labels), t))
	}
	if len(b.Inputs) == 0 || !b.Inputs[0].Ok() || b.Inputs[0].Size() == 0 {
		return g.bundle()
	}
	x := b.Inputs[0]
	labels := labelsOf(b, x)
	if p := asPictures(x); p != nil {
		var o ImageOptions
		whole := !slices.ContainsFunc(labels, func(l float64) bool { return l != math.Trunc(l) })
		for _, l := range labels {
			caption := number(l)
			if whole {
				caption = className(classes, int(l))
			}
			o.Captions = append(o.Captions, caption)
		}
		return Stack(g.bundle(), Images(p, o))
	}
	return Stack(g.bundle(), sampleTable(x, labels, classes))
}

func batchRow(what string, i, n int, t *tensors.Tensor) []string {
	if n > 1 {
		what = fmt.Sprintf("%s %d", what, i)
	}
	if !t.Ok() {
		return []string{what, "finalized", ""}
	}
	if t.DType().IsComplex() {
		return []string{what, t.Shape().String(), ""}
	}
	if tooLarge(t) != "" {
		return []string{what, t.Shape().String(), "too many values to look at"}
	}
	return []string{what, t.Shape().String(), statsOf(float64s(t)).String()}
}

// labelsOf returns a number per sample: the labels, or the largest column of labels that are one-hot or
// scores; nil if there is no such thing.
func labelsOf(b data.Batch, x *tensors.Tensor) []float64 {
	if len(b.Labels) == 0 || !b.Labels[0].Ok() || x.Rank() == 0 || b.Labels[0].DType().IsComplex() {
		return nil
	}
	return perSample(b.Labels[0], x.Shape().Dimensions[0])
}

func perSample(l *tensors.Tensor, n int) []float64 {
	switch {
	case l.Rank() == 0 || l.Shape().Dimensions[0] != n || tooLarge(l) != "":
		return nil
	case l.Size() == n:
		return float64s(l)
	case l.Rank() == 2:
		return argMax(float64s(l), l.Shape().Dimensions[1])
	}
	return nil
}

// argMax returns the column of the largest value per row, the first among equals.
func argMax(values []float64, cols int) []float64 {
	if cols == 0 {
		return nil
	}
	var out []float64
	for i := 0; i+cols <= len(values); i += cols {
		best := 0
		for k, v := range values[i : i+cols] {
			if v > values[i+best] {
				best = k
			}
		}
		out = append(out, float64(best))
	}
	return out
}

// asPictures returns x as [N H W] or [N H W C] if it looks like pictures, nil otherwise.
func asPictures(x *tensors.Tensor) *tensors.Tensor {
	d := x.Shape().Dimensions
	if x.DType().IsComplex() || tooLarge(x) != "" {
		return nil
	}
	sized := func(h, w int) bool { return h >= 6 && w >= 6 && h <= 8*w && w <= 8*h }
	switch {
	case len(d) == 4 && (d[3] == 1 || d[3] == 3 || d[3] == 4) && sized(d[1], d[2]):
		return x
	case len(d) == 3 && sized(d[1], d[2]):
		return x
	case len(d) == 2 && d[1] >= 64:
		side := int(math.Sqrt(float64(d[1])) + 0.5)
		if side*side != d[1] || statsOf(float64s(x)).min < 0 {
			return nil
		}
		p, err := x.Reshaped(d[0], side, side)
		if err != nil {
			return nil
		}
		return p
	}
	return nil
}

// sampleTable shows the first samples, a row each.
func sampleTable(x *tensors.Tensor, labels []float64, classes []string) Bundle {
	const rows, cols = 20, 10
	if x.Rank() == 0 || x.DType().IsComplex() {
		return Tensor(x)
	}
	n := x.Shape().Dimensions[0]
	width := x.Size() / max(n, 1)
	g := &grid{header: []string{"#"}}
	for j := range min(width, cols) {
		g.header = append(g.header, fmt.Sprintf("[%d]", j))
	}
	if width > cols {
		g.header = append(g.header, "…")
	}
	if labels != nil {
		g.header = append(g.header, "label")
	}
	for i := range min(n, rows) {
		row := []string{fmt.Sprint(i)}
		for j := range min(width, cols) {
			row = append(row, number(x.Float64At(i*width+j)))
		}
		if width > cols {
			row = append(row, "…")
		}
		if labels != nil {
			l := number(labels[i])
			if labels[i] == math.Trunc(labels[i]) {
				l = className(classes, int(labels[i]))
			}
			row = append(row, l)
		}
		g.rows = append(g.rows, row)
	}
	if n > rows {
		g.note = fmt.Sprintf("the first %d of %s samples", rows, count(int64(n)))
	}
	return g.bundle()
}
