// Package lm has what language models of package zoo share: how they generate with caches.
package lm

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/cache"
	"github.com/quire-ml/quire/ml/generation"
	"github.com/quire-ml/quire/ml/model"
)

// Spec is what a kind of models tells of itself.
type Spec struct {
	Name       string // for errors
	Vocabulary int
	Positions  int // the longest text; 0 for any
	// Logits returns what comes next at each place of ids, [B, T], in caches below the scope if cached.
	Logits func(scope *model.Scope, ids *graph.Node, cached bool) *graph.Node
}

// Model is a language model on a backend, which generates: it is a generation.Verifier. A single sequence has its keys and values in caches that stay on the backend; of several, as of
// beams, all of the text is computed for each token. It is for one goroutine.
type Model struct {
	spec    Spec
	store   *model.Store
	all     *model.Exec // logits at each place, with caches
	last    *model.Exec // at the last
	alone   bool        // one sequence, in the caches
	tokens  []int       // of it
	several generation.Verifier
	before  []int // the begin that several sequences share and have not been told yet
}

var errNone = errors.New("there is no model: it is a zero value, and New and Open make one")

// New returns a model that generates by the variables of a store; those that are not there begin as those of a model that is to be trained.
func New(backend graph.Backend, store *model.Store, spec Spec) (*Model, error) {
	if store == nil {
		return nil, fmt.Errorf("%s: the store is nil", spec.Name)
	}
	m := &Model{spec: spec, store: store}
	whole, err := model.NewExec(backend, store, func(scope *model.Scope, ids *graph.Node) *graph.Node { return spec.Logits(scope, ids, false) })
	if err == nil {
		m.all, err = model.NewExec(backend, store, func(scope *model.Scope, ids *graph.Node) *graph.Node { return spec.Logits(scope, ids, true) })
	}
	if err == nil {
		m.last, err = model.NewExec(backend, store, func(scope *model.Scope, ids *graph.Node) *graph.Node {
			return graph.SliceAxis(spec.Logits(scope, ids, true), 1, graph.AxisElem(ids.Dim(1)-1))
		})
	}
	if err != nil {
		return nil, err
	}
	window := spec.Positions
	if window < 1 {
		window = 1 << 20
	}
	m.several = generation.FromLogits(whole, window)
	return m, nil
}

// Store returns its variables.
func (m *Model) Store() *model.Store {
	if m == nil {
		return nil
	}
	return m.store
}

// Begin forgets all sequences, and begins a number of empty ones.
func (m *Model) Begin(sequences int) error {
	if m == nil || m.store == nil {
		return errNone
	}
	m.alone, m.tokens, m.before = sequences == 1, nil, nil
	if !m.alone {
		return m.several.Begin(sequences)
	}
	return m.caches().Reset()
}

func (m *Model) caches() *cache.Set { return cache.Of(m.store.RootScope()) }

// Extend appends tokens to each sequence, and returns the logits after the last of each.
func (m *Model) Extend(ctx context.Context, tokens [][]int) ([][]float32, error) {
	if m == nil || m.store == nil {
		return nil, errNone
	}
	if !m.alone {
		if m.before != nil {
			tokens = slices.Clone(tokens)
			for i := range tokens {
				tokens[i] = slices.Concat(m.before, tokens[i])
			}
			m.before = nil
		}
		return m.several.Extend(ctx, tokens)
	}
	if len(tokens) != 1 || len(tokens[0]) == 0 {
		return nil, fmt.Errorf("%s: tokens of %d sequences are to be appended to one, want one and more tokens for it", m.spec.Name, len(tokens))
	}
	// In pieces of powers of two, so that few programs do for all lengths.
	list := tokens[0]
	for {
		n := 1
		for 2*n <= min(len(list), 256) {
			n *= 2
		}
		rows, err := m.run(ctx, m.last, list[:n])
		if list = list[n:]; err != nil || len(list) == 0 {
			return rows, err
		}
	}
}

// ExtendAll appends tokens to the one sequence there is, and returns the logits after each.
func (m *Model) ExtendAll(ctx context.Context, tokens []int) ([][]float32, error) {
	if m == nil || m.store == nil {
		return nil, errNone
	}
	if !m.alone {
		return m.several.ExtendAll(ctx, tokens)
	}
	return m.run(ctx, m.all, tokens)
}

func (m *Model) run(ctx context.Context, exec *model.Exec, tokens []int) ([][]float32, error) {
	if p := m.spec.Positions; p > 0 && len(m.tokens)+len(tokens) > p {
		return nil, fmt.Errorf("%s: a text of %d tokens is longer than the %d positions that the model was made for", m.spec.Name, len(m.tokens)+len(tokens), p)
	}
	for _, id := range tokens {
		if id < 0 || id >= m.spec.Vocabulary {
			return nil, fmt.Errorf("%s: the token %d is none of a vocabulary of %d", m.spec.Name, id, m.spec.Vocabulary)
		}
	}
	if err := m.caches().Reserve(len(tokens)); err != nil {
		return nil, err
	}
	ids := make([]int32, len(tokens))
	for i, id := range tokens {
		ids[i] = int32(id)
	}
	out, err := exec.CallContext(ctx, tensors.FromFlatDataAndDimensions(ids, 1, len(ids)))
	if err != nil {
		return nil, err
	}
	defer out[0].Close()
	m.tokens = append(m.tokens, tokens...)
	logits, err := out[0].ConvertDType(dtypes.Float32)
	if err != nil {
		return nil, err
	}
	var rows [][]float32
	for row := range slices.Chunk(tensors.Flat[float32](logits), m.spec.Vocabulary) {
		rows = append(rows, slices.Clone(row))
	}
	return rows, nil
}

// Select makes sequence i what sequence from[i] is.
func (m *Model) Select(from []int) error {
	if m == nil || m.store == nil {
		return errNone
	}
	if m.alone && slices.Equal(from, []int{0}) {
		return nil
	}
	if !m.alone {
		return m.several.Select(from)
	}
	for _, k := range from {
		if k != 0 {
			return fmt.Errorf("%s: a sequence is to go on from sequence %d, but there is one", m.spec.Name, k)
		}
	}
	m.alone, m.before = false, m.tokens
	return m.several.Begin(len(from))
}

// Cut leaves the first n tokens of the one sequence there is.
func (m *Model) Cut(n int) error {
	if m == nil || m.store == nil {
		return errNone
	}
	if !m.alone {
		return m.several.Cut(n)
	}
	if n < 0 || n > len(m.tokens) {
		return fmt.Errorf("%s: a sequence of %d tokens cannot be cut to %d", m.spec.Name, len(m.tokens), n)
	}
	m.tokens = m.tokens[:n]
	return m.caches().Truncate(n)
}
