package data

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
)

// Sampler chooses, for each pass, which examples come and in which order: for [ByIndex]. What it chooses depends on the pass, and on
// its seed, on nothing else. Settings that make no sense come as the error of the iteration.
type Sampler struct {
	label string
	n     int // examples of a pass
	of    int // among which they are chosen
	order func(epoch int64) []int
	err   error
}

// Len returns the number of examples of a pass, 0 if the sampler's settings make no sense.
func (s *Sampler) Len() int { return s.n }

// Order returns the numbers of the examples of a pass; nil if the sampler's settings make no sense. The slice is the caller's.
func (s *Sampler) Order(epoch int64) []int {
	if s.err != nil || s.order == nil {
		return nil
	}
	return s.order(epoch)
}

// String names the sampler.
func (s *Sampler) String() string {
	if s.err != nil {
		return s.err.Error()
	}
	return fmt.Sprintf("%s: %d of %d examples", s.label, s.n, s.of)
}

func sampler(label string, n, of int, order func(epoch int64) []int) *Sampler {
	s := &Sampler{label: label, n: n, of: of, order: order}
	switch {
	case of < 1 || of > maxExamples:
		s.err = fmt.Errorf("data.%s: %d examples: want 1 to %d", label, of, maxExamples)
	case n < 1 || n > maxExamples:
		s.err = fmt.Errorf("data.%s: %d examples of a pass: want 1 to %d", label, n, maxExamples)
	}
	if s.err != nil {
		s.n, s.of = 0, 0
	}
	return s
}

// Sequential gives n examples in their order, in all passes.
func Sequential(n int) *Sampler {
	return sampler("Sequential", n, n, func(int64) []int {
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		return order
	})
}

// Permuted gives each of n examples once in a pass, in the order of [Permutation]: as [InMemoryDataset.Shuffle] does.
func Permuted(n int, seed uint64) *Sampler {
	return sampler("Permuted", n, n, func(epoch int64) []int { return Permutation(seed, epoch, n) })
}

// WithReplacement draws from n examples, all of them equally likely each time, so many that a pass has the given number. Draw i of a
// pass is ⌊u·n/2⁶⁴⌋, where u is number i of Rand(seed, epoch).
func WithReplacement(n, draws int, seed uint64) *Sampler {
	return sampler("WithReplacement", draws, n, func(epoch int64) []int {
		s, order := source(seed, epoch), make([]int, draws)
		for i := range order {
			order[i] = below(s, n)
		}
		return order
	})
}

// Weighted draws examples with replacement, example i with probability weights[i] / Σ weights, so many that a pass has the given number.
// The weights are 0 or more, and not all 0.
func Weighted(weights []float64, draws int, seed uint64) *Sampler {
	n := len(weights)
	sums, sum, last := make([]float64, n), 0.0, 0
	for i, w := range weights {
		if !(w >= 0) || math.IsInf(w, 1) {
			return &Sampler{label: "Weighted", err: fmt.Errorf("data.Weighted: weight %d is %v: want a number that is 0 or more", i, w)}
		}
		if sum += w; w > 0 {
			last = i
		}
		sums[i] = sum
	}
	if n > 0 && (sum == 0 || math.IsInf(sum, 1)) {
		return &Sampler{label: "Weighted", err: fmt.Errorf("data.Weighted: the sum of the weights is %v: want a number above 0", sum)}
	}
	return sampler("Weighted", draws, n, func(epoch int64) []int {
		r, order := Rand(seed, epoch), make([]int, draws)
		for i := range order {
			u := r.Float64() * sum
			order[i] = sort.Search(last, func(k int) bool { return sums[k] > u }) // the last one that has a weight if rounding went beyond it
		}
		return order
	})
}

// Balanced draws examples with replacement so that all classes are equally likely, however many examples they have: each time a class,
// and then one of its examples. classes has the class of each example, see [InMemoryDataset.Classes].
func Balanced(classes []int, draws int, seed uint64) *Sampler {
	groups := byClass(classes)
	return sampler("Balanced", draws, len(classes), func(epoch int64) []int {
		s, order := source(seed, epoch), make([]int, draws)
		for i := range order {
			members := groups[below(s, len(groups))]
			order[i] = members[below(s, len(members))]
		}
		return order
	})
}

// byClass returns the examples of each class, in the order of the classes.
func byClass(classes []int) (groups [][]int) {
	var names []int
	members := map[int][]int{}
	for i, c := range classes {
		if members[c] == nil {
			names = append(names, c)
		}
		members[c] = append(members[c], i)
	}
	slices.Sort(names)
	for _, c := range names {
		groups = append(groups, members[c])
	}
	return groups
}

// Fold is a division of examples, by number, into those to train on and those to test on; both ascend, but for those of [Bootstrap].
type Fold struct {
	Train, Test []int
}

// outside is the complement of test among n examples.
func outside(test []int, n int) Fold {
	slices.Sort(test)
	in := make([]bool, n)
	for _, i := range test {
		in[i] = true
	}
	train := make([]int, 0, n-len(test))
	for i := range n {
		if !in[i] {
			train = append(train, i)
		}
	}
	return Fold{Train: train, Test: test}
}

// TrainTest divides n examples at random: the given fraction of them, rounded to the nearest number, is to test on. It returns an error
// unless each part gets at least one example.
func TrainTest(n int, test float64, seed uint64) (Fold, error) {
	k, err := portion("TrainTest", n, test)
	if err != nil {
		return Fold{}, err
	}
	return outside(Permutation(seed, -1, n)[:k], n), nil
}

// portion returns how many of n examples a fraction is.
func portion(what string, n int, fraction float64) (int, error) {
	if n < 2 || n > maxExamples {
		return 0, fmt.Errorf("data.%s: %d examples: want 2 to %d", what, n, maxExamples)
	}
	if !(fraction > 0 && fraction < 1) {
		return 0, fmt.Errorf("data.%s: a fraction of %g: want one between 0 and 1", what, fraction)
	}
	k := math.Round(fraction * float64(n))
	if k < 1 || k > float64(n-1) {
		return 0, fmt.Errorf("data.%s: a fraction of %g of %d examples, which is %g, leaves a part empty: take one that is nearer to a half, or more examples",
			what, fraction, n, k)
	}
	return int(k), nil
}

// StratifiedTrainTest is [TrainTest] that gives both parts the classes in the proportions of the whole: of a class with m examples ⌊m·test⌋
// are to test on, and one more in those classes where the most was cut off, until the number is that of TrainTest. classes has the class
// of each example, see [InMemoryDataset.Classes].
func StratifiedTrainTest(classes []int, test float64, seed uint64) (Fold, error) {
	k, err := portion("StratifiedTrainTest", len(classes), test)
	if err != nil {
		return Fold{}, err
	}
	groups := byClass(classes)
	take, cut, order := make([]int, len(groups)), make([]float64, len(groups)), make([]int, len(groups))
	rest := k
	for c, members := range groups {
		share := test * float64(len(members))
		take[c] = int(share)
		cut[c] = share - math.Floor(share)
		order[c] = c
		rest -= take[c]
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case cut[a] > cut[b]:
			return -1
		case cut[a] < cut[b]:
			return 1
		}
		return 0
	})
	for _, c := range order {
		if rest > 0 && take[c] < len(groups[c]) {
			take[c]++
			rest--
		}
	}
	var chosen []int
	for c, members := range groups {
		for _, i := range permuted(seed, c, len(members))[:take[c]] {
			chosen = append(chosen, members[i])
		}
	}
	return outside(chosen, len(classes)), nil
}

// permuted returns the numbers 0 to n-1 in an order that class c has in splits.
func permuted(seed uint64, c, n int) []int { return shuffledBy(source(seed, -1, int64(c)), n) }

// KFold divides n examples at random into k parts, whose sizes differ by one at most, and returns k folds, each of which tests on
// another part and trains on the others. It returns an error unless k is 2 to n.
func KFold(n, k int, seed uint64) ([]Fold, error) {
	if err := folds("KFold", n, k); err != nil {
		return nil, err
	}
	return deal(Permutation(seed, -1, n), k), nil
}

func folds(what string, n, k int) error {
	if n > maxExamples || k < 2 || k > n {
		return fmt.Errorf("data.%s: %d folds of %d examples: want 2 folds or more, and an example for each", what, k, n)
	}
	return nil
}

// deal gives the examples in their order to k folds in turn.
func deal(order []int, k int) []Fold {
	out := make([]Fold, k)
	for j := range out {
		var test []int
		for i := j; i < len(order); i += k {
			test = append(test, order[i])
		}
		out[j] = outside(test, len(order))
	}
	return out
}

// StratifiedKFold is [KFold] whose parts have the classes in the proportions of the whole: the numbers of a class's examples in two parts
// differ by one at most, and so do the sizes of the parts. classes has the class of each example, see [InMemoryDataset.Classes].
func StratifiedKFold(classes []int, k int, seed uint64) ([]Fold, error) {
	if err := folds("StratifiedKFold", len(classes), k); err != nil {
		return nil, err
	}
	groups := byClass(classes)
	order := make([]int, 0, len(classes))
	for c, members := range groups { // dealt one class after the other, going on where the one before ended
		for _, i := range permuted(seed, c, len(members)) {
			order = append(order, members[i])
		}
	}
	return deal(order, k), nil
}

// Bootstrap draws n of n examples with replacement to train on, as [WithReplacement] does in pass -1; those that were not drawn, about
// 37 %, are to test on. It returns an error unless there are 2 examples or more.
//
// Source: Efron, "Bootstrap methods: another look at the jackknife", 1979.
func Bootstrap(n int, seed uint64) (Fold, error) {
	if n < 2 || n > maxExamples {
		return Fold{}, fmt.Errorf("data.Bootstrap: %d examples: want 2 to %d", n, maxExamples)
	}
	train := WithReplacement(n, n, seed).Order(-1)
	f := outside(slices.Compact(slices.Sorted(slices.Values(train))), n)
	if len(f.Train) == 0 {
		return Fold{}, errors.New("data.Bootstrap: all examples were drawn, none is left to test on: take another seed, or more examples")
	}
	return Fold{Train: train, Test: f.Train}, nil
}
