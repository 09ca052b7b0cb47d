package generation_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/ml/generation"
)

// reference is what the library transformers makes of the model table, written by testdata/make.py.
//
//go:embed testdata/reference.json
var reference []byte

const (
	vocabulary = 23
	end        = 0
)

// table is a model whose logits are a formula of the last token and its place.
type table struct {
	sequences [][]int
	calls     int
	shift     float64 // of another model, to guess for this one
}

func (m *table) logits(s []int, n int) []float32 {
	out := make([]float32, vocabulary)
	for b := range out {
		out[b] = float32(3*math.Sin(float64(s[n])*13.7+float64(b)*7.1) + 1.5*math.Cos(float64(n)*0.9+float64(b)*2.3+m.shift))
	}
	return out
}

func (m *table) Begin(n int) error { m.sequences = make([][]int, n); return nil }

func (m *table) Extend(_ context.Context, tokens [][]int) (rows [][]float32, _ error) {
	m.calls++
	if len(tokens) != len(m.sequences) {
		return nil, errors.New("another number of sequences")
	}
	for i, list := range tokens {
		if len(list) == 0 {
			return nil, errors.New("no tokens")
		}
		m.sequences[i] = append(slices.Clone(m.sequences[i]), list...)
		rows = append(rows, m.logits(m.sequences[i], len(m.sequences[i])-1))
	}
	return rows, nil
}

func (m *table) Select(from []int) error {
	next := make([][]int, len(from))
	for i, k := range from {
		next[i] = m.sequences[k]
	}
	m.sequences = next
	return nil
}

func (m *table) ExtendAll(_ context.Context, tokens []int) (rows [][]float32, _ error) {
	m.calls++
	s := append(slices.Clone(m.sequences[0]), tokens...)
	for n := len(m.sequences[0]); n < len(s); n++ {
		rows = append(rows, m.logits(s, n))
	}
	m.sequences[0] = s
	return rows, nil
}

func (m *table) Cut(n int) error { m.sequences[0] = m.sequences[0][:n]; return nil }

type settings struct {
	Beams         int      `json:"num_beams"`
	Returned      int      `json:"num_return_sequences"`
	LengthPenalty *float64 `json:"length_penalty"`
	EarlyStopping bool     `json:"early_stopping"`
	Repetition    float64  `json:"repetition_penalty"`
	NoRepeat      int      `json:"no_repeat_ngram_size"`
	MinTokens     int      `json:"min_new_tokens"`
}

type drawn struct {
	After         int
	Temperature   float64
	K             int
	P, M          float64
	Probabilities []float64
}

func references(t *testing.T) (file struct {
	Generated []struct {
		Prompt   []int
		Settings settings
		Tokens   [][]int
		Scores   []float64
	}
	Drawn []drawn
}) {
	require.NoError(t, json.Unmarshal(reference, &file))
	require.Greater(t, len(file.Generated), 30)
	require.Greater(t, len(file.Drawn), 30)
	return file
}

func TestTokensAreThoseOfTransformers(t *testing.T) {
	for _, c := range references(t).Generated {
		g := generation.New().MaxTokens(12).EndsWith(end).NoRepeat(c.Settings.NoRepeat).MinTokens(c.Settings.MinTokens).EarlyStopping(c.Settings.EarlyStopping)
		if c.Settings.Beams > 0 {
			g.Beams(c.Settings.Beams)
		}
		if c.Settings.Returned > 0 {
			g.Returned(c.Settings.Returned)
		}
		if p := c.Settings.LengthPenalty; p != nil {
			g.LengthPenalty(*p)
		}
		if r := c.Settings.Repetition; r > 0 {
			g.RepetitionPenalty(r)
		}
		got, err := g.Generate(t.Context(), &table{}, c.Prompt)
		require.NoError(t, err)
		require.Len(t, got, len(c.Tokens))
		for i, s := range got {
			assert.Equal(t, c.Tokens[i], s.Tokens, "%v %+v: sequence %d", c.Prompt, c.Settings, i)
			assert.Equal(t, s.Tokens[len(s.Tokens)-1] == end, s.Ended)
			if c.Scores != nil {
				assert.InDelta(t, c.Scores[i], s.Score, 1e-5, "%v %+v: score of sequence %d", c.Prompt, c.Settings, i)
			}
		}
		if c.Settings.Beams > 0 || c.Settings.Repetition > 0 {
			continue
		}
		// What a draft guesses changes the number of calls only.
		for _, shift := range []float64{0, 0.3, 2} {
			m := &table{}
			same, err := g.Speculate(&table{shift: shift}, 4).Generate(t.Context(), m, c.Prompt)
			require.NoError(t, err)
			assert.Equal(t, got[0].Tokens, same[0].Tokens, "a draft that differs by %v", shift)
			assert.InDelta(t, got[0].Score, same[0].Score, 1e-9)
			if shift == 0 && len(c.Prompt) == 1 {
				assert.LessOrEqual(t, m.calls, (len(got[0].Tokens)+4)/5, "a draft that is always right saves calls")
			}
		}
	}
}

// TestDrawsHaveTheDistribution draws often, and compares with the probabilities that transformers gives: by the model alone, and with guesses of
// a draft that is mostly wrong.
func TestDrawsHaveTheDistribution(t *testing.T) {
	const n = 4000
	for _, c := range references(t).Drawn {
		prompt := slices.Repeat([]int{c.After}, c.After+1) // so that the last one is at place c.After
		for _, guesses := range []int{0, 2} {
			g := generation.New().MaxTokens(2).Temperature(c.Temperature).Returned(n).Seed(3)
			if c.K > 0 {
				g.TopK(c.K)
			}
			if c.P > 0 {
				g.TopP(c.P)
			}
			if c.M > 0 {
				g.MinP(c.M)
			}
			if guesses > 0 {
				g.Speculate(&table{shift: 1}, guesses)
			}
			list, err := g.Generate(t.Context(), &table{}, prompt)
			require.NoError(t, err)
			counts := make([]float64, vocabulary)
			for _, s := range list {
				counts[s.Tokens[0]]++
			}
			chi, free := 0.0, -1.0
			for id, p := range c.Probabilities {
				if p == 0 {
					assert.Zero(t, counts[id], "%+v: token %d is forbidden", c, id)
				} else if want := n * p; want >= 5 {
					chi, free = chi+(counts[id]-want)*(counts[id]-want)/want, free+1
				}
			}
			// χ² has the mean of its degrees of freedom and twice that variance: 6 deviations are not a matter of luck, and the seed is fixed.
			assert.Less(t, chi, max(free, 0)+6*math.Sqrt(2*max(free, 1)), "%+v, %d guesses", c, guesses)
		}
	}
}

func TestSeedsAndBatches(t *testing.T) {
	g := generation.New().MaxTokens(20).Temperature(1.2).TopP(0.9).Seed(5).EndsWith(end)
	prompts := [][]int{{1}, {5, 9, 2}, {7, 3}, {1}}
	all, err := g.Generate(t.Context(), &table{}, prompts...)
	require.NoError(t, err)
	for i, p := range prompts { // the same alone, and one by one
		one, err := g.Generate(t.Context(), &table{}, p)
		require.NoError(t, err)
		assert.Equal(t, all[i].Tokens, one[0].Tokens)
		var streamed []int
		for token, err := range g.Stream(t.Context(), &table{}, p) {
			require.NoError(t, err)
			streamed = append(streamed, token)
		}
		assert.Equal(t, one[0].Tokens, streamed)
	}
	other, err := generation.New().MaxTokens(20).Temperature(1.2).TopP(0.9).Seed(6).EndsWith(end).Generate(t.Context(), &table{}, prompts...)
	require.NoError(t, err)
	assert.NotEqual(t, all, other)
}

func TestStops(t *testing.T) {
	free, err := generation.New().MaxTokens(10).Generate(t.Context(), &table{}, []int{1})
	require.NoError(t, err)
	tokens := free[0].Tokens
	stop := tokens[3:6]
	got, err := generation.New().MaxTokens(10).Stop([]int{99, 98}, stop).Generate(t.Context(), &table{}, []int{1})
	require.NoError(t, err)
	assert.Equal(t, tokens[:6], got[0].Tokens)
	assert.True(t, got[0].Ended)
	n := 0
	for range generation.New().MaxTokens(10).Stream(t.Context(), &table{}, []int{1}) {
		if n++; n == 4 {
			break
		}
	}
	assert.Equal(t, 4, n)
	forced, err := generation.New().MaxTokens(3).Adjust(func(_ []int, logits []float32) {
		for i := range logits {
			if i != 17 {
				logits[i] = float32(math.Inf(-1))
			}
		}
	}).Generate(t.Context(), &table{}, []int{1})
	require.NoError(t, err)
	assert.Equal(t, []int{17, 17, 17}, forced[0].Tokens)
	penalised, err := generation.New().MaxTokens(8).PresencePenalty(50).Generate(t.Context(), &table{}, []int{1})
	require.NoError(t, err)
	assert.Len(t, slices.Compact(slices.Sorted(slices.Values(penalised[0].Tokens))), 8, "none comes twice")
}

// TestPenalties compares settings with their definitions: what Adjust does by hand. The prompt does not count.
func TestPenalties(t *testing.T) {
	const presence, frequency = 1.5, 0.75
	prompt := []int{1, 2, 1}
	for name, c := range map[string]struct {
		g *generation.Generator
		f func(times float64) float64
	}{
		"presence":  {generation.New().PresencePenalty(presence), func(float64) float64 { return presence }},
		"frequency": {generation.New().FrequencyPenalty(frequency), func(times float64) float64 { return frequency * times }},
		"both":      {generation.New().PresencePenalty(presence).FrequencyPenalty(frequency), func(times float64) float64 { return presence + frequency*times }},
	} {
		want, err := generation.New().MaxTokens(40).Adjust(func(sequence []int, logits []float32) {
			times := map[int]float64{}
			for _, id := range sequence[len(prompt):] {
				times[id]++
			}
			for id, n := range times {
				logits[id] = float32(float64(logits[id]) - c.f(n))
			}
		}).Generate(t.Context(), &table{}, prompt)
		require.NoError(t, err)
		got, err := c.g.MaxTokens(40).Generate(t.Context(), &table{}, prompt)
		require.NoError(t, err)
		assert.Equal(t, want[0].Tokens, got[0].Tokens, name)
		free, err := generation.New().MaxTokens(40).Generate(t.Context(), &table{}, prompt)
		require.NoError(t, err)
		assert.NotEqual(t, free[0].Tokens, got[0].Tokens, name)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	g := generation.New().MaxTokens(1000)
	for _, err := range g.Stream(ctx, &table{}, []int{1}) {
		if n++; n == 5 {
			cancel()
		}
		if n > 5 {
			assert.ErrorIs(t, err, context.Canceled)
		}
	}
	assert.Equal(t, 6, n)
	for _, g := range []*generation.Generator{g, generation.New().Beams(2), generation.New().Speculate(&table{}, 2)} {
		_, err := g.Generate(ctx, &table{}, []int{1})
		assert.ErrorIs(t, err, context.Canceled)
	}
}

// TestFromLogits continues by a graph: a function of the ids alone, called for windows.
func TestFromLogits(t *testing.T) {
	exec, err := graph.NewExec(backends.MustNew("go"), func(ids *graph.Node) *graph.Node { // the next token is one more, modulo the vocabulary
		return graph.MulScalar(graph.OneHot(graph.ModScalar(graph.AddScalar(ids, 1), vocabulary), vocabulary, dtypes.Float32), 5)
	})
	require.NoError(t, err)
	defer exec.Close()
	for _, window := range []int{4, 8, 50} {
		m := generation.FromLogits(exec, window)
		got, err := generation.New().MaxTokens(30).Generate(t.Context(), m, []int{3}, []int{20, 21})
		require.NoError(t, err)
		for i, first := range []int{4, 22} {
			want := make([]int, 30)
			for k := range want {
				want[k] = (first + k) % vocabulary
			}
			assert.Equal(t, want, got[i].Tokens, "a window of %d", window)
		}
		same, err := generation.New().MaxTokens(30).Speculate(generation.FromLogits(exec, window), 3).Generate(t.Context(), m, []int{3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
		require.NoError(t, err)
		assert.Equal(t, 13, same[0].Tokens[0])
		assert.Equal(t, (13+29)%vocabulary, same[0].Tokens[29])
	}
}

func TestMistakes(t *testing.T) {
	for want, g := range map[string]*generation.Generator{
		"generation: MaxTokens is -1, want 0 and more":                                                                 generation.New().MaxTokens(-1),
		"generation: MinTokens is 7, want 0 to MaxTokens, which is 5":                                                  generation.New().MaxTokens(5).MinTokens(7),
		"generation: Temperature is NaN, want a number, 0 and more":                                                    generation.New().Temperature(math.NaN()),
		"generation: TopK is 0, want 1 and more":                                                                       generation.New().TopK(0),
		"generation: TopP is 1.5, want more than 0, and 1 at most":                                                     generation.New().TopP(1.5),
		"generation: MinP is -1, want 0 to 1":                                                                          generation.New().MinP(-1),
		"generation: RepetitionPenalty is 0, want more than 0":                                                         generation.New().RepetitionPenalty(0),
		"generation: NoRepeat is -2, want 0 and more":                                                                  generation.New().NoRepeat(-2),
		"generation: Beams is 0, want 1 and more":                                                                      generation.New().Beams(0),
		"generation: beams are not drawn: leave out Beams, or Temperature, TopK, TopP and MinP":                        generation.New().Beams(2).TopP(0.5),
		"generation: Returned is 3, want no more than Beams, which is 2":                                               generation.New().Beams(2).Returned(3),
		"generation: the likeliest tokens are the same each time: for more than one sequence set Temperature or Beams": generation.New().Returned(2),
		"generation: Speculate is 0, want a draft model and 1 guess and more":                                          generation.New().Speculate(&table{}, 0),
		"generation: beams are not guessed: leave out Beams or Speculate":                                              generation.New().Speculate(&table{}, 2).Beams(2),
		"generation: sequence 0 of Stop is empty":                                                                      generation.New().Stop([]int{}),
		"generation: no token may follow the 1 there are: settings or Adjust forbid all of them":                       generation.New().Adjust(func(_ []int, x []float32) { fill(x, math.Inf(-1)) }),
		"generation: the logit of token 0 is NaN after 1 tokens: the model, or its input, is not finite":               generation.New().Adjust(func(_ []int, x []float32) { fill(x, math.NaN()) }),
	} {
		_, err := g.Generate(t.Context(), &table{}, []int{1})
		assert.EqualError(t, err, want)
	}
	for want, prompts := range map[string][][]int{
		"generation: there is no prompt": {},
		"generation: prompt 1 is empty: give it one token at least, as the model's begin of text": {{1}, {}},
		"generation: prompt 0 has the token -4, want 0 and more":                                  {{-4}},
	} {
		_, err := generation.New().Generate(t.Context(), &table{}, prompts...)
		assert.EqualError(t, err, want)
	}
	_, err := generation.New().Generate(t.Context(), nil, []int{1})
	assert.EqualError(t, err, "generation: the model is nil")
	_, err = generation.New().Speculate(&table{}, 2).Generate(t.Context(), struct{ generation.Model }{&table{}}, []int{1})
	assert.ErrorContains(t, err, "to check guesses the model is to be a Verifier")
	for _, err := range generation.New().Beams(2).Stream(t.Context(), &table{}, []int{1}) {
		assert.EqualError(t, err, "generation: which beam is best is known at the end: use Generate")
	}
}

func fill(x []float32, v float64) {
	for i := range x {
		x[i] = float32(v)
	}
}

// A temperature so low that logits divided by it are infinite takes the likeliest token, as a low one does.
func TestAVeryLowTemperatureTakesTheLikeliest(t *testing.T) {
	want, err := generation.New().MaxTokens(8).Generate(t.Context(), &table{}, []int{3, 5})
	require.NoError(t, err)
	for _, temperature := range []float64{1e-3, 1e-308, math.SmallestNonzeroFloat64} {
		got, err := generation.New().MaxTokens(8).Temperature(temperature).Generate(t.Context(), &table{}, []int{3, 5})
		require.NoError(t, err)
		assert.Equal(t, want[0].Tokens, got[0].Tokens, temperature)
		got, err = generation.New().MaxTokens(8).Temperature(temperature).TopK(5).TopP(0.9).MinP(0.1).Generate(t.Context(), &table{}, []int{3, 5})
		require.NoError(t, err)
		assert.Equal(t, want[0].Tokens, got[0].Tokens, temperature)
	}
}
