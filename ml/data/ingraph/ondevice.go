package ingraph

import (
	"errors"
	"fmt"
	"io"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/data"
)

// OnDevice moves the batches of ds to a backend before they are wanted: up to n of them are read ahead and lie there, in a goroutine of its own, while the
// consumer works on the one before. A trainer of that backend takes them from there, so that its steps do not wait for the way of data to the device; whoever
// else reads them finds the tensors that they had. It is the last stage of a pipeline. On a backend that computes where the tensors lie, as "go" does,
// it is data.Prefetch: nothing is copied. Loops that make several steps by a call put the batches of a call together on the host, and do not use it.
//
// A backend that is nil, or has no room, comes as an error of the iteration.
func OnDevice(backend graph.Backend, ds data.Dataset, n int) *data.Pipeline {
	return data.Prefetch(data.MapIndexed(ds, 0, func(_ data.Position, b data.Batch) (data.Batch, error) {
		if backend == nil {
			return b, errors.New("ingraph.OnDevice: the backend is nil")
		}
		buffers, err := put(backend, b)
		if err != nil {
			return b, fmt.Errorf("ingraph.OnDevice: %w", err)
		}
		return b.WithBuffers(backend, buffers), nil
	}), n)
}

// put puts the tensors of a batch on a backend, inputs first.
func put(backend graph.Backend, b data.Batch) (buffers []io.Closer, err error) {
	for i, t := range append(b.Inputs[:len(b.Inputs):len(b.Inputs)], b.Labels...) {
		x, err := backend.Put(t)
		if err != nil {
			for _, x := range buffers {
				x.Close()
			}
			return nil, fmt.Errorf("tensor %d of the batch, %s: %w", i, t.Shape(), err)
		}
		buffers = append(buffers, x)
	}
	return buffers, nil
}
