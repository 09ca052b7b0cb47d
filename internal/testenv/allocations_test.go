package testenv

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// told is a test that takes note of errors.
type told struct {
	testing.TB
	errors int
}

func (t *told) Helper()               {}
func (t *told) Errorf(string, ...any) { t.errors++ }

var kept []byte // so that it is allocated

// TestAllocationsOfOthersDoNotCount: those that end after a while are of somebody else, those that stay are the function's.
func TestAllocationsOfOthersDoNotCount(t *testing.T) {
	if raceDetector {
		t.Skip("under the race detector nothing is counted")
	}
	for _, c := range []struct {
		name        string
		each, first int // allocations of each call; in how many of the first ones there is one more
		errors      int
	}{
		{"as many as are allowed", 2, 0, 0},
		{"more in the first count", 2, 25, 0},
		{"one more than are allowed", 3, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			calls, test := 0, &told{TB: t}
			AllocatesAtMost(test, 2, func() {
				n := c.each
				if calls++; calls <= c.first {
					n++
				}
				for range n {
					kept = make([]byte, 100)
				}
			})
			assert.Equal(t, c.errors, test.errors)
		})
	}
}
