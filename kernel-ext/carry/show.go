package carry

import (
	"fmt"

	"github.com/quire-ml/quire/internal/showing"
)

// Show shows the value of a cell's last expression: as package viz does if the cell links it, otherwise as text. Of a nil that has no
// type, such as an error that did not happen, there is nothing to show.
func Show(v any) {
	switch {
	case v == nil:
		return
	case showing.By != nil:
		showing.By(v)
		return
	}
	fmt.Println(v)
}
