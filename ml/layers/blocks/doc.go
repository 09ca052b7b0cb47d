// Package blocks has parts of models that are made of several layers: feed-forward stacks, residual blocks, U-Nets, mixtures of experts
// and state space blocks.
//
//	x = blocks.FeedForward(scope.In("mlp"), x, 10).Hidden(2, 128).Normalization("layer").Dropout(0.1).Done()
//	x = blocks.Residual(scope.In("block0"), x, 64, 2) // [B, H, W, C] to [B, H/2, W/2, 64]
//	x = blocks.Mamba(scope.In("mixer"), x, 16, 2)     // [B, T, C]
package blocks

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
)

// wide is the dtype in which recurrences and routing are computed.
func wide(d dtypes.DType) dtypes.DType {
	if d == dtypes.Float64 {
		return d
	}
	return dtypes.Float32
}

func needFloat(name string, x *graph.Node, rank int, axes string) {
	if x.Rank() != rank && rank > 0 || x.Rank() == 0 || !x.DType().IsFloat() {
		graph.Errorf("%s %s: want floats %s", name, x.Shape(), axes)
	}
}
