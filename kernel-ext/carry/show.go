package carry

import (
	"fmt"

	"github.com/quire-ml/quire/internal/showing"
)

// Show shows the value of a cell's last expression: as package viz does if the cell links it, otherwise as text.
func Show(v any) {
	if showing.By != nil {
		showing.By(v)
		return
	}
	fmt.Println(v)
}
