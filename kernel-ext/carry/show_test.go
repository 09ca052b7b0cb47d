package carry_test

import (
	"github.com/quire-ml/quire/internal/showing"
	"github.com/quire-ml/quire/kernel-ext/carry"
)

func ExampleShow() {
	carry.Show([]int{1, 2})
	showing.By = func(any) {}
	defer func() { showing.By = nil }()
	carry.Show(3) // to who draws
	var err error
	carry.Show(err) // nothing
	// Output:
	// [1 2]
}
