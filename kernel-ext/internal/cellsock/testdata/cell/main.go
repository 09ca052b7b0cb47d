// A cell with controls, as its kernel starts it.
package main

import (
	"fmt"
	"os"

	"github.com/quire-ml/quire/viz"
)

func main() {
	fmt.Println("before")
	err := viz.Interact(func(x float64, n int) any {
		if os.Getenv("CELL_HANGS") != "" {
			select {}
		}
		if n == 3 {
			fmt.Println("printed at three")
		}
		return fmt.Sprintf("drawn: %.2f times %d is %.2f", x, n, x*float64(n))
	}, viz.Slider("x", 0.0, 1), viz.Choice("n", 1, 2, 3))
	fmt.Println("returned:", err)
}
