// Package ordered goes over maps in the order of their keys: what is done for one key after the other, and the error that ends
// it, must not depend on chance.
package ordered

import (
	"cmp"
	"iter"
	"maps"
	"slices"
)

// All iterates over m in the order of its keys.
func All[K cmp.Ordered, V any](m map[K]V) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}
