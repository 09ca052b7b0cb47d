package nbrun

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a cell prints and shows keeps its order, although one goes through the guard and the other does not.
func TestPrintsAndViewsKeepTheirOrder(t *testing.T) {
	needKernel(t)
	result, err := Run(within(t, 3*time.Minute), Options{Notebook: write(t,
		"import \"github.com/quire-ml/quire/viz\"\n\n%%\nfor i := range 100 {\n\tfmt.Printf(\"print %d\\n\", i)\n\tviz.Show(fmt.Sprint(\"show \", i))\n}")})
	require.NoError(t, err)
	var want strings.Builder
	for i := range 100 {
		fmt.Fprintf(&want, "print %d\nshow %d\n", i, i)
	}
	assert.Equal(t, want.String(), result.Cells[0].Text())
}
