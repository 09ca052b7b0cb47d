package metrics

import (
	"fmt"
	"math"
	"strings"
)

// BLEU measures how near texts are to those that people wrote, by the sequences of 1 to 4 words that they share. Candidates and references are texts in words; of
// each candidate there may be several references. Over the whole corpus, with p_n the part of the sequences of n words that are in a reference, each counted as
// often as there at most,
//
//	BLEU = min(1, exp(1 - r/c)) · (p₁ · p₂ · p₃ · p₄)^(1/4)
//
// where c is the number of the candidates' words and r that of the references that are nearest in length. It is from 0 to 1, and 0 where one of p_n is. It returns
// an error if there is nothing to measure, or if a candidate has no reference.
//
// Source: Papineni et al., "BLEU: a Method for Automatic Evaluation of Machine Translation", 2002, section 2.
func BLEU(candidates [][]string, references [][][]string) (float64, error) {
	const longest = 4
	switch {
	case len(candidates) == 0:
		return 0, fmt.Errorf("metrics.BLEU: there are no candidates")
	case len(candidates) != len(references):
		return 0, fmt.Errorf("metrics.BLEU: got %d candidates and the references of %d: want references for each", len(candidates), len(references))
	}
	var shared, all [longest]int
	c, r := 0, 0
	for i, candidate := range candidates {
		if len(references[i]) == 0 {
			return 0, fmt.Errorf("metrics.BLEU: candidate %d has no reference", i)
		}
		nearest := len(references[i][0])
		for _, ref := range references[i] {
			d, best := abs(len(ref)-len(candidate)), abs(nearest-len(candidate))
			if d < best || d == best && len(ref) < nearest {
				nearest = len(ref)
			}
		}
		c, r = c+len(candidate), r+nearest
		for n := range longest {
			most := map[string]int{}
			for _, ref := range references[i] {
				for s, count := range sequences(ref, n+1) {
					most[s] = max(most[s], count)
				}
			}
			for s, count := range sequences(candidate, n+1) {
				shared[n] += min(count, most[s])
				all[n] += count
			}
		}
	}
	sum := 0.0
	for n := range longest {
		if shared[n] == 0 {
			return 0, nil
		}
		sum += math.Log(float64(shared[n]) / float64(all[n]))
	}
	return math.Min(1, math.Exp(1-float64(r)/float64(c))) * math.Exp(sum/longest), nil
}

// sequences counts the sequences of n words.
func sequences(words []string, n int) map[string]int {
	out := map[string]int{}
	for i := 0; i+n <= len(words); i++ {
		out[strings.Join(words[i:i+n], "\x00")]++
	}
	return out
}

func abs(x int) int { return max(x, -x) }
