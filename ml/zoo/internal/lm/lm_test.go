package lm_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/fast"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/cache"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/zoo/internal/lm"
)

const vocabulary, width = 7, 4

// attends is a model of one attention. It notes the sizes of ids that it is built for.
func attends(built *[][]int) lm.Spec {
	return lm.Spec{Name: "attends", Vocabulary: vocabulary, Positions: 600, Logits: func(scope *model.Scope, ids *graph.Node, caches *cache.Place) *graph.Node {
		*built = append(*built, slices.Clone(ids.Shape().Dimensions))
		table := scope.VariableWithShape("table", shapes.Make(dtypes.Float32, vocabulary, width)).NodeValue(ids)
		x := graph.ExpandAxes(graph.Gather(table, graph.ExpandAxes(ids, -1)), 1) // [B, 1, T, C]
		kv := caches.KV(scope.In("cache"), ids)
		q := fast.RoPE(x).Offset(kv.Position()).Done()
		y := graph.Squeeze(kv.Append(q, x).Attend(q).Done(), 1)
		return graph.DotGeneral(y, []int{2}, nil, table, []int{1}, nil)
	}}
}

func newModel(t *testing.T, store *model.Store, built *[][]int) *lm.Model {
	t.Helper()
	m, err := lm.New(gocpu.New(), store, attends(built))
	require.NoError(t, err)
	return m
}

// text returns n tokens.
func text(seed, n int) (list []int) {
	for i := range n {
		list = append(list, (seed*5+i*i+3*i)%vocabulary)
	}
	return list
}

// alone returns the logits after a text of one sequence.
func alone(t *testing.T, store *model.Store, tokens []int) []float32 {
	t.Helper()
	var built [][]int
	m := newModel(t, store, &built)
	require.NoError(t, m.Begin(1))
	rows, err := m.Extend(t.Context(), [][]int{tokens})
	require.NoError(t, err)
	return rows[0]
}

// Sequences with prompts of different lengths go on by what is new alone, and are what each is by itself.
func TestSequencesGoOnFromTheirCaches(t *testing.T) {
	for name, lengths := range map[string][]int{"of one length": {5, 5, 5}, "of several": {9, 1, 300}} {
		t.Run(name, func(t *testing.T) {
			store := model.NewStore()
			var built [][]int
			m := newModel(t, store, &built)
			require.NoError(t, m.Begin(len(lengths)))
			texts, next := make([][]int, len(lengths)), [][]int{}
			for i, n := range lengths {
				next = append(next, text(i, n))
			}
			extend := func() {
				rows, err := m.Extend(t.Context(), next)
				require.NoError(t, err)
				for i := range texts {
					texts[i] = append(texts[i], next[i]...)
					require.InDeltaSlice(t, alone(t, store, texts[i]), rows[i], 1e-4, "sequence %d, %d tokens", i, len(texts[i]))
				}
			}
			extend()
			built = nil
			for step := range 4 {
				for i := range next {
					next[i] = text(step+i, 1)
				}
				extend()
			}
			for _, dims := range built {
				require.Equal(t, 1, dims[1], "tokens that are computed for one more")
			}
			next = [][]int{text(1, 3), text(2, 1), text(3, 2)} // by different numbers
			extend()
			require.NoError(t, m.Select([]int{2, 2, 0, 1}))
			texts = [][]int{slices.Clone(texts[2]), slices.Clone(texts[2]), texts[0], texts[1]}
			next = [][]int{{1}, {2}, {3}, {4}}
			extend()
			require.NoError(t, m.Begin(4))
			texts = make([][]int, 4)
			extend()
		})
	}
}

// Models of one store share its weights and nothing else, and what one held goes with it.
func TestModelsOfOneStore(t *testing.T) {
	store := model.NewStore()
	var built [][]int
	a, b := newModel(t, store, &built), newModel(t, store, &built)
	require.NoError(t, a.Begin(1))
	first, err := a.Extend(t.Context(), [][]int{text(1, 6)})
	require.NoError(t, err)
	require.NoError(t, b.Begin(1))
	_, err = b.Extend(t.Context(), [][]int{text(2, 3)})
	require.NoError(t, err)
	more, err := a.ExtendAll(t.Context(), text(3, 2))
	require.NoError(t, err)
	require.InDeltaSlice(t, alone(t, store, text(1, 6)), first[0], 1e-4)
	require.InDeltaSlice(t, alone(t, store, append(text(1, 6), text(3, 2)...)), more[1], 1e-4)
	require.NoError(t, a.Cut(6))
	more, err = a.ExtendAll(t.Context(), text(4, 1))
	require.NoError(t, err)
	require.InDeltaSlice(t, alone(t, store, append(text(1, 6), text(4, 1)...)), more[0], 1e-4)
	runtime.KeepAlive(a)
	runtime.KeepAlive(b)
	a, b = nil, nil
	require.Eventually(t, func() bool {
		runtime.GC()
		for v := range store.IterVariables() {
			if strings.Contains(v.Name(), "cached") {
				return false
			}
		}
		return store.NumVariables() == 1
	}, time.Minute, time.Millisecond, "the caches of models that nobody has")
}

func TestWhatCannotGoOn(t *testing.T) {
	var built [][]int
	m := newModel(t, model.NewStore(), &built)
	require.NoError(t, m.Begin(2))
	for want, tokens := range map[string][][]int{
		"tokens of 1 sequences are to be appended, but there are 2": {{1}},
		"no tokens are to be appended to sequence 1":                {{1}, {}},
		"the token 7 is none of a vocabulary of 7":                  {{1}, {7}},
		"a text of 601 tokens is longer than the 600 positions":     {{1}, text(1, 601)},
	} {
		_, err := m.Extend(t.Context(), tokens)
		require.ErrorContains(t, err, want)
	}
	_, err := m.ExtendAll(t.Context(), []int{1})
	require.ErrorContains(t, err, "1 tokens are to be checked in 2 sequences")
	require.ErrorContains(t, m.Cut(0), "2 sequences are to be cut")
	require.ErrorContains(t, m.Select([]int{2}), "sequence 0 is to go on from sequence 2, but there are 2")
	require.ErrorContains(t, m.Begin(-1), "-1 sequences are to begin")
	require.Empty(t, built)
	require.Error(t, (*lm.Model)(nil).Begin(1))
}
