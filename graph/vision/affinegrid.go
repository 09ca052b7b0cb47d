package vision

import (
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/internal/axes"
	"github.com/quire-ml/quire/graph/shapes"
)

// AffineGridBuilder makes grids for [GridSample], see [AffineGrid].
type AffineGridBuilder struct {
	theta   *graph.Node
	sizes   []int
	corners bool
}

// AffineGrid starts a grid of places for [GridSample], which Done makes: those of a picture of the given sizes, moved by an affine map:
//
//	grid[b, o…, i] = Σ_j theta[b, i, j] · p_j + theta[b, i, n]
//
// where p are the coordinates of element o…, of the last spatial axis first: x, y, z. They go from -1 at one edge of the picture to 1 at the
// other, so that of O elements o has (2o + 1)/O - 1, or, with AlignCorners, from the centre of the first element to that of the last, 2o/(O - 1) - 1,
// and 0 if there is one.
//
// theta is [batch, n, n+1], a float, for n spatial axes, and sizes has one for each; the result is [batch, sizes…, n], of theta's dtype. Narrower
// ones than float32 are computed in float32. It panics with [graph.Error] if they do not fit. It is PyTorch's affine_grid, and ONNX's AffineGrid.
//
// Source: Jaderberg et al., "Spatial transformer networks", 2015, arXiv:1506.02025, eq. 1.
func AffineGrid(theta *graph.Node, sizes ...int) *AffineGridBuilder {
	switch n := len(sizes); {
	case theta == nil:
		graph.Errorf("vision.AffineGrid: the operand is nil")
	case !theta.DType().IsFloat():
		graph.Errorf("vision.AffineGrid %s: %s is not a dtype that it takes: %s (convert it with ConvertDType)", theta.Shape(), theta.DType(), dtypes.Floats)
	case n == 0 || theta.Rank() != 3 || theta.Dim(1) != n || theta.Dim(2) != n+1:
		graph.Errorf("vision.AffineGrid %s: for %d sizes theta must be [batch, %d, %d]: a matrix and a last column that is added", theta.Shape(), n, n, n+1)
	}
	for i, n := range sizes {
		if n < 0 || n > far {
			graph.Errorf("vision.AffineGrid %s: spatial axis %d cannot have %d elements", theta.Shape(), i, n)
		}
	}
	return &AffineGridBuilder{theta: theta, sizes: slices.Clone(sizes)}
}

// AlignCorners makes -1 and 1 the centres of the first and the last element.
func (b *AffineGridBuilder) AlignCorners() *AffineGridBuilder {
	b.corners = true
	return b
}

// Done adds the grid to the graph and returns it.
func (b *AffineGridBuilder) Done() *graph.Node {
	if b.theta == nil {
		graph.Errorf("vision.AffineGrid: the operand is nil")
	}
	theta, n := wide(axes.Unnamed(b.theta)), len(b.sizes)
	g, d := theta.Graph(), theta.DType()
	columns := make([]*graph.Node, n+1) // p and 1, each [o…, 1]
	dims := append(slices.Clone(b.sizes), 1)
	for j := range n {
		axis := n - 1 - j
		p := graph.Iota(g, shapes.Make(d, dims...), axis)
		switch size := float64(b.sizes[axis]); {
		case b.corners && size == 1:
		case b.corners:
			p = graph.MinusOne(graph.MulScalar(p, 2/(size-1)))
		default:
			p = graph.MinusOne(graph.DivScalar(graph.OnePlus(graph.MulScalar(p, 2)), max(1, size)))
		}
		columns[j] = p
	}
	columns[n] = graph.OnesLike(columns[0])
	points := graph.Concatenate(columns, -1) // [o…, n+1]
	y := graph.Einsum("...j,bij->b...i", points, theta)
	return graph.ConvertDType(y, b.theta.DType())
}
