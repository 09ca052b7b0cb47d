//go:build cgo && (linux || darwin)

package double

// #include "table.h"
import "C"

import (
	"bytes"
	"context"
	"fmt"
	"runtime/debug"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
)

// run computes, and returns what ends all that waits for it.
func (x *execution) run() (end func()) {
	err := x.compute()
	return func() {
		for k := range x.read {
			for _, e := range x.read[k] {
				e.set(nil)
			}
		}
		left := len(x.devices)
		for k, dev := range x.devices {
			err, until := err, (<-chan struct{})(nil)
			if f := x.d.fault(Execute, dev, true); f != nil {
				if failed := x.d.error(f, dev); failed != nil {
					err = failed
				}
				until = f.Until
			}
			if until == nil {
				x.finish(k, &left, err)
				continue
			}
			x.d.running.Go(func() {
				x.d.hold(until)
				x.finish(k, &left, err)
			})
		}
	}
}

// finish ends the run on a device, the events last. left counts the devices on which it goes on.
func (x *execution) finish(k int, left *int, err error) {
	x.d.mu.Lock()
	for _, s := range x.out[k] {
		x.d.releaseLocked(s.block)
	}
	if *left--; *left == 0 {
		x.l.running--
		x.l.code.release()
	}
	x.d.mu.Unlock()
	for _, s := range x.out[k] {
		s.ready.set(err)
	}
	x.done[k].set(err)
}

// compute runs the program once per replica, on whole values.
func (x *execution) compute() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errorf(Internal, "the double broke down: %v\n%s", r, debug.Stack())
		}
	}()
	defer x.letGo(x.in)
	for _, list := range x.in {
		for _, s := range list {
			if err := x.d.wait(s.ready); err != nil {
				return err
			}
		}
	}
	partitions := x.l.code.options.partitions
	for first := 0; first < len(x.devices); first += partitions {
		results, err := x.replica(first)
		if err != nil {
			return err
		}
		for _, e := range x.before {
			if err := x.d.wait(e); err != nil {
				return err
			}
		}
		if err := x.scatter(first, results); err != nil {
			return err
		}
	}
	return nil
}

// replica runs the program with the inputs of the partitions from first on.
func (x *execution) replica(first int) (results []*tensors.Tensor, err error) {
	c, ctx := x.l.code, context.Background()
	in, donate := make([]ir.Buffer, 0, len(c.in)), make([]bool, len(c.in))
	defer func() {
		for _, b := range in {
			b.Close()
		}
	}()
	for i := range c.in {
		t, err := x.gather(first, i)
		if err != nil {
			return nil, err
		}
		b, err := x.d.engine.Put(t)
		t.Close()
		if err != nil {
			return nil, err
		}
		in, donate[i] = append(in, b), true
	}
	out, err := c.run.Run(ctx, in, donate)
	if err != nil {
		return nil, err
	}
	for _, b := range out {
		t, err := b.ToHost()
		b.Close()
		if err != nil {
			return nil, err
		}
		results = append(results, t)
	}
	return results, nil
}

// gather puts an input together from what the devices hold.
func (x *execution) gather(first, i int) (*tensors.Tensor, error) {
	c := x.l.code
	shape, held := c.in[i], func(k int) []byte { return x.in[first+k][i].bytes() }
	if c.options.partitions == 1 {
		return tensors.FromBytes(shape, held(0))
	}
	whole := make([]byte, shape.ByteSize())
	seen := map[string][]byte{}
	for k := range c.options.partitions {
		p := c.part(shape, c.sig.in[i], k)
		key := fmt.Sprint(p.start)
		if other, ok := seen[key]; ok && !bytes.Equal(other, held(k)) {
			return nil, x.d.noted(C.SLOT_PJRT_LoadedExecutable_Execute, "argument %d differs between devices that hold the same part of it", i)
		}
		seen[key] = held(k)
		p.copy(whole, held(k), true)
	}
	return tensors.FromBytes(shape, whole)
}

// scatter gives each device its part of the results.
func (x *execution) scatter(first int, results []*tensors.Tensor) error {
	c := x.l.code
	for o, t := range results {
		err := t.ConstBytes(func(data []byte) {
			for k := range c.options.partitions {
				to := x.out[first+k][o].bytes()
				if c.options.partitions == 1 {
					copy(to, data)
				} else {
					c.part(c.out[o], c.sig.out[o], k).copy(data, to, false)
				}
			}
		})
		if err != nil {
			return err
		}
		t.Close()
	}
	return nil
}
