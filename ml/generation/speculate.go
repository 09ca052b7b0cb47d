package generation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
)

// guess continues a prompt by what the draft guesses and the model agrees to.
func (g *Generator) guess(ctx context.Context, m Verifier, prompt []int, rng *rand.Rand, give func(token int, score float64) bool) error {
	if g.limit() == 0 {
		return nil
	}
	draft := g.draft
	if err := m.Begin(1); err != nil {
		return err
	}
	if err := draft.Begin(1); err != nil {
		return fmt.Errorf("the draft: %w", err)
	}
	whole, made := slices.Clone(prompt), 0
	inModel, inDraft := 0, 0 // how many tokens of whole each of them has
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		// What the draft would say, and the distributions that it says it by.
		guessed := slices.Clone(whole)
		var by [][]float64
		for range min(g.guesses, g.limit()-made-1) {
			logits, err := draft.Extend(ctx, [][]int{guessed[inDraft:]})
			if err != nil {
				return fmt.Errorf("the draft: %w", err)
			}
			inDraft = len(guessed)
			scores, err := g.scores(guessed, len(guessed)-len(prompt), logits[0])
			if err != nil {
				return fmt.Errorf("the draft: %w", err)
			}
			p := g.distribution(scores)
			by = append(by, p)
			if p == nil {
				guessed = append(guessed, most(scores))
			} else {
				guessed = append(guessed, draw(p, rng))
			}
			if g.ended(guessed[len(prompt):]) {
				break
			}
		}
		// Logits are wanted after the last token that is certain, and after each guess.
		certain := len(guessed) - len(by) - 1
		if certain > inModel {
			if _, err := m.Extend(ctx, [][]int{guessed[inModel:certain]}); err != nil {
				return err
			}
		}
		rows, err := m.ExtendAll(ctx, guessed[certain:])
		if err != nil {
			return err
		}
		if len(rows) != len(by)+1 {
			return fmt.Errorf("the model returned logits after %d tokens, want %d", len(rows), len(by)+1)
		}
		inModel = len(guessed)
		for i := 0; ; i++ {
			scores, err := g.scores(whole, made, rows[i])
			if err != nil {
				return err
			}
			p := g.distribution(scores)
			token, accepted := 0, false
			switch {
			case i < len(by) && p == nil:
				token = most(scores)
				accepted = token == guessed[len(whole)]
			case i < len(by) && len(by[i]) != len(p):
				return fmt.Errorf("the draft has a vocabulary of %d tokens, the model one of %d: they are to be the same", len(by[i]), len(p))
			case i < len(by):
				token = guessed[len(whole)]
				if accepted = rng.Float64()*by[i][token] < p[token]; !accepted { // draw from what the draft has too little of
					rest, sum := make([]float64, len(p)), 0.0
					for k := range p {
						rest[k] = max(0, p[k]-by[i][k])
						sum += rest[k]
					}
					if sum == 0 { // equal but for rounding
						rest, sum = p, 1
					}
					for k := range rest {
						rest[k] /= sum
					}
					token = draw(rest, rng)
				}
			case p == nil:
				token = most(scores)
			default:
				token = draw(p, rng)
			}
			whole, made = append(whole, token), made+1
			plain := make([]float64, len(rows[i]))
			for k, x := range rows[i] {
				plain[k] = float64(x)
			}
			if !give(token, plain[token]-logSum(plain)) || g.ended(whole[len(prompt):]) || made == g.limit() {
				return nil
			}
			if !accepted {
				break
			}
		}
		// Both forget guesses that were wrong. The last token neither has seen.
		keep := len(whole) - 1
		if inModel > keep {
			inModel = keep
			if err := m.Cut(keep); err != nil {
				return err
			}
		}
		if inDraft > keep {
			inDraft = keep
			if err := draft.Cut(keep); err != nil {
				return fmt.Errorf("the draft: %w", err)
			}
		}
	}
}
