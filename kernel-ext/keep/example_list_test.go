package keep_test

import (
	"fmt"

	"github.com/quire-ml/quire/kernel-ext/keep"
)

// edited knows a program in which the function that made a value is another one now.
type edited struct{}

func (edited) Parts(function, value string) (parts map[string]string, ok bool) {
	return map[string]string{"func rows": "a hash of its source"}, value == "edited/rows"
}

func rows() (int, error) { return 3, nil }

// A kernel looks at what the functions of the cells would make again; it is another program than they are.
func ExampleListIn() {
	if _, err := keep.Once("edited/rows", rows); err != nil {
		fmt.Println(err)
	}
	list, err := keep.ListIn(edited{})
	for _, e := range list {
		if e.Name == "edited/rows" {
			fmt.Println(e.Name, e.Stale != "", err)
		}
	}
	// Output: edited/rows true <nil>
}
