// Package livecodec carries arrays of package live from cell to cell: their values, which are computed when the cell ends if they were not before.
// In the next cell they are arrays of the default session at hand, kept if they were kept. Large ones are mapped as tensors are.
package livecodec

import (
	"errors"

	"github.com/quire-ml/quire/graph/live"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/bytesize"
	"github.com/quire-ml/quire/kernel-ext/carry"
	_ "github.com/quire-ml/quire/kernel-ext/carry/tensorcodec" // of the values
)

// array stands for an array.
type array struct {
	Value *tensors.Tensor
	Kept  bool
}

func init() {
	carry.Register(carry.Codec[*live.Array, array]{
		Pack: func(a *live.Array) (array, error) {
			t, err := a.Tensor()
			return array{t, a.Kept()}, err
		},
		Unpack: func(s array) (*live.Array, error) {
			if s.Value == nil {
				return nil, errors.New("the array has no value")
			}
			a := live.Of(s.Value)
			if s.Kept {
				live.Keep(a)
			}
			return a, a.Err()
		},
		Summary: func(a *live.Array) string {
			if a.Err() != nil {
				return "error: " + a.Err().Error()
			}
			return a.Shape().String() + ", " + bytesize.Text(int64(a.ByteSize()))
		},
	})
}
