package ir

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/tensors"
)

// Some engines can do more than the contract asks. Each such capability is an interface here, beside the function
// that uses it and says what happens where it is absent; nobody else asks an engine for it.

// Placer is what a backend with several devices implements besides: it puts a value where a program wants it.
type Placer interface {
	// PutOn puts t's value divided over mesh as sharding says, nil for a whole copy on every device. A program with the
	// same sharding of an input takes it as it is; any other takes it, too.
	PutOn(t *tensors.Tensor, mesh *Mesh, sharding Sharding) (Buffer, error)
}

// PutOn puts t's value on b, divided over mesh as sharding says, so that the first program that wants it so need not move
// it. On a backend that is no [Placer] it is Put: where values lie never changes what they are. It returns an error if
// the sharding does not fit the value or the mesh, whatever the backend.
func PutOn(b Backend, t *tensors.Tensor, mesh *Mesh, sharding Sharding) (Buffer, error) {
	if b == nil {
		return nil, errors.New("the backend is nil")
	}
	if err := t.CheckValid(); err != nil {
		return nil, err
	}
	if mesh != nil {
		if err := mesh.Check(); err != nil {
			return nil, err
		}
	}
	if err := sharding.Check(mesh, t.Shape()); err != nil {
		return nil, err
	}
	if slices.Contains(sharding, Open) {
		return nil, fmt.Errorf("the sharding %s leaves an axis open, which only values inside a program may", sharding)
	}
	if p, ok := b.(Placer); ok && mesh != nil {
		return p.PutOn(t, mesh, sharding)
	}
	return b.Put(t)
}
