package diffusion

import (
	"context"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
)

// StepFrom makes one step from a time to another.
func (s *Sampler) StepFrom(ctx context.Context, x *tensors.Tensor, seed int64, t, next float64) (*tensors.Tensor, error) {
	state, err := graph.RNGStateFromSeed(seed)
	if err != nil {
		return nil, err
	}
	out, err := s.from(ctx, x, nil, state, t, next, 0)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}
