package carry_test

import (
	"math"
	"strconv"

	"github.com/quire-ml/quire/internal/showing"
	"github.com/quire-ml/quire/kernel-ext/carry"
)

func ExampleShow() {
	carry.Show([]int{1, 2})
	carry.Show(strconv.Atoi("3"))
	carry.Show(strconv.Atoi("three"))
	carry.Show(math.Modf(2.5))
	carry.Show(make([]float64, 1000)[990:])
	carry.Show([1001]int{1, 2, 3, 4, 1000: 5})
	showing.By = func(any) {}
	defer func() { showing.By = nil }()
	carry.Show(3) // to who draws
	var err error
	carry.Show(err) // nothing
	// Output:
	// [1 2]
	// 3
	// strconv.Atoi: parsing "three": invalid syntax
	// 2 0.5
	// [0 0 0 0 0 0 0 0 0 0]
	// [1 2 3 … 0 0 5] (1001 values)
}
