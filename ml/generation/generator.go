package generation

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
)

// Generator says how sequences are continued. Its settings return it, and may be given in any order; the zero value takes the likeliest token each time. It does not
// change while it generates, so several goroutines may use one, each with a model of its own.
type Generator struct {
	maxTokens, minTokens int
	ends                 []int
	stops                [][]int
	temperature          float64
	topK                 int
	topP, minP           float64
	repetition           float64
	presence, frequency  float64
	noRepeat             int
	seed                 uint64
	beams                int
	lengthPenalty        float64
	earlyStopping        bool
	returned             int
	draft                Verifier
	guesses              int
	adjust               func(sequence []int, logits []float32)
	set                  setting // what was set, where the zero value is a setting too
}

// New returns a Generator that takes the likeliest token each time, 100 at most.
func New() *Generator { return &Generator{} }

// setting is a set of settings.
type setting int

const (
	hasMaxTokens setting = 1 << iota
	hasTemperature
	hasTopK
	hasTopP
	hasMinP
	hasRepetitionPenalty
	hasBeams
	hasLengthPenalty
	hasReturned
	hasSpeculate
)

func (g *Generator) with(s setting) *Generator { g.set |= s; return g }

// MaxTokens sets how many tokens a sequence is continued by at most; 100 if it is not set.
func (g *Generator) MaxTokens(n int) *Generator { g.maxTokens = n; return g.with(hasMaxTokens) }

// MinTokens forbids the ends of EndsWith before n tokens.
func (g *Generator) MinTokens(n int) *Generator { g.minTokens = n; return g }

// EndsWith sets the tokens that end a sequence, as a model's end of text. The token is part of what is returned.
func (g *Generator) EndsWith(tokens ...int) *Generator { g.ends = slices.Clone(tokens); return g }

// Stop ends a sequence when it has been continued by all tokens of one of these, which are part of what is returned.
func (g *Generator) Stop(sequences ...[]int) *Generator { g.stops = slices.Clone(sequences); return g }

// Temperature has tokens drawn, with probabilities softmax(logits/t): below 1 the likely ones are likelier, above 1 the unlikely ones. 0 takes the likeliest.
func (g *Generator) Temperature(t float64) *Generator {
	g.temperature = t
	return g.with(hasTemperature)
}

// TopK limits what is drawn to the k likeliest tokens, and those that are as likely as the last of them. It draws at temperature 1 if none is set.
//
// Source: Fan, Lewis and Dauphin 2018, arXiv:1805.04833.
func (g *Generator) TopK(k int) *Generator { g.topK = k; return g.with(hasTopK) }

// TopP limits what is drawn to the fewest likeliest tokens whose probabilities add up to p and more. It draws at temperature 1 if none is set.
//
// Source: Holtzman et al. 2019, arXiv:1904.09751 (nucleus sampling).
func (g *Generator) TopP(p float64) *Generator { g.topP = p; return g.with(hasTopP) }

// MinP limits what is drawn to tokens that are at least p times as likely as the likeliest. It draws at temperature 1 if none is set.
//
// Source: Nguyen et al. 2024, arXiv:2407.01082.
func (g *Generator) MinP(p float64) *Generator { g.minP = p; return g.with(hasMinP) }

// RepetitionPenalty makes tokens that are in the sequence already, the prompt too, less likely: positive logits are divided by r, negative ones multiplied with it. 1
// changes nothing.
//
// Source: Keskar et al. 2019, arXiv:1909.05858 (CTRL), section 4.1.
func (g *Generator) RepetitionPenalty(r float64) *Generator {
	g.repetition = r
	return g.with(hasRepetitionPenalty)
}

// PresencePenalty subtracts p from the logits of each token that was generated already, and FrequencyPenalty as often as it was.
func (g *Generator) PresencePenalty(p float64) *Generator { g.presence = p; return g }

// FrequencyPenalty subtracts p from the logits of a token for each time that it was generated already.
func (g *Generator) FrequencyPenalty(p float64) *Generator { g.frequency = p; return g }

// NoRepeat forbids tokens that would complete n tokens in a row that are in the sequence already.
func (g *Generator) NoRepeat(n int) *Generator { g.noRepeat = n; return g }

// Adjust has a function change logits before anything else does; it gets the sequence so far with its prompt. -Inf forbids a token, so that grammars can be held.
func (g *Generator) Adjust(f func(sequence []int, logits []float32)) *Generator {
	g.adjust = f
	return g
}

// Seed sets what draws depend on: the same seed, prompt and settings give the same tokens, whatever else is in the batch.
func (g *Generator) Seed(seed uint64) *Generator { g.seed = seed; return g }

// Beams searches for the sequence whose probability is largest, by keeping the n best beginnings at each length; the sum of logarithms is divided by the length
// to the power of LengthPenalty. It takes one prompt after the other.
//
// Source: Graves 2012, arXiv:1211.3711; the ends of the search are those of the library transformers.
func (g *Generator) Beams(n int) *Generator { g.beams = n; return g.with(hasBeams) }

// LengthPenalty sets the power of the length that the logarithms of probabilities of beams are divided by: above 0 long sequences do better than by their probability; 1
// if it is not set.
func (g *Generator) LengthPenalty(p float64) *Generator {
	g.lengthPenalty = p
	return g.with(hasLengthPenalty)
}

// EarlyStopping ends a search as soon as there are as many ended sequences as beams. Without, it goes on until no beam can do better than the worst of these.
func (g *Generator) EarlyStopping(stop bool) *Generator { g.earlyStopping = stop; return g }

// Returned sets how many sequences Generate returns for each prompt: the best of the beams, or as many draws; 1 if it is not set.
func (g *Generator) Returned(n int) *Generator { g.returned = n; return g.with(hasReturned) }

// Speculate has draft, a smaller model of the same vocabulary, guess a number of tokens, which the model, which must be a Verifier, checks in one call. What comes
// out has the distribution of the model alone, and without a temperature its very tokens: only the time changes. It takes one prompt after the other.
//
// Source: Leviathan, Kalman and Matias 2022, arXiv:2211.17192, algorithm 1.
func (g *Generator) Speculate(draft Verifier, guesses int) *Generator {
	g.draft, g.guesses = draft, guesses
	return g.with(hasSpeculate)
}

// draws tells whether tokens are drawn, and at which temperature.
func (g *Generator) draws() (temperature float64, ok bool) {
	if g.set&hasTemperature != 0 {
		return g.temperature, g.temperature > 0
	}
	return 1, g.set&hasTopK != 0 || g.set&hasTopP != 0 || g.set&hasMinP != 0
}

func (g *Generator) limit() int {
	if g.set&hasMaxTokens != 0 {
		return g.maxTokens
	}
	return 100
}

func (g *Generator) check(m Model, prompts [][]int) error {
	if g == nil {
		return errors.New("generation: the Generator is nil: make one by New")
	}
	_, draws := g.draws()
	bad := func(is string, v any, want string) error { // is: as "TopK is %v"
		return fmt.Errorf("generation: "+is+", want %s", v, want)
	}
	switch {
	case m == nil:
		return errors.New("generation: the model is nil")
	case g.limit() < 0:
		return bad("MaxTokens is %v", g.maxTokens, "0 and more")
	case g.minTokens < 0 || g.minTokens > g.limit():
		return bad("MinTokens is %v", g.minTokens, fmt.Sprintf("0 to MaxTokens, which is %d", g.limit()))
	case math.IsNaN(g.temperature) || math.IsInf(g.temperature, 0) || g.temperature < 0:
		return bad("Temperature is %v", g.temperature, "a number, 0 and more")
	case g.set&hasTopK != 0 && g.topK < 1:
		return bad("TopK is %v", g.topK, "1 and more")
	case g.set&hasTopP != 0 && !(g.topP > 0 && g.topP <= 1):
		return bad("TopP is %v", g.topP, "more than 0, and 1 at most")
	case g.set&hasMinP != 0 && !(g.minP >= 0 && g.minP <= 1):
		return bad("MinP is %v", g.minP, "0 to 1")
	case g.set&hasRepetitionPenalty != 0 && !(g.repetition > 0 && !math.IsInf(g.repetition, 0)):
		return bad("RepetitionPenalty is %v", g.repetition, "more than 0")
	case g.noRepeat < 0:
		return bad("NoRepeat is %v", g.noRepeat, "0 and more")
	case g.set&hasBeams != 0 && g.beams < 1:
		return bad("Beams is %v", g.beams, "1 and more")
	case g.set&hasBeams != 0 && draws:
		return errors.New("generation: beams are not drawn: leave out Beams, or Temperature, TopK, TopP and MinP")
	case g.set&hasReturned != 0 && g.returned < 1:
		return bad("Returned is %v", g.returned, "1 and more")
	case g.set&hasBeams != 0 && g.returned > g.beams:
		return bad("Returned is %v", g.returned, fmt.Sprintf("no more than Beams, which is %d", g.beams))
	case g.returned > 1 && !draws && g.set&hasBeams == 0:
		return errors.New("generation: the likeliest tokens are the same each time: for more than one sequence set Temperature or Beams")
	case g.set&hasSpeculate != 0 && (g.draft == nil || g.guesses < 1):
		return bad("Speculate is %v", g.guesses, "a draft model and 1 guess and more")
	case g.set&hasSpeculate != 0 && g.set&hasBeams != 0:
		return errors.New("generation: beams are not guessed: leave out Beams or Speculate")
	case len(prompts) == 0:
		return errors.New("generation: there is no prompt")
	}
	if g.set&hasSpeculate != 0 {
		if _, ok := m.(Verifier); !ok {
			return fmt.Errorf("generation: to check guesses the model is to be a Verifier, which %T is not: give it ExtendAll and Cut", m)
		}
	}
	for i, p := range prompts {
		if len(p) == 0 {
			return fmt.Errorf("generation: prompt %d is empty: give it one token at least, as the model's begin of text", i)
		}
		for _, id := range p {
			if id < 0 {
				return fmt.Errorf("generation: prompt %d has the token %d, want 0 and more", i, id)
			}
		}
	}
	for i, s := range g.stops {
		if len(s) == 0 {
			return fmt.Errorf("generation: sequence %d of Stop is empty", i)
		}
	}
	return nil
}

// Sequence is what a prompt was continued by.
type Sequence struct {
	Prompt int     // number of the prompt
	Tokens []int   // without the prompt, with the end
	Ended  bool    // by a token of EndsWith, or a sequence of Stop; otherwise by MaxTokens
	Score  float64 // sum of the logarithms of its tokens' probabilities before anything but Adjust changed them; of beams what was compared, see Beams
}

// Generate continues prompts, all in one batch unless beams or guesses say otherwise. If ctx ends, it returns what there is so far, and the error of ctx.
func (g *Generator) Generate(ctx context.Context, m Model, prompts ...[]int) ([]Sequence, error) {
	if err := g.check(m, prompts); err != nil {
		return nil, err
	}
	switch {
	case g.set&hasBeams != 0:
		var all []Sequence
		for i, p := range prompts {
			list, err := g.search(ctx, m, i, p)
			all = append(all, list...)
			if err != nil {
				return all, fmt.Errorf("generation: %w", err)
			}
		}
		return all, nil
	case g.set&hasSpeculate != 0:
		var all []Sequence
		for i, p := range prompts {
			for n := range max(1, g.returned) {
				s := Sequence{Prompt: i}
				err := g.guess(ctx, m.(Verifier), p, g.rng(n, p), func(token int, score float64) bool {
					s.Tokens, s.Score = append(s.Tokens, token), s.Score+score
					return true
				})
				s.Ended = g.ended(s.Tokens)
				all = append(all, s)
				if err != nil {
					return all, fmt.Errorf("generation: %w", err)
				}
			}
		}
		return all, nil
	}
	all, err := g.batch(ctx, m, prompts, func(int, int) bool { return true })
	if err != nil {
		return all, fmt.Errorf("generation: %w", err)
	}
	return all, nil
}

// Stream continues one prompt and yields each token as soon as it is there. It ends after the last token, or with an error.
func (g *Generator) Stream(ctx context.Context, m Model, prompt []int) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		err := g.check(m, [][]int{prompt})
		if err == nil && g.set&hasBeams != 0 {
			err = errors.New("generation: which beam is best is known at the end: use Generate")
		}
		if err == nil && g.returned > 1 {
			err = fmt.Errorf("generation: Stream yields one sequence, and Returned is %d: use Generate", g.returned)
		}
		if err != nil {
			yield(0, err)
			return
		}
		stopped := false
		give := func(token int) bool {
			stopped = !yield(token, nil)
			return !stopped
		}
		if g.set&hasSpeculate != 0 {
			err = g.guess(ctx, m.(Verifier), prompt, g.rng(0, prompt), func(token int, _ float64) bool { return give(token) })
		} else {
			_, err = g.batch(ctx, m, [][]int{prompt}, func(_, token int) bool { return give(token) })
		}
		if err != nil && !stopped {
			yield(0, fmt.Errorf("generation: %w", err))
		}
	}
}

// rng returns the random numbers of a prompt's n-th sequence, which depend on its tokens, not on its place among others.
func (g *Generator) rng(n int, prompt []int) *rand.Rand {
	h := uint64(14695981039346656037) // FNV-1a
	for _, id := range prompt {
		h = (h ^ uint64(id)) * 1099511628211
	}
	return rand.New(rand.NewPCG(g.seed, h^uint64(n)*0x9E3779B97F4A7C15))
}

// ended tells whether a sequence that was generated is at its end.
func (g *Generator) ended(tokens []int) bool {
	if len(tokens) == 0 {
		return false
	}
	if slices.Contains(g.ends, tokens[len(tokens)-1]) {
		return true
	}
	for _, s := range g.stops {
		if len(tokens) >= len(s) && slices.Equal(tokens[len(tokens)-len(s):], s) {
			return true
		}
	}
	return false
}

// batch continues prompts side by side. A sequence that has ended leaves the batch.
func (g *Generator) batch(ctx context.Context, m Model, prompts [][]int, give func(sequence, token int) bool) (all []Sequence, err error) {
	type running struct {
		whole []int
		at    int // of all
		rng   *rand.Rand
	}
	var live []running
	var next [][]int
	for i, p := range prompts {
		for n := range max(1, g.returned) {
			live = append(live, running{slices.Clone(p), len(all), g.rng(n, p)})
			all, next = append(all, Sequence{Prompt: i}), append(next, p)
		}
	}
	if g.limit() == 0 {
		return all, nil
	}
	if err := m.Begin(len(live)); err != nil {
		return all, err
	}
	for {
		if err := ctx.Err(); err != nil {
			return all, err
		}
		logits, err := m.Extend(ctx, next)
		if err != nil {
			return all, err
		}
		if len(logits) != len(live) {
			return all, fmt.Errorf("the model returned logits of %d sequences, want %d", len(logits), len(live))
		}
		next = next[:0]
		var kept []int
		var still []running
		for i := range live {
			r := &live[i]
			s := &all[r.at]
			token, score, err := g.choose(r.whole, len(s.Tokens), logits[i], r.rng)
			if err != nil {
				return all, err
			}
			s.Tokens, s.Score, r.whole = append(s.Tokens, token), s.Score+score, append(r.whole, token)
			if !give(r.at, token) {
				return all, nil
			}
			if s.Ended = g.ended(s.Tokens); !s.Ended && len(s.Tokens) < g.limit() {
				kept, still, next = append(kept, i), append(still, *r), append(next, []int{token})
			}
		}
		if len(still) == 0 {
			return all, nil
		}
		if len(still) < len(live) {
			if err := m.Select(kept); err != nil {
				return all, err
			}
		}
		live = still
	}
}
