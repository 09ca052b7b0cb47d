package kernels

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAxisPlaces(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, dims := range [][]int{{}, {1}, {5}, {2, 3}, {3, 1, 4}, {0, 3}, {20011}, {3, 20011}, {2, 70000}, {5, 7, 3000}, {300, 400, 2}, {1 << 16}, {4, 1 << 15, 3}} {
		strides := make([]int, len(dims))
		for i := range strides {
			strides[i] = rng.IntN(1000) - 200
		}
		a := NewAxis(dims, strides)
		n := 1
		for _, d := range dims {
			n *= d
		}
		if a.N != n || len(a.table) > tableLimit {
			t.Fatalf("%v: %d elements, table of %d", dims, a.N, len(a.table))
		}
		for i := range min(n, 200000) {
			want, rest := 0, i
			for k := len(dims) - 1; k >= 0; k-- {
				want += rest % dims[k] * strides[k]
				rest /= dims[k]
			}
			if a.at(i) != want {
				t.Fatalf("%v with strides %v: element %d is at %d, want %d", dims, strides, i, a.at(i), want)
			}
		}
	}
}

func TestContiguousAxes(t *testing.T) {
	for _, c := range []struct {
		dims, strides []int
		want          bool
	}{
		{[]int{5}, []int{1}, true}, {[]int{5}, []int{2}, false}, {[]int{2, 3}, []int{3, 1}, true}, {[]int{2, 3}, []int{4, 1}, false},
		{[]int{100003}, []int{1}, true}, {[]int{100003}, []int{2}, false}, {[]int{3, 50000}, []int{50000, 1}, true}, {[]int{3, 50000}, []int{50001, 1}, false},
		{nil, nil, true}, {[]int{0}, []int{1}, false},
	} {
		a := NewAxis(c.dims, c.strides)
		assert.Equal(t, c.want, a.contiguous(), "%v with strides %v", c.dims, c.strides)
	}
}
