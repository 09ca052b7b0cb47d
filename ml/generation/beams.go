package generation

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// beam is the begin of a sequence in a search.
type beam struct {
	tokens []int
	sum    float64 // of logarithms of probabilities
}

// search looks for the sequences whose tokens are likeliest together.
func (g *Generator) search(ctx context.Context, m Model, number int, prompt []int) ([]Sequence, error) {
	power := 1.0
	if g.set&hasLengthPenalty != 0 {
		power = g.lengthPenalty
	}
	score := func(sum float64, length int) float64 { return sum / math.Pow(float64(max(length, 1)), power) }
	var done []Sequence // the best first, no more than there are beams
	add := func(b beam, ended bool) {
		s := Sequence{number, b.tokens, ended, score(b.sum, len(b.tokens))}
		at, _ := slices.BinarySearchFunc(done, s, func(a, b Sequence) int {
			if a.Score >= b.Score { // equal ones stay in order
				return -1
			}
			return 1
		})
		if done = slices.Insert(done, at, s); len(done) > g.beams {
			done = done[:g.beams]
		}
	}
	live := []beam{{}}
	finish := func(err error) ([]Sequence, error) {
		for _, b := range live {
			add(b, false)
		}
		return done[:min(len(done), max(1, g.returned))], err
	}
	if g.limit() == 0 {
		return finish(nil)
	}
	if err := m.Begin(1); err != nil {
		return nil, err
	}
	next := [][]int{prompt}
	for {
		if err := ctx.Err(); err != nil {
			return finish(err)
		}
		logits, err := m.Extend(ctx, next)
		if err != nil {
			return finish(err)
		}
		if len(logits) != len(live) {
			return finish(fmt.Errorf("the model returned logits of %d beams, want %d", len(logits), len(live)))
		}
		type step struct {
			from, token int
			sum         float64
		}
		var steps []step
		for i, b := range live {
			whole := append(slices.Clone(prompt), b.tokens...)
			// Probabilities are those of the model: what changes logits after that changes the sum of the beam.
			plain := make([]float32, len(logits[i]))
			copy(plain, logits[i])
			top := logSumOf(plain)
			for k := range plain {
				plain[k] = float32(float64(plain[k]) - top)
			}
			scores, err := g.scores(whole, len(b.tokens), plain)
			if err != nil {
				return finish(err)
			}
			for token, s := range scores {
				if !math.IsInf(s, -1) {
					steps = append(steps, step{i, token, b.sum + s})
				}
			}
		}
		slices.SortStableFunc(steps, func(a, b step) int {
			switch {
			case a.sum > b.sum:
				return -1
			case a.sum < b.sum:
				return 1
			}
			return 0
		})
		var beams []beam
		var from []int
		next = next[:0]
		best := math.Inf(-1) // of the steps
		for rank, s := range steps {
			if rank == 0 {
				best = s.sum
			}
			tokens := append(slices.Clone(live[s.from].tokens), s.token)
			if b := (beam{tokens, s.sum}); g.ended(tokens) {
				if rank < g.beams { // one that is not among the best would not have been a beam
					add(b, true)
				}
			} else {
				beams, from, next = append(beams, b), append(from, s.from), append(next, []int{s.token})
			}
			if len(beams) == g.beams {
				break
			}
		}
		length := len(live[0].tokens) + 1
		live = beams
		switch {
		case len(live) == 0, length == g.limit():
			return finish(nil)
		case len(done) == g.beams && (g.earlyStopping || done[len(done)-1].Score >= score(best, length)):
			live = nil
			return finish(nil)
		}
		if err := m.Select(from); err != nil {
			return finish(err)
		}
	}
}

func logSumOf(x []float32) float64 {
	wide := make([]float64, len(x))
	for i, v := range x {
		wide[i] = float64(v)
	}
	return logSum(wide)
}
