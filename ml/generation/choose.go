package generation

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// scores returns the logits after all that changes them but temperature and limits; whole is the sequence with its prompt, of which count tokens were generated.
func (g *Generator) scores(whole []int, count int, logits []float32) ([]float64, error) {
	if len(logits) == 0 {
		return nil, errors.New("the model returned no logits: its vocabulary is empty")
	}
	if g.adjust != nil {
		logits = slices.Clone(logits)
		g.adjust(slices.Clone(whole), logits)
	}
	out := make([]float64, len(logits))
	for i, x := range logits {
		if x != x || math.IsInf(float64(x), 1) {
			return nil, fmt.Errorf("the logit of token %d is %v after %d tokens: the model, or its input, is not finite", i, x, len(whole))
		}
		out[i] = float64(x)
	}
	inside := func(id int) bool { return id >= 0 && id < len(out) }
	if r := g.repetition; g.set&hasRepetitionPenalty != 0 && r != 1 {
		seen := map[int]bool{}
		for _, id := range whole {
			if !inside(id) || seen[id] {
				continue
			}
			if seen[id] = true; out[id] < 0 {
				out[id] *= r
			} else {
				out[id] /= r
			}
		}
	}
	if g.presence != 0 || g.frequency != 0 {
		times := map[int]int{}
		for _, id := range whole[len(whole)-count:] {
			times[id]++
		}
		for id, n := range times {
			if inside(id) {
				out[id] -= g.presence + g.frequency*float64(n)
			}
		}
	}
	if n := g.noRepeat; n > 0 && len(whole) >= n {
		tail := whole[len(whole)-n+1:]
		for i := 0; i+n <= len(whole); i++ {
			if slices.Equal(whole[i:i+n-1], tail) && inside(whole[i+n-1]) {
				out[whole[i+n-1]] = math.Inf(-1)
			}
		}
	}
	if count < g.minTokens {
		for _, id := range g.ends {
			if inside(id) {
				out[id] = math.Inf(-1)
			}
		}
	}
	if slices.Max(out) == math.Inf(-1) {
		return nil, fmt.Errorf("no token may follow the %d there are: settings or Adjust forbid all of them", len(whole))
	}
	return out, nil
}

// choose returns the next token, and the logarithm of its probability by the model.
func (g *Generator) choose(whole []int, count int, logits []float32, rng *rand.Rand) (token int, score float64, err error) {
	scores, err := g.scores(whole, count, logits)
	if err != nil {
		return 0, 0, err
	}
	if p := g.distribution(scores); p != nil {
		token = draw(p, rng)
	} else {
		token = most(scores)
	}
	plain := make([]float64, len(logits))
	for i, x := range logits {
		plain[i] = float64(x)
	}
	return token, plain[token] - logSum(plain), nil
}

// most returns the place of the largest, the first of equal ones.
func most(x []float64) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

func logSum(x []float64) float64 {
	top := slices.Max(x)
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(v - top)
	}
	return top + math.Log(sum)
}

// distribution returns the probabilities by which tokens are drawn; nil if the likeliest one is taken.
func (g *Generator) distribution(scores []float64) []float64 {
	t, ok := g.draws()
	if !ok {
		return nil
	}
	p, top := make([]float64, len(scores)), slices.Max(scores)
	for i, s := range scores {
		p[i] = (s - top) / t // 0 and less, so that a low temperature makes no infinities
	}
	if g.set&hasTopK != 0 && g.topK < len(p) {
		sorted := slices.Clone(p)
		slices.Sort(sorted)
		least := sorted[len(sorted)-g.topK]
		for i, s := range p {
			if s < least {
				p[i] = math.Inf(-1)
			}
		}
	}
	normalize := func() {
		sum := logSum(p)
		for i, s := range p {
			p[i] = math.Exp(s - sum)
		}
	}
	logs := slices.Clone(p)
	normalize()
	if g.set&hasTopP != 0 && g.topP < 1 {
		order := make([]int, len(p))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { // the unlikeliest first
			switch {
			case p[a] < p[b]:
				return -1
			case p[a] > p[b]:
				return 1
			}
			return 0
		})
		below := 0.0
		for _, i := range order[:len(order)-1] { // one stays
			if below += p[i]; below <= 1-g.topP {
				logs[i] = math.Inf(-1)
			}
		}
		p = slices.Clone(logs)
		normalize()
	}
	if g.set&hasMinP != 0 {
		least := g.minP * slices.Max(p)
		for i, x := range p {
			if x < least {
				logs[i] = math.Inf(-1)
			}
		}
		p = slices.Clone(logs)
		normalize()
	}
	return p
}

// draw returns a place by probabilities.
func draw(p []float64, rng *rand.Rand) int {
	u := rng.Float64()
	last := 0
	for i, x := range p {
		if x > 0 {
			if u < x {
				return i
			}
			u -= x
			last = i
		}
	}
	return last // what rounding left over
}
