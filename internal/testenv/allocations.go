package testenv

import "testing"

// rounds is how often calls are counted at most. What other goroutines allocate meanwhile counts too, as does what a collection has taken
// from pools: both only add, so the least of several counts says what the calls allocate themselves.
const rounds = 5

// AllocatesAtMost asserts that a call of f allocates no more than most pieces of memory, in the mean of some calls. The race
// detector lets pools forget things at random, so under it f is called only.
func AllocatesAtMost(t testing.TB, most float64, f func()) {
	t.Helper()
	f() // what only the first call makes
	n := testing.AllocsPerRun(20, f)
	for i := 1; n > most && i < rounds && !raceDetector; i++ {
		n = min(n, testing.AllocsPerRun(20, f))
	}
	if n > most && !raceDetector {
		t.Errorf("%v allocations a call, more than %v", n, most)
	}
}

// Allocations returns how many pieces of memory a call of f allocates, after one that made what is made once. Under the race
// detector it skips the test, as such a number means nothing there.
func Allocations(t testing.TB, f func()) float64 {
	t.Helper()
	if raceDetector {
		t.Skip("the race detector lets pools forget things at random: allocations cannot be counted")
	}
	return testing.AllocsPerRun(1, f)
}
