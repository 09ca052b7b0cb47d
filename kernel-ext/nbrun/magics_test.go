package nbrun

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What commands become in a real kernel.
func TestCommandsOfQuire(t *testing.T) {
	needKernel(t)
	result, err := Run(within(t, 3*time.Minute), Options{Notebook: write(t,
		"%%\ns := []int{3, 1, 2}\n%timeit slices.Max(s)\n%timeit s[0] + s[1]",
		"%backend\n%%\nfmt.Println(1)",
		"%backend go:workers=2",
		"import \"github.com/quire-ml/quire/backends\"\n\n%%\nb, err := backends.New()\nfmt.Println(os.Getenv(\"QUIRE_BACKEND\"), b.Name(), err)",
		"%backend nothing",
		"#raises-exception\n%%\nfmt.Println(1)\nb := backends.MustNew()\nfmt.Println(b.Name())",
		"%backend -\n%backend",
		"#raises-exception\n%timeit f(",
		"#raises-exception\n%timeti f()",
	)})
	require.NoError(t, err)
	assert.Regexp(t, `^[\d.]+ ns a call \(median of 7; least [\d.]+ ns\), no allocations; [\d,]+ calls, after a first one of .*\n.* a call \(`, result.Cells[0].Text())
	assert.Equal(t, "cells run on the default engine (go)\n1\n", result.Cells[1].Text())
	assert.Equal(t, "cells run on the engine go:workers=2 from now on\n", result.Cells[2].Text())
	assert.Equal(t, "go:workers=2 go <nil>\n", result.Cells[3].Text())
	assert.Contains(t, result.Cells[5].Text(), "panic: QUIRE_BACKEND: backend \"nothing\" is unknown")
	assert.Equal(t, "cells run on the default engine (go) from now on\ncells run on the default engine (go)\n", result.Cells[6].Text())
	assert.Equal(t, "command error: In[8]:1: %timeit takes Go, and \"f(\" is none\n", result.Cells[7].Text())
	assert.Equal(t, "command error: In[9]:1: there is no command %timeti\n", result.Cells[8].Text())
	assert.Contains(t, result.Cells[8].Outputs[0].Traceback, "\x1b[34m→ did you mean %timeit? %help lists the commands there are\x1b[0m")
}

// What was made from a value that has changed is made again.
func TestFreshRunsWhatIsStale(t *testing.T) {
	needKernel(t)
	result, err := Run(within(t, 3*time.Minute), Options{Notebook: write(t,
		"a := 1",
		"b := a + 1\nfmt.Println(\"b is\", b)",
		"c := 10 * b",
		"a := 5",
		"%stale",
		"%fresh",
		"fmt.Println(a, b, c)",
		"%stale",
		"a := 0",
		"d := 1 / b",
		"b := a",
		"#raises-exception\n%fresh",
	)})
	require.NoError(t, err)
	text := func(i int) string { return result.Cells[i-1].Text() }
	assert.Contains(t, text(5), "In[2]  b := a + 1   b: it was made from a")
	assert.Contains(t, text(5), "In[3]  c := 10 * b  c: it was made from b")
	assert.Equal(t, "In[2] again: b := a + 1\nb is 6\nIn[3] again: c := 10 * b\n", text(6))
	assert.Equal(t, 8, result.Cells[5].ExecutionCount, "two cells ran before it")
	assert.Equal(t, "5 6 60\n", text(7))
	assert.Equal(t, "nothing is stale\n", text(8))
	assert.Regexp(t, `^In\[\d+\] again: .*(\n.*)*panic: In\[\d+\]:1: panic: runtime error: integer divide by zero\n$`, text(12))
}
