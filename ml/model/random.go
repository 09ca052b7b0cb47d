package model

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/initializers"
)

// RNGStatePath is the path of the variable that holds the state of the random generator of a store's graphs.
const RNGStatePath = "/rng_state"

// SetRNGStateFromSeed sets the seed from which variables get their first values and graphs their random
// numbers. Call it before the model is first run: values that variables have already stay.
func (s *Store) SetRNGStateFromSeed(seed int64) error {
	s.mu.Lock()
	s.seed = seed
	s.mu.Unlock()
	v := s.GetVariable(RNGStatePath)
	if v == nil {
		return nil
	}
	state, err := graph.RNGStateFromSeed(seed)
	if err != nil {
		return fmt.Errorf("model: seed %d: %w", seed, err)
	}
	return v.SetValue(state)
}

// Seed returns the store's seed.
func (s *Store) Seed() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seed
}

// rngState returns the variable that holds the state of the random generator.
func (s *Store) rngState() *Variable {
	state, err := graph.RNGStateFromSeed(s.Seed())
	if err != nil {
		graph.Errorf("seed %d: %w", s.Seed(), err)
	}
	if v := s.GetVariable(RNGStatePath); v != nil {
		if !v.shape.Equal(state.Shape()) {
			graph.Errorf("variable %q is %s%s, but the random generator keeps its state there, %s: give it another name", v.path, v.shape, at(", made at ", v.madeAt), state.Shape())
		}
		return v
	}
	v, err := s.CreateVariable(RNGStatePath, state)
	if err != nil { // another goroutine was faster
		return s.GetVariable(RNGStatePath)
	}
	return v.SetMadeAt("")
}

// RandomUniform returns random numbers from [0, 1), and moves the store's random generator on.
// The dtype must be a float.
func (s *Store) RandomUniform(g *graph.Graph, shape shapes.Shape) *graph.Node {
	return s.random(g, shape, graph.RandomUniform)
}

// RandomNormal returns random numbers from the normal distribution of mean 0 and variance 1, and moves
// the store's random generator on. The dtype must be a float.
func (s *Store) RandomNormal(g *graph.Graph, shape shapes.Shape) *graph.Node {
	return s.random(g, shape, graph.RandomNormal)
}

func (s *Store) random(g *graph.Graph, shape shapes.Shape, fn func(state *graph.Node, shape shapes.Shape) (*graph.Node, *graph.Node)) *graph.Node {
	v := s.rngState()
	state, values := fn(v.NodeValue(g), shape)
	v.SetNodeValue(state)
	return values
}

// RandomBernoulli returns values of the given shape, each 1 (true) with probability prob, a float, and 0
// (false) otherwise, and moves the store's random generator on; see [graph.RandomBernoulli].
func (s *Store) RandomBernoulli(prob *graph.Node, shape shapes.Shape) *graph.Node {
	return s.random(prob.Graph(), shape, func(state *graph.Node, shape shapes.Shape) (*graph.Node, *graph.Node) {
		return graph.RandomBernoulli(state, prob, shape)
	})
}

// RandomUniform is [Store.RandomUniform].
func (s *Scope) RandomUniform(g *graph.Graph, shape shapes.Shape) *graph.Node {
	return s.store.RandomUniform(g, shape)
}

// RandomNormal is [Store.RandomNormal].
func (s *Scope) RandomNormal(g *graph.Graph, shape shapes.Shape) *graph.Node {
	return s.store.RandomNormal(g, shape)
}

// RandomBernoulli is [Store.RandomBernoulli].
func (s *Scope) RandomBernoulli(prob *graph.Node, shape shapes.Shape) *graph.Node {
	return s.store.RandomBernoulli(prob, shape)
}

// initial returns a function that computes a variable's first value. Its random stream is ChaCha8 keyed
// by SHA-256 of seed and path, so it depends on nothing else.
func (s *Store) initial(path string, shape shapes.Shape, initializer initializers.Initializer) func() (*tensors.Tensor, error) {
	if writesNothing(initializer) {
		return func() (*tensors.Tensor, error) { return tensors.New(shape) }
	}
	return func() (*tensors.Tensor, error) {
		seed := binary.LittleEndian.AppendUint64(nil, uint64(s.Seed()))
		r := rand.New(rand.NewChaCha8(sha256.Sum256(append(seed, path...))))
		if draw := initializers.Float32s(initializer); draw != nil && shape.DType == dtypes.Float32 {
			return drawn(shape, func(out []float32) { draw(r, shape, out) })
		}
		draft := newDraft(shape.Size())
		initializer(r, shape, draft)
		t, err := tensors.FitFlat(draft, shape)
		clear(draft)
		drafts.Put(&draft)
		return t, err
	}
}

// drawn returns a tensor that draw fills.
func drawn(shape shapes.Shape, draw func(out []float32)) (*tensors.Tensor, error) {
	memory, err := tensors.NewStorage(shape.ByteSize())
	if err != nil {
		return nil, err
	}
	t, err := tensors.FromStorage(shape, memory)
	if err != nil {
		memory.Release()
		return nil, err
	}
	return t, tensors.MutableFlatData(t, draw)
}

// writesNothing reports whether an initializer is [initializers.Zero], as that of biases and of most state of optimizers is: their
// values need not be written, looked at and rounded. Functions cannot be compared, but where their code is can.
func writesNothing(initializer initializers.Initializer) bool {
	return reflect.ValueOf(initializer).Pointer() == reflect.ValueOf(initializers.Zero).Pointer()
}

// drafts holds what initializers have written in, zeros again: a model has many variables, and fresh memory for each would cost
// more than most initializers do.
var drafts sync.Pool // of *[]float64

// newDraft returns n zeros.
func newDraft(n int) []float64 {
	if d, ok := drafts.Get().(*[]float64); ok && cap(*d) >= n {
		return (*d)[:n]
	}
	return make([]float64, n)
}
