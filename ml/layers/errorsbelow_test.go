package layers_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/ml/layers/blocks"
	"github.com/quire-ml/quire/ml/layers/calibration"
	"github.com/quire-ml/quire/ml/layers/conv"
	"github.com/quire-ml/quire/ml/layers/kan"
	"github.com/quire-ml/quire/ml/layers/norm"
	"github.com/quire-ml/quire/ml/layers/rnn"
	"github.com/quire-ml/quire/ml/layers/vnn"
	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/require"
)

// What the packages below this one say about wrong arguments, one sentence each.
func TestErrorsOfPackagesBelow(t *testing.T) {
	var got strings.Builder
	for _, c := range []struct {
		name string
		fn   layer
		dims []int
	}{
		{"rnn of a matrix", func(s *model.Scope, x *Node) *Node { return rnn.GRU(s, x, 4).Done() }, []int{2, 3}},
		{"rnn of no units", func(s *model.Scope, x *Node) *Node { return rnn.LSTM(s, x, 0).Done() }, []int{2, 3, 4}},
		{"rnn of integers", func(s *model.Scope, x *Node) *Node { return rnn.RNN(s, ConvertDType(x, dtypes.Int32), 4).Done() }, []int{2, 3, 4}},
		{"rnn of no layers", func(s *model.Scope, x *Node) *Node { return rnn.RNN(s, x, 4).Layers(0).Done() }, []int{2, 3, 4}},
		{"lengths of another batch", func(s *model.Scope, x *Node) *Node {
			return rnn.GRU(s, x, 4).Lengths(Const(x.Graph(), []int32{1, 2, 3})).Done()
		}, []int{2, 3, 4}},
		{"too few initial states", func(s *model.Scope, x *Node) *Node {
			return rnn.LSTM(s, x, 4).InitialState(Zeros(x.Graph(), shapes.Make(x.DType(), 2, 4))).Done()
		}, []int{2, 3, 4}},
		{"an initial state of another shape", func(s *model.Scope, x *Node) *Node {
			return rnn.GRU(s, x, 4).InitialState(Zeros(x.Graph(), shapes.Make(x.DType(), 2, 5))).Done()
		}, []int{2, 3, 4}},
		{"peepholes of a GRU", func(s *model.Scope, x *Node) *Node { return rnn.GRU(s, x, 4).Peephole(true).Done() }, []int{2, 3, 4}},
		{"the activation of an LSTM", func(s *model.Scope, x *Node) *Node { return rnn.LSTM(s, x, 4).Activation("relu").Done() }, []int{2, 3, 4}},
		{"a cell of a sequence", func(s *model.Scope, x *Node) *Node { return rnn.GRUCell(s, x, x) }, []int{2, 3, 4}},
		{"a cell with the state of another batch", func(s *model.Scope, x *Node) *Node {
			return rnn.RNNCell(s, x, Zeros(x.Graph(), shapes.Make(x.DType(), 3, 4)))
		}, []int{2, 3}},
		{"a GRU of other channels than it was made for", func(s *model.Scope, x *Node) *Node {
			rnn.GRU(s.Shared("gru"), x, 4).Done()
			return rnn.GRU(s.Shared("gru"), Concatenate([]*Node{x, x}, -1), 4).Done()
		}, []int{2, 3, 4}},
		{"transposed without a kernel", func(s *model.Scope, x *Node) *Node { return conv.Transposed(s, x).Channels(3).Done() }, []int{1, 4, 4, 2}},
		{"transposed of a matrix", func(s *model.Scope, x *Node) *Node { return conv.Transposed(s, x).Done() }, []int{4, 4}},
		{"transposed in groups", func(s *model.Scope, x *Node) *Node {
			return conv.Transposed(s, x).Channels(4).KernelSize(2).ChannelGroupCount(2).Done()
		}, []int{1, 4, 3}},
		{"strides for other axes", func(s *model.Scope, x *Node) *Node { return conv.Transposed(s, x).StridePerAxis(1).Done() }, []int{1, 4, 4, 2}},
		{"depthwise to nothing", func(s *model.Scope, x *Node) *Node { return conv.Depthwise(s, x, 0).Done() }, []int{1, 4, 2}},
		{"a pool over no places", func(_ *model.Scope, x *Node) *Node { return conv.GlobalMeanPool(x) }, []int{4, 2}},
		{"upsampling by 0", func(_ *model.Scope, x *Node) *Node { return conv.Upsample(x, 0) }, []int{1, 4, 2}},
		{"groups that do not divide", func(s *model.Scope, x *Node) *Node { return norm.Group(s, x, 3).Done() }, []int{1, 4, 4}},
		{"instances of a matrix", func(s *model.Scope, x *Node) *Node { return norm.Instance(s, x).Done() }, []int{4, 4}},
		{"an unknown norm", func(s *model.Scope, x *Node) *Node { return norm.ByName(s, "layr", x) }, []int{4, 4}},
		{"DyT of a scalar", norm.DyT, []int{}},
		{"hidden layers of nothing", func(s *model.Scope, x *Node) *Node { return blocks.FeedForward(s, x, 3).Hidden(2, 0).Done() }, []int{4, 4}},
		{"an unknown activation below", func(s *model.Scope, x *Node) *Node { return blocks.GatedFeedForward(s, x, 3, "sillu") }, []int{4, 4}},
		{"squeeze of a matrix", func(s *model.Scope, x *Node) *Node { return blocks.SqueezeExcite(s, x, 2) }, []int{4, 4}},
		{"a U-Net of odd pictures", func(s *model.Scope, x *Node) *Node { return blocks.UNet(s, x, []int{2, 2, 2}, 1) }, []int{1, 6, 8, 1}},
		{"a U-Net without channels", func(s *model.Scope, x *Node) *Node { return blocks.UNet(s, x, nil, 1) }, []int{1, 6, 8, 1}},
		{"no experts", func(s *model.Scope, x *Node) *Node { return blocks.Experts(s, x, 0, 4).Done() }, []int{4, 4}},
		{"more experts than there are", func(s *model.Scope, x *Node) *Node { return blocks.Experts(s, x, 2, 4).Top(3).Done() }, []int{4, 4}},
		{"Mamba of a matrix", func(s *model.Scope, x *Node) *Node { return blocks.Mamba(s, x, 4, 2) }, []int{4, 4}},
		{"too few splines", func(s *model.Scope, x *Node) *Node { return kan.BSpline(s, x, 3, 3, 3) }, []int{4, 4}},
		{"knots that fall", func(_ *model.Scope, x *Node) *Node { return kan.Basis(x, []float64{0, 1, 0.5}, 1) }, []int{4}},
		{"a softness of 0", func(s *model.Scope, x *Node) *Node { return kan.Discrete(s, x, 3, 4, 0) }, []int{4, 4}},
		{"rational groups", func(s *model.Scope, x *Node) *Node { return kan.RationalActivation(s, x, 3) }, []int{4, 4}},
		{"vectors of two numbers", vnn.Relu, []int{4, 2}},
		{"products of other vectors", func(_ *model.Scope, x *Node) *Node { return vnn.InvariantDot(x, Concatenate([]*Node{x, x}, 0)) }, []int{4, 3}},
		{"one keypoint", func(s *model.Scope, x *Node) *Node { return calibration.PiecewiseLinear(s, x, []float64{1}).Done() }, []int{4, 2}},
		{"keypoints that fall", func(s *model.Scope, x *Node) *Node {
			return calibration.PiecewiseLinear(s, x, []float64{1, 1}).Done()
		}, []int{4, 2}},
	} {
		_, err := run(model.NewStore(), true, c.fn, tensors.FromShape(shapes.Make(dtypes.Float32, c.dims...)))
		require.Error(t, err, c.name)
		fmt.Fprintf(&got, "%s:\n\t%v\n", c.name, err)
	}
	golden.Check(t, "testdata/errors_below.golden", regexp.MustCompile(`_test\.go:\d+`).ReplaceAllString(got.String(), "_test.go:N"))
}
