package stablehlo_test

import (
	"math"
	"testing"

	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const normText = `module {
  func.func public @training(%x: tensor<3x4x2xf64>, %scale: tensor<4xf64>, %offset: tensor<4xf64>) -> (tensor<3x4x2xf64>, tensor<4xf64>, tensor<4xf64>) {
    %y, %mean, %variance = "stablehlo.batch_norm_training"(%x, %scale, %offset) <{epsilon = 1.000000e-03 : f32, feature_index = 1 : i64}> : (tensor<3x4x2xf64>, tensor<4xf64>, tensor<4xf64>) -> (tensor<3x4x2xf64>, tensor<4xf64>, tensor<4xf64>)
    return %y, %mean, %variance : tensor<3x4x2xf64>, tensor<4xf64>, tensor<4xf64>
  }
  func.func public @inference(%x: tensor<3x4x2xf64>, %scale: tensor<4xf64>, %offset: tensor<4xf64>, %mean: tensor<4xf64>, %variance: tensor<4xf64>) -> tensor<3x4x2xf64> {
    %y = "stablehlo.batch_norm_inference"(%x, %scale, %offset, %mean, %variance) <{epsilon = 1.000000e-03 : f32, feature_index = 1 : i64}> : (tensor<3x4x2xf64>, tensor<4xf64>, tensor<4xf64>, tensor<4xf64>, tensor<4xf64>) -> tensor<3x4x2xf64>
    return %y : tensor<3x4x2xf64>
  }
  func.func public @grad(%x: tensor<3x4x2xf64>, %scale: tensor<4xf64>, %mean: tensor<4xf64>, %variance: tensor<4xf64>, %dy: tensor<3x4x2xf64>) -> (tensor<3x4x2xf64>, tensor<4xf64>, tensor<4xf64>) {
    %dx, %ds, %do = "stablehlo.batch_norm_grad"(%x, %scale, %mean, %variance, %dy) <{epsilon = 1.000000e-03 : f32, feature_index = 1 : i64}> : (tensor<3x4x2xf64>, tensor<4xf64>, tensor<4xf64>, tensor<4xf64>, tensor<3x4x2xf64>) -> (tensor<3x4x2xf64>, tensor<4xf64>, tensor<4xf64>)
    return %dx, %ds, %do : tensor<3x4x2xf64>, tensor<4xf64>, tensor<4xf64>
  }
}`

// TestBatchNormalisation compares the three operations with each other, and with sums written out.
func TestBatchNormalisation(t *testing.T) {
	m, err := stablehlo.Read(normText)
	require.NoError(t, err)
	training, inference, grad := m.Funcs[0], m.Funcs[1], m.Funcs[2]
	exec := graph.MustNewExec(graphtest.Reference(), func(in []*graph.Node) []*graph.Node {
		x, scale, offset, dy := in[0], in[1], in[2], in[3]
		out := training.Call(x, scale, offset)
		y, mean, variance := out[0], out[1], out[2]
		by := grad.Call(x, scale, mean, variance, dy)
		auto := graph.Gradient(graph.ReduceAllSum(graph.Mul(y, dy)), x, scale, offset)
		return append(append(out, inference.Call(x, scale, offset, mean, variance)[0]), append(by, auto...)...)
	})
	x, dy := ir.Ramp(3, 4, 2).Tensor(dtypes.Float64), ir.Ramp(2, 3, 4).Plus(0.5).Tensor(dtypes.Float64)
	dy, err = tensors.FromBytes(x.Shape(), dy.Storage().Bytes()[:dy.ByteSize()])
	require.NoError(t, err)
	scale, offset := []float64{1, 2, -0.5, 3}, []float64{0, 1, 2, 3}
	got, err := exec.Call(x, scale, offset, dy)
	require.NoError(t, err)
	flat := tensors.MustCopyFlatData[float64](x)
	for f := range 4 {
		var of []float64
		for b := range 3 {
			of = append(of, flat[b*8+f*2:][:2]...)
		}
		mean, variance := 0.0, 0.0
		for _, v := range of {
			mean += v / 6
		}
		for _, v := range of {
			variance += (v - mean) * (v - mean) / 6
		}
		want := (flat[8+f*2]-mean)/math.Sqrt(variance+1e-3)*scale[f] + offset[f]
		for k, pair := range [][2]float64{{got[0].Float64At(8 + f*2), want}, {got[1].Float64At(f), mean}, {got[2].Float64At(f), variance}} {
			if math.Abs(pair[0]-pair[1]) > 1e-9 {
				t.Errorf("feature %d, result %d is %v, want %v", f, k, pair[0], pair[1])
			}
		}
	}
	tol := ir.Tolerance{ULP: 64, Abs: 64}
	for _, c := range []struct {
		name      string
		got, want *tensors.Tensor
	}{
		{"inference with the batch's own mean and variance", got[3], got[0]}, {"the gradient of the operand", got[4], got[7]},
		{"the gradient of the scale", got[5], got[8]}, {"the gradient of the offset", got[6], got[9]},
	} {
		assert.NoError(t, graphtest.Diff(c.got, c.want, tol), c.name)
	}
}
