package rows

import (
	"fmt"
	"math/bits"
	"slices"
)

// Buckets returns to how many rows n are padded. It gives at least n, and more for more.
type Buckets func(n int) int

// PowersOfTwo pads to the next power of two: at most half of what is computed is padding, and there are 20 programs for up to a million
// rows.
func PowersOfTwo(n int) int {
	if n <= 1 {
		return 1
	}
	return 1 << bits.Len(uint(n-1))
}

// MultiplesOf pads to the next multiple of k, at least 1.
func MultiplesOf(k int) Buckets {
	k = max(k, 1)
	return func(n int) int { return max(n+k-1, k) / k * k }
}

// Sizes pads to the smallest of the sizes that is large enough, and beyond the largest to a multiple of it. It is an error if there are
// none, or one is below 1.
func Sizes(sizes ...int) (Buckets, error) {
	list := slices.Sorted(slices.Values(sizes))
	if len(list) == 0 || list[0] < 1 {
		return nil, fmt.Errorf("rows.Sizes: %v: want sizes from 1 on", sizes)
	}
	more := MultiplesOf(list[len(list)-1])
	return func(n int) int {
		if i, _ := slices.BinarySearch(list, n); i < len(list) {
			return list[i]
		}
		return more(n)
	}, nil
}
