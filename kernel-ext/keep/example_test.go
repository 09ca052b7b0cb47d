package keep_test

import (
	"fmt"

	"github.com/quire-ml/quire/kernel-ext/keep"
)

// load takes long, in earnest: it reads files, perhaps, and computes.
func load() ([]float64, error) {
	fmt.Println("loading")
	return []float64{0.5, 1.5, 2}, nil
}

// The second call, in this cell, in a later one, or after a restart, finds what the first one made.
func ExampleOnce() {
	for range 2 {
		train, err := keep.Once("numbers/train", load)
		fmt.Println(train, err)
	}
	// Output:
	// loading
	// [0.5 1.5 2] <nil>
	// [0.5 1.5 2] <nil>
}

// pictures returns pictures and what they show.
func pictures() ([][]float32, []string, error) {
	return [][]float32{{0, 1}, {1, 0}}, []string{"one", "zero"}, nil
}

func ExampleOnce2() {
	x, labels, err := keep.Once2("pictures", pictures)
	fmt.Println(x, labels, err)
	// Output: [[0 1] [1 0]] [one zero] <nil>
}

// A function that uses a variable of the function around it: with another value it is called again.
func ExampleOn() {
	for _, n := range []int{3, 3, 4} {
		sum, err := keep.Once("sum", func() (int, error) {
			fmt.Println("adding", n)
			return n * (n + 1) / 2, nil
		}, keep.On(n))
		fmt.Println(sum, err)
	}
	// Output:
	// adding 3
	// 6 <nil>
	// 6 <nil>
	// keep: "sum" is made again: the values that are given by keep.On are others
	// adding 4
	// 10 <nil>
}

// No source says that the file on the server is another one today: a version does.
func ExampleVersion() {
	fetch := func() (string, error) { return "rows", nil }
	text, err := keep.Once("table", fetch, keep.Version("of November"))
	fmt.Println(text, err)
	// Output: rows <nil>
}

func ExamplePut() {
	if err := keep.Put("best", map[string]float64{"accuracy": 0.98}); err != nil {
		fmt.Println(err)
	}
	best, err := keep.Get[map[string]float64]("best")
	fmt.Println(best, err)
	// Output: map[accuracy:0.98] <nil>
}

func ExampleGet() {
	_, err := keep.Get[int]("nowhere")
	fmt.Println(err)
	// Output: keep.Get "nowhere": nothing is kept under this name: keep.List() says what is (file does not exist)
}

func ExampleList() {
	_ = keep.Put("list/a", []int32{1, 2, 3})
	entries, err := keep.List()
	for _, e := range entries {
		if e.Name == "list/a" {
			fmt.Println(e.Name, e.Type, e.Summary, e.ByHand, err)
		}
	}
	// Output: list/a []int32 3 elements, 12 B true <nil>
}

func ExampleDrop() {
	_ = keep.Put("drop/a", 1)
	fmt.Println(keep.Drop("drop/a"))
	_, err := keep.Get[int]("drop/a")
	fmt.Println(err != nil)
	// Output:
	// <nil>
	// true
}

// What was made by functions that have changed since is listed before it is made again.
func ExampleStale() {
	_, _ = keep.Once("fresh", load)
	stale, err := keep.Stale()
	fmt.Println(stale, err)
	// Output:
	// loading
	// nothing <nil>
}
