package sizes_test

import (
	"fmt"

	"github.com/quire-ml/quire/graph/sizes"
)

func Example() {
	d := sizes.MustDeclare([]string{"batch, 28*28", "batch, seq+1"}, "batch % 8 == 0", "seq >= 2")
	fmt.Println(d)
	fmt.Println(d.Solve([]int{16, 784}, []int{16, 6}))
	_, err := d.Solve([]int{16, 784}, []int{32, 6})
	fmt.Println(err)
	// Output:
	// [batch, 784], [batch, seq+1] where batch % 8 == 0, seq >= 2
	// batch=16 seq=5 <nil>
	// input 1 is [32 6], declared [batch, seq+1], which is [16 6] where batch=16 seq=5: axis 0 is 32, not 16
}

func ExampleParse() {
	for _, text := range []string{"2*(batch+1)", "(b+1)*(b-1)", "(4*b+2)//4"} {
		fmt.Println(sizes.Parse(text))
	}
	// Output:
	// 2*batch+2 <nil>
	// b^2-1 <nil>
	// b <nil>
}

func ExampleDeclare() {
	_, err := sizes.Declare([]string{"b*t"})
	fmt.Println(err)
	// Output:
	// nothing tells the size b in [b*t]: an axis must have it outside of functions, beside sizes that other axes tell
}

func ExampleParseShape() {
	s, _ := sizes.ParseShape("2*batch, seq+1")
	fmt.Println(s.At(sizes.Values{"batch": 3, "seq": 7}))
	// Output:
	// [6 8] <nil>
}

func ExampleParseConstraint() {
	c, _ := sizes.ParseConstraint("batch % 8 == 0")
	fmt.Println(c.Holds(sizes.Values{"batch": 12}))
	// Output:
	// false <nil>
}
