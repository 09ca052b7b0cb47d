// Package lm has what language models of package zoo share: how they generate with caches.
package lm

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/cache"
	"github.com/quire-ml/quire/ml/model"
)

// Spec is what a kind of models tells of itself.
type Spec struct {
	Name       string // for errors
	Vocabulary int
	Positions  int // the longest text; 0 for any
	// Logits returns what comes next at each place of ids, [B, T], after what the caches of a place hold, if it is not nil.
	Logits func(scope *model.Scope, ids *graph.Node, caches *cache.Place) *graph.Node
}

// Model is a language model on a backend, which generates: it is a generation.Verifier. Its sequences have their keys and values in caches of its own, which stay on
// the backend: models of one store share their weights, and go on side by side. It is for one goroutine.
type Model struct {
	spec   Spec
	store  *model.Store
	all    *model.Exec // logits at each place, of one sequence
	last   *model.Exec // at the last, of sequences that go on by as many tokens
	uneven *model.Exec // at the last of each, of sequences that go on by different numbers

	even   *cache.Set  // the caches of all and last
	rows   *cache.Set  // those of uneven
	place  cache.Place // of them
	ragged bool        // the sequences are in these
	tokens [][]int     // of the sequences
}

var errNone = errors.New("there is no model: it is a zero value, and New and Open make one")

// models numbers them, for the names of their caches.
var models atomic.Int64

// New returns a model that generates by the variables of a store; those that are not there begin as those of a model that is to be trained. Its
// caches are variables of the store until nobody has the model any more.
func New(backend graph.Backend, store *model.Store, spec Spec) (*Model, error) {
	if store == nil {
		return nil, fmt.Errorf("%s: the store is nil", spec.Name)
	}
	m := &Model{spec: spec, store: store}
	number := models.Add(1)
	even, rows := cache.Place{Name: fmt.Sprint("model", number)}, cache.Place{Name: fmt.Sprint("rows", number)}
	m.place, m.even, m.rows = rows, even.Of(store.RootScope()), rows.Of(store.RootScope())
	var err error
	m.all, err = model.NewExec(backend, store, func(scope *model.Scope, ids *graph.Node) *graph.Node { return spec.Logits(scope, ids, &even) })
	if err == nil {
		m.last, err = model.NewExec(backend, store, func(scope *model.Scope, ids *graph.Node) *graph.Node {
			return graph.SliceAxis(spec.Logits(scope, ids, &even), 1, graph.AxisElem(ids.Dim(1)-1))
		})
	}
	if err == nil {
		m.uneven, err = model.NewExec(backend, store, func(scope *model.Scope, ids, counts *graph.Node) *graph.Node {
			in := cache.Place{Name: rows.Name, Counts: counts}
			at := graph.ExpandAxes(graph.AddScalar(counts, -1), -1) // [B, 1], of the last token; of padding alone any, which nobody asks for
			return graph.GatherWithBatchDims(spec.Logits(scope, ids, &in), at, 1)
		})
	}
	if err != nil {
		return nil, err
	}
	runtime.AddCleanup(m, func(sets [2]*cache.Set) {
		for _, s := range sets {
			_ = s.Clear() // of a store that has them, which nothing else deletes
		}
	}, [2]*cache.Set{m.even, m.rows})
	return m, nil
}

// Store returns its variables.
func (m *Model) Store() *model.Store {
	if m == nil {
		return nil
	}
	return m.store
}

// maxSequences is how many sequences a model takes at once.
const maxSequences = 1 << 20

// Begin forgets all sequences, and begins a number of empty ones.
func (m *Model) Begin(sequences int) error {
	switch {
	case m == nil || m.store == nil:
		return errNone
	case sequences < 0 || sequences > maxSequences:
		return fmt.Errorf("%s: %d sequences are to begin, want 0 to %d", m.spec.Name, sequences, maxSequences)
	case sequences != len(m.tokens) || m.ragged: // caches have as many rows
		if err := errors.Join(m.even.Clear(), m.rows.Clear()); err != nil {
			return err
		}
	}
	m.tokens, m.ragged = make([][]int, sequences), false
	return m.even.Reset()
}

// Extend appends tokens to each sequence, and returns the logits after the last of each. What the sequences had before is not computed again.
func (m *Model) Extend(ctx context.Context, tokens [][]int) ([][]float32, error) {
	if m == nil || m.store == nil {
		return nil, errNone
	}
	if err := m.check(tokens); err != nil {
		return nil, err
	}
	longest, even := 0, true
	for _, list := range tokens {
		longest = max(longest, len(list))
		even = even && len(list) == len(tokens[0])
	}
	if !even && !m.ragged {
		if err := m.even.Uneven(m.place); err != nil {
			return nil, err
		}
		m.ragged = true
	}
	logits := make([][]float32, len(tokens))
	for from := 0; from < longest; { // in pieces of powers of two, so that few programs do for all lengths
		n := 1
		for 2*n <= min(longest-from, 256) {
			n *= 2
		}
		piece := make([][]int, len(tokens))
		for i, list := range tokens {
			piece[i] = list[min(from, len(list)):min(from+n, len(list))]
		}
		rows, err := m.run(ctx, m.last, piece, n)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			if len(piece[i]) > 0 {
				logits[i] = rows[i]
			}
		}
		from += n
	}
	return logits, nil
}

// check returns an error unless tokens may be appended to the sequences.
func (m *Model) check(tokens [][]int) error {
	if len(tokens) != len(m.tokens) {
		return fmt.Errorf("%s: tokens of %d sequences are to be appended, but there are %d", m.spec.Name, len(tokens), len(m.tokens))
	}
	for i, list := range tokens {
		if len(list) == 0 {
			return fmt.Errorf("%s: no tokens are to be appended to sequence %d: give one and more", m.spec.Name, i)
		}
		if n, p := len(m.tokens[i])+len(list), m.spec.Positions; p > 0 && n > p {
			return fmt.Errorf("%s: a text of %d tokens is longer than the %d positions that the model was made for", m.spec.Name, n, p)
		}
		for _, id := range list {
			if id < 0 || id >= m.spec.Vocabulary {
				return fmt.Errorf("%s: the token %d is none of a vocabulary of %d", m.spec.Name, id, m.spec.Vocabulary)
			}
		}
	}
	return nil
}

// ExtendAll appends tokens to the one sequence there is, and returns the logits after each.
func (m *Model) ExtendAll(ctx context.Context, tokens []int) ([][]float32, error) {
	switch {
	case m == nil || m.store == nil:
		return nil, errNone
	case len(m.tokens) != 1 || m.ragged:
		return nil, fmt.Errorf("%s: %d tokens are to be checked in %d sequences, want one that began alone", m.spec.Name, len(tokens), len(m.tokens))
	}
	if err := m.check([][]int{tokens}); err != nil {
		return nil, err
	}
	return m.run(ctx, m.all, [][]int{tokens}, len(tokens))
}

// run appends n times to the caches, of which tokens are those that sequences have, and returns the logits of an exec, row by row.
func (m *Model) run(ctx context.Context, exec *model.Exec, tokens [][]int, n int) ([][]float32, error) {
	ids := make([]int32, len(tokens)*n)
	counts := make([]int32, len(tokens))
	for i, list := range tokens {
		counts[i] = int32(len(list))
		for k, id := range list {
			ids[i*n+k] = int32(id)
		}
	}
	args := []any{tensors.FromFlatDataAndDimensions(ids, len(tokens), n)}
	caches := m.even
	if m.ragged {
		exec, caches = m.uneven, m.rows
		args = append(args, tensors.FromFlatDataAndDimensions(counts, len(counts)))
	}
	if err := caches.Reserve(n); err != nil {
		return nil, err
	}
	out, err := exec.CallContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer out[0].Close()
	for i, list := range tokens {
		m.tokens[i] = append(m.tokens[i], list...)
	}
	logits, err := out[0].ConvertDType(dtypes.Float32)
	if err != nil {
		return nil, err
	}
	defer logits.Close()
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
	next := make([][]int, len(from))
	for i, k := range from {
		if k < 0 || k >= len(m.tokens) {
			return fmt.Errorf("%s: sequence %d is to go on from sequence %d, but there are %d", m.spec.Name, i, k, len(m.tokens))
		}
		next[i] = slices.Clone(m.tokens[k])
	}
	caches := m.even
	if m.ragged {
		caches = m.rows
	}
	same := len(from) == len(m.tokens)
	for i, k := range from {
		same = same && i == k
	}
	var err error
	switch {
	case same:
	case len(from) == 0:
		err = caches.Clear()
	default:
		err = caches.Select(from)
	}
	if err == nil {
		m.tokens = next
	}
	return err
}

// Cut leaves the first n tokens of the one sequence there is.
func (m *Model) Cut(n int) error {
	switch {
	case m == nil || m.store == nil:
		return errNone
	case len(m.tokens) != 1 || m.ragged || n < 0 || n > len(m.tokens[0]):
		return fmt.Errorf("%s: %d sequences are to be cut to %d tokens, want one of as many and more", m.spec.Name, len(m.tokens), n)
	}
	m.tokens[0] = m.tokens[0][:n]
	return m.even.Truncate(n)
}
