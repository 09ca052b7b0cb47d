package flow_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/kernel-ext/internal/flow"
)

// What a session knows does not grow with the number of cells that have run: cells without identity and ones that run again, ones that
// declare anew what others declared, ones with mistakes, and variables that each cell makes from what it was. QUIRE_SWEEP=1 prepares 10,000.
func TestASessionOfManyCellsStaysSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("prepares 2,000 cells")
	}
	s, run := longNotebook(t, 20, 10)
	number := 20
	mistake := func(id, source string) {
		number++
		_, err := s.Prepare(context.Background(), flow.Cell{Number: number, ID: id, Source: source})
		require.Error(t, err)
	}
	heap := func(cells int) uint64 {
		for i := 0; number < cells; i++ {
			number++
			run(number, fmt.Sprintf("v%d += v%d // %d", i%10, (i+3)%10, number), fmt.Sprint("v", i%10))
			number++
			run(number, fmt.Sprintf("import \"strings\"\n\nfunc g%d(x int) string {\n\treturn strings.Repeat(\"x\", x+%d)\n}\n\ntype u struct{ X, Y%d int }", i%7, i, i%5), "")
			number++
			_, err := s.Prepare(context.Background(), flow.Cell{Number: number, ID: fmt.Sprint("cell", i%50), Source: fmt.Sprintf("fmt.Println(g%d(%d))\nv1++", i%7, i)})
			require.NoError(t, err)
			s.Ended(number, true)
			mistake("", fmt.Sprintf("func h%d() {}\nz := nobody + %d", i, i))
			mistake("m", "func (")
			_, _ = s.Compose(fmt.Sprintf("fmt.Println(v1, %d)", i))
		}
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		runtime.KeepAlive(s)
		return m.HeapAlloc
	}
	cells := 2000
	if os.Getenv("QUIRE_SWEEP") != "" {
		cells = 10_000
	}
	before := heap(cells / 2)
	after := heap(cells)
	t.Logf("%d KiB after %d cells, %d KiB after %d", before>>10, cells/2, after>>10, cells)
	assert.Less(t, after, before+512<<10)
	assert.Len(t, s.Variables(), 10)
}
