package gocpu

import (
	"fmt"
	"sync"

	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// buffer is a value of the engine: a shape and a reference to a storage.
type buffer struct {
	backend *backend
	shape   shapes.Shape
	mu      sync.Mutex
	storage *tensors.Storage // nil when closed
}

// newBuffer returns a buffer that takes over one reference of s.
func newBuffer(b *backend, shape shapes.Shape, s *tensors.Storage) *buffer {
	return &buffer{backend: b, shape: shape, storage: s}
}

func (b *buffer) Shape() shapes.Shape { return b.shape }

func (b *buffer) ToHost() (*tensors.Tensor, error) {
	s, err := b.retain()
	if err != nil {
		return nil, err
	}
	return tensors.FromStorage(b.shape, s)
}

// retain returns the storage with one more reference, so that it stays if the buffer is closed. The buffers of a backend are
// closed with it.
func (b *buffer) retain() (*tensors.Storage, error) {
	if b.backend.closed.Load() {
		return nil, errClosed
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.storage == nil {
		return nil, fmt.Errorf("the buffer %s is closed or was donated", b.shape)
	}
	return b.storage.Retain(), nil
}

func (b *buffer) Close() error {
	if b == nil { // a donated input that is a nil buffer: Run says so
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.storage != nil {
		b.storage.Release()
		b.storage = nil
	}
	return nil
}
