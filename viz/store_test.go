package viz_test

import (
	"errors"
	"iter"

	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// store has variables, as model.Store has.
type store struct{}

type variable struct {
	path  string
	value *tensors.Tensor
	fixed bool
}

func (v *variable) Path() string        { return v.path }
func (v *variable) Shape() shapes.Shape { return v.value.Shape() }
func (v *variable) Trainable() bool     { return !v.fixed }
func (v *variable) Value() (*tensors.Tensor, error) {
	if v.path == "/dense/biases" {
		return nil, errors.New("not initialised yet")
	}
	return v.value, nil
}

func (store) IterVariables() iter.Seq[*variable] {
	return func(yield func(*variable) bool) {
		_ = yield(&variable{"/dense/weights", wave(64, 10), false}) &&
			yield(&variable{"/dense/biases", wave(10), false}) &&
			yield(&variable{"/norm/mean", wave(10), true}) &&
			yield(&variable{"/optimizers/adam/m/dense/weights", wave(64, 10), true}) &&
			yield(&variable{"/optimizers/adam/v/dense/weights", wave(64, 10), true})
	}
}
