// Package tensorcodec carries tensors from cell to cell. Large ones lie in the pages of their file: attaching one copies nothing,
// and a page is copied when the cell first writes to it. Tensors of one variable that share memory share it in the next cell too.
package tensorcodec

import (
	"errors"

	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/bytesize"
	"github.com/quire-ml/quire/kernel-ext/carry"
)

// tensor stands for a tensor; without a storage it is one that was closed.
type tensor struct {
	Shape   shapes.Shape
	Storage *tensors.Storage
}

func init() {
	carry.Register(carry.Codec[*tensors.Tensor, tensor]{
		Pack: func(t *tensors.Tensor) (tensor, error) {
			if !t.Ok() {
				return tensor{Shape: t.Shape()}, nil
			}
			return tensor{t.Shape(), t.Storage()}, nil
		},
		Unpack: fromParts,
		Summary: func(t *tensors.Tensor) string {
			if !t.Ok() {
				return t.Shape().String() + ", closed"
			}
			return t.Shape().String() + ", " + bytesize.Text(int64(t.ByteSize()))
		},
	})
	carry.Register(carry.Codec[*tensors.Storage, carry.Memory]{Pack: packStorage, Unpack: toStorage, Loaded: letGo})
}

// letGo gives back the reference that a storage is made with, which its tensors share now: who finds that nobody else holds a
// tensor's memory may use it again.
func letGo(s *tensors.Storage) {
	if s.References() > 1 {
		s.Release()
	}
}

func fromParts(p tensor) (*tensors.Tensor, error) {
	switch {
	case p.Storage != nil:
		return tensors.FromStorage(p.Shape, p.Storage.Retain())
	case !p.Shape.Ok():
		return &tensors.Tensor{}, nil
	}
	t, err := tensors.New(p.Shape)
	if err != nil {
		return nil, err
	}
	return t, t.Close()
}

// packStorage vouches for nothing but the bytes: they are copied or compared while the encoder holds them.
func packStorage(s *tensors.Storage) (carry.Memory, error) {
	if s.References() <= 0 {
		return carry.Memory{}, errors.New("a tensor of it was closed while it was saved")
	}
	return carry.Memory{Data: s.Bytes()}, nil
}

// toStorage makes a storage of mapped pages, or of a copy where there are none.
func toStorage(m carry.Memory) (*tensors.Storage, error) {
	if s, err := tensors.MappedStorage(m.Data, nil); err == nil && len(m.Data) > 0 {
		return s, nil
	}
	s, err := tensors.NewStorage(len(m.Data))
	if err != nil {
		return nil, err
	}
	copy(s.Bytes(), m.Data)
	return s, nil
}
