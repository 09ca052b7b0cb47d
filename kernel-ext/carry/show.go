package carry

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/quire-ml/quire/internal/showing"
)

// Show shows the value of a cell's last expression: as package viz does if the cell links it, otherwise as text. Of a nil that has no
// type, such as an error that did not happen, there is nothing to show, and of a list of more than a thousand values only the ends. Of a call that returns several values it shows each, but for a
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
		short := make([]any, len(values))
		for i, v := range values {
			short[i] = shortened(v)
		}
		fmt.Println(short...)
	}
}

// NumPy's numbers: a list of more values is shown by so many at its beginning and its end.
const (
	manyValues = 1000
	endValues  = 3
)

// shortened returns v, or a text of the ends of a long list.
func shortened(v any) any {
	switch v.(type) {
	case fmt.Stringer, error, fmt.Formatter:
		return v
	}
	list := reflect.ValueOf(v)
	if k := list.Kind(); k != reflect.Slice && k != reflect.Array || list.Len() <= manyValues {
		return v
	}
	n := list.Len()
	var b strings.Builder
	for i := range endValues {
		fmt.Fprintf(&b, "%v ", list.Index(i))
	}
	b.WriteString("…")
	for i := n - endValues; i < n; i++ {
		fmt.Fprintf(&b, " %v", list.Index(i))
	}
	return fmt.Sprintf("[%s] (%d values)", &b, n)
}
