package generation

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
)

// A Model continues sequences. It is for one goroutine, and for the sequences of one call of a Generator at a time.
type Model interface {
	// Begin forgets all sequences, and begins a number of empty ones.
	Begin(sequences int) error
	// Extend appends tokens to each sequence, at least one, and returns the logits of what comes after the last of them, for each sequence.
	Extend(ctx context.Context, tokens [][]int) (logits [][]float32, err error)
	// Select makes sequence i what sequence from[i] is; there may be more or fewer than before.
	Select(from []int) error
}

// A Verifier is a model that tells logits within a sequence too, so that several tokens are checked by one call.
type Verifier interface {
	Model
	// ExtendAll appends tokens to the one sequence there is, and returns the logits after each of them.
	ExtendAll(ctx context.Context, tokens []int) (logits [][]float32, err error)
	// Cut takes tokens away from its end, so that n are left.
	Cut(n int) error
}

// caller is what graph.Exec and its kin have.
type caller interface {
	CallContext(ctx context.Context, args ...any) ([]*tensors.Tensor, error)
}

// FromLogits returns a model that calls a function for each token: of ids int32[B T] to logits [B T V], of any float, those at a place depending on the
// tokens up to there alone. exec is a graph.Exec or model.Exec of it. It gets no more than the last window tokens, filled up on the right with zeros to 8, 16, 32 … so that
// it is compiled for few lengths.
//
// All of the window is computed anew for each token: the work for a text grows with the square of its length.
func FromLogits(exec caller, window int) Verifier { return &whole{exec: exec, window: window} }

// maxSequences is how many sequences a model takes at once.
const maxSequences = 1 << 20

type whole struct {
	exec      caller
	window    int
	sequences [][]int
}

func (m *whole) Begin(n int) error {
	switch {
	case m.exec == nil:
		return errors.New("the model has no function: give FromLogits a graph.Exec or model.Exec")
	case n < 0 || n > maxSequences:
		return fmt.Errorf("%d sequences are to begin, want 0 to %d", n, maxSequences)
	case m.window < 1:
		return fmt.Errorf("the window of the model is %d tokens, want 1 and more", m.window)
	}
	m.sequences = make([][]int, n)
	return nil
}

func (m *whole) Extend(ctx context.Context, tokens [][]int) ([][]float32, error) {
	if len(tokens) != len(m.sequences) {
		return nil, fmt.Errorf("tokens of %d sequences are to be appended, but there are %d", len(tokens), len(m.sequences))
	}
	counts := make([]int, len(tokens))
	for i, list := range tokens {
		if len(list) == 0 {
			return nil, fmt.Errorf("no tokens are to be appended to sequence %d: give one and more", i)
		}
		m.sequences[i] = append(m.sequences[i], list...)
		counts[i] = 1
	}
	return m.logits(ctx, counts)
}

func (m *whole) ExtendAll(ctx context.Context, tokens []int) ([][]float32, error) {
	if len(m.sequences) != 1 || len(tokens) == 0 {
		return nil, fmt.Errorf("%d tokens are to be appended to %d sequences, want tokens and one sequence", len(tokens), len(m.sequences))
	}
	if len(tokens) > m.window { // what lies before the window has no logits
		return nil, fmt.Errorf("%d tokens are to be checked by one call, but the model sees %d", len(tokens), m.window)
	}
	m.sequences[0] = append(m.sequences[0], tokens...)
	return m.logits(ctx, []int{len(tokens)})
}

// logits returns those after the last tokens of each sequence, as many as counts says.
func (m *whole) logits(ctx context.Context, counts []int) ([][]float32, error) {
	longest := 1
	for _, s := range m.sequences {
		longest = max(longest, min(len(s), m.window))
	}
	width := 8
	for width < longest {
		width *= 2
	}
	width = min(width, m.window)
	ids := tensors.FromScalarAndDimensions(int32(0), len(m.sequences), width)
	defer ids.Close()
	flat := tensors.Flat[int32](ids)
	for i, s := range m.sequences {
		for k, id := range s[max(0, len(s)-width):] {
			flat[i*width+k] = int32(id)
		}
	}
	out, err := m.exec.CallContext(ctx, ids)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, t := range out {
			t.Close()
		}
	}()
	if len(out) != 1 || out[0].Shape().Rank() != 3 || out[0].Shape().Dimensions[0] != len(m.sequences) || out[0].Shape().Dimensions[1] != width {
		var got []string
		for _, t := range out {
			got = append(got, t.Shape().String())
		}
		return nil, fmt.Errorf("the model returned %v for ids %s, want logits [%d %d V] for a vocabulary of V tokens", got, ids.Shape(), len(m.sequences), width)
	}
	all, err := out[0].ConvertDType(dtypes.Float32)
	if err != nil {
		return nil, err
	}
	defer all.Close()
	values, v := tensors.Flat[float32](all), all.Shape().Dimensions[2]
	var rows [][]float32
	for i, s := range m.sequences {
		n := min(len(s), width)
		for k := n - counts[i]; k < n; k++ {
			rows = append(rows, slices.Clone(values[(i*width+k)*v:][:v]))
		}
	}
	return rows, nil
}

func (m *whole) Select(from []int) error {
	next := make([][]int, len(from))
	for i, k := range from {
		if k < 0 || k >= len(m.sequences) {
			return fmt.Errorf("sequence %d is to go on from sequence %d, but there are %d", i, k, len(m.sequences))
		}
		next[i] = slices.Clone(m.sequences[k])
	}
	m.sequences = next
	return nil
}

func (m *whole) Cut(n int) error {
	if len(m.sequences) != 1 || n < 0 || n > len(m.sequences[0]) {
		return fmt.Errorf("%d sequences are to be cut to %d tokens, want one of as many and more", len(m.sequences), n)
	}
	m.sequences[0] = m.sequences[0][:n]
	return nil
}
