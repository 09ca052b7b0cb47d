package kernels

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func shuffled(n int) []entry {
	list := make([]entry, n)
	for i, k := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
		list[i] = entry{uint64(k), i}
	}
	return list
}

// A sort of one lane, which may be all that a call does, ends when the call does.
func TestASortEndsEarly(t *testing.T) {
	const n = 1 << 20
	whole, few := 0, 0
	list := shuffled(n)
	sortEntries(list, func() bool { whole++; return false })
	if !slices.IsSortedFunc(list, compareEntries) {
		t.Error("the list is not in order")
	}
	for _, after := range []int{1, 3} { // while the whole is divided, and in a part
		list, few = shuffled(n), 0
		sortEntries(list, func() bool { few++; return few >= after })
		if few > whole/5 {
			t.Errorf("it looked %d times whether to end, was told to the time before number %d, and a whole sort does %d times", few, after+1, whole)
		}
	}
}
