//go:build cgo && (linux || darwin)

package double_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/quire-ml/quire/backends/xla/internal/double"

	"github.com/gomlx/go-xla/pjrt"
	"github.com/stretchr/testify/assert"
)

// Several goroutines train on one client at the same time: each its own weights, in place, all with the same
// gradient, which they read while others do.
func TestGoroutinesAtOnce(t *testing.T) {
	for _, async := range []bool{false, true} {
		d, c := open(t, double.Options{Async: async})
		e := compile(t, c, step)
		g, m := put(t, c, 0, []float32{1, 2, 3, 4}, 4), put(t, c, 0, make([]float32, 8), 8)
		var wg sync.WaitGroup
		for worker := range 8 {
			wg.Go(func() {
				assert.NoError(t, train(c, e, g, m, 25), "worker %d", worker)
			})
		}
		wg.Wait()
		destroyAll(t, g, m)
		assert.Equal(t, 200, d.Stats().Executed, "runs")
	}
}

func train(c *pjrt.Client, e *pjrt.LoadedExecutable, g, m *pjrt.Buffer, steps int) error {
	w, err := pjrt.ArrayToBuffer(c, make([]float32, 4), 4)
	if err != nil {
		return err
	}
	for range steps {
		out, err := e.Execute(w, g, m).Donate(0).Done()
		if err != nil {
			return err
		}
		if err := out[1].Destroy(); err != nil {
			return err
		}
		w = out[0]
	}
	flat, _, err := pjrt.BufferToArray[float32](w)
	if err != nil {
		return err
	}
	for i, v := range flat {
		if v != float32(steps*(i+1)) {
			return fmt.Errorf("the weights are %v", flat)
		}
	}
	return w.Destroy()
}
