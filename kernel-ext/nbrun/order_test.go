package nbrun

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What a cell prints and shows keeps its order, although one goes through the guard and the other does not.
func TestPrintsAndViewsKeepTheirOrder(t *testing.T) {
	needKernel(t)
	result, err := Run(within(t, 3*time.Minute), Options{Notebook: write(t,
		"import \"github.com/quire-ml/quire/viz\"\n\n%%\nfor i := range 100 {\n\tfmt.Printf(\"print %d\\n\", i)\n\tviz.Show(fmt.Sprint(\"show \", i))\n}")})
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for i := range 100 {
		fmt.Fprintf(&want, "print %d\nshow %d\n", i, i)
	}
	if got := result.Cells[0].Text(); got != want.String() {
		t.Errorf("got\n%s", got)
	}
}
