package carry

import (
	"fmt"

	"github.com/quire-ml/quire/internal/showing"
)

// Show shows the value of a cell's last expression: as package viz does if the cell links it, otherwise as text. Of a nil that has no
// type, such as an error that did not happen, there is nothing to show. Of a call that returns several values it shows each, but for a
// nil at their end; an error at their end it shows alone, since what comes with it is no result.
func Show(values ...any) {
	if n := len(values); n > 1 {
		switch err := values[n-1].(type) {
		case nil:
			values = values[:n-1]
		case error:
			values = []any{err}
		}
	}
	switch {
	case len(values) == 1 && values[0] == nil:
	case showing.By != nil:
		for _, v := range values {
			showing.By(v)
		}
	default:
		fmt.Println(values...)
	}
}
