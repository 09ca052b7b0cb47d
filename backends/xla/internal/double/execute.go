//go:build cgo && (linux || darwin)

package double

// #include "table.h"
import "C"

import (
	"fmt"
	"unsafe"
)

// execution is a run of a program on all of its devices.
type execution struct {
	d       *Double
	l       *loaded
	devices []*device
	args    [][]*buffer  // by device and argument
	in      [][]*storage // the same, held until they are read
	donate  []bool       // by argument
	out     [][]*storage // by device and output, held until they are written
	read    [][]*event   // told once an argument is read
	before  []*event     // other readers of memory that is written
	done    []*event     // by device
}

// execute checks a run, takes what it needs, and lets it go.
func (d *Double) execute(a *C.PJRT_LoadedExecutable_Execute_Args) error {
	l, err := get[*loaded](d, a.executable)
	if err == nil {
		err = d.orphan(l.handle, l.client)
	}
	if err != nil {
		return err
	}
	x := &execution{d: d, l: l, devices: l.devices}
	if err := x.where(a); err != nil {
		return err
	}
	if err := x.prepare(a); err != nil { // as if nothing had happened
		x.letGo(x.in)
		x.letGo(x.out)
		return err
	}
	x.answer(a)
	d.add(func(s *Stats) { s.Executed++; l.running++; l.code.holders++ })
	d.later(l.client, x.run)
	return nil
}

func (x *execution) prepare(a *C.PJRT_LoadedExecutable_Execute_Args) error {
	if err := x.arguments(a); err != nil {
		return err
	}
	if err := x.donations(a); err != nil {
		return err
	}
	for _, dev := range x.devices {
		if err := x.d.strike(Execute, dev); err != nil {
			return err
		}
	}
	return x.take()
}

func (x *execution) letGo(lists [][]*storage) {
	for _, list := range lists {
		for _, s := range list {
			if s != nil {
				x.d.release(s.block)
			}
		}
	}
}

// where checks on how many devices and which one the program runs.
func (x *execution) where(a *C.PJRT_LoadedExecutable_Execute_Args) error {
	n, c := x.l.code.numDevices(), x.l.code
	x.d.mu.Lock()
	deleted := x.l.deleted
	x.d.mu.Unlock()
	switch {
	case deleted:
		return violation("%s was deleted", x.d.space.describe(x.l.handle))
	case a.options == nil:
		return violation("the options are NULL")
	case int(a.num_devices) != n:
		return errorf(InvalidArgument, "the program runs on %d devices, and has arguments for %d", n, a.num_devices)
	case int(a.num_args) != len(c.in):
		return errorf(InvalidArgument, "the program takes %d arguments, and gets %d", len(c.in), a.num_args)
	case a.num_args > 0 && a.argument_lists == nil:
		return violation("the arguments are NULL")
	case len(c.out) > 0 && a.output_lists == nil:
		return violation("the room for outputs is NULL")
	case x.l.devices != nil && a.execute_device != nil:
		return errorf(InvalidArgument, "a device is given for a program that was compiled for devices of its own")
	case x.l.devices != nil:
		return nil
	}
	dev, err := get[*device](x.d, a.execute_device)
	if err != nil {
		return err
	}
	if dev.client != x.l.client {
		return violation("%s belongs to another client", x.d.space.describe(dev.handle))
	}
	x.devices = []*device{dev}
	return nil
}

// arguments holds the inputs of each device.
func (x *execution) arguments(a *C.PJRT_LoadedExecutable_Execute_Args) error {
	x.args, x.in = make([][]*buffer, len(x.devices)), make([][]*storage, len(x.devices))
	if a.num_args == 0 {
		return nil
	}
	for k, list := range unsafe.Slice(a.argument_lists, len(x.devices)) {
		if list == nil {
			return violation("the arguments of device %d are NULL", k)
		}
		for i, p := range unsafe.Slice(list, a.num_args) {
			b, s, err := x.d.heldBuffer(p)
			if err == nil {
				x.args[k], x.in[k] = append(x.args[k], b), append(x.in[k], s)
				err = x.fits(i, b, x.devices[k])
			}
			if err != nil {
				e := *statusOf(err)
				e.text = fmt.Sprintf("argument %d of %s: %s", i, x.devices[k], e.text)
				return &e
			}
		}
	}
	return nil
}

// fits checks a buffer against what the program wants. What has another type and the right number of bytes is
// taken in silence by the real plugin, which makes it a violation here.
func (x *execution) fits(i int, b *buffer, dev *device) error {
	want := x.l.code.localIn[i]
	got := shapeOf(b.typ, b.dims)
	size, err := byteSize(b.typ, b.dims)
	switch {
	case err != nil:
		return err
	case b.device.client != dev.client:
		return violation("the buffer belongs to another client")
	case b.device != dev:
		return errorf(InvalidArgument, "the buffer is on %s", b.device)
	case size != want.ByteSize():
		return errorf(InvalidArgument, "the program wants %d bytes, and the buffer has %d", want.ByteSize(), size)
	case got.DType != want.DType || !got.EqualDimensions(want):
		return violation("the program wants %s, and the buffer is %v", want, b)
	}
	return nil
}

// donations finds out which arguments are given up, the same on all devices. Indices count the arguments of one
// device; who gives those of all devices one after the other, as go-xla does, must say the same for each.
func (x *execution) donations(a *C.PJRT_LoadedExecutable_Execute_Args) error {
	n := len(x.l.code.in)
	keep, flat := make([]bool, n*len(x.devices)), false
	for _, i := range unsafe.Slice(a.options.non_donatable_input_indices, a.options.num_non_donatable_input_indices) {
		if i < 0 || int(i) >= len(keep) {
			return violation("input %d must not be donated, and there are %d", i, len(keep))
		}
		keep[i] = true
		flat = flat || int(i) >= n
	}
	x.donate = make([]bool, n)
	for i, k := range x.l.code.sig.alias {
		x.donate[i] = k != kept && !keep[i]
		for dev := range x.devices {
			if flat && k != kept && keep[i] != keep[dev*n+i] {
				return violation("argument %d is given up on one device and not on another, which invalidates it on all", i)
			}
			if x.donate[i] && x.in[dev][i].view {
				return violation("argument %d is given up, and its memory is the host's", i)
			}
		}
	}
	for dev := range x.devices {
		seen := map[*block]int{}
		for i, s := range x.in[dev] {
			if j, ok := seen[s.block]; ok && (x.donate[i] || x.donate[j]) { // on the same device: twice in one run
				return errorf(InvalidArgument, "argument %d is the buffer that argument %d gives up", i, j)
			}
			seen[s.block] = i
		}
	}
	return nil
}

// take gets memory for the outputs, and takes the donated inputs from their buffers, as the last thing that can fail.
func (x *execution) take() error {
	d, c := x.d, x.l.code
	from := make([]int, len(c.out)) // per output the argument whose memory it takes
	for o := range from {
		from[o] = -1
	}
	for i, o := range c.sig.alias {
		if o >= 0 && x.donate[i] {
			from[o] = i
		}
	}
	x.out = make([][]*storage, len(x.devices))
	for k, dev := range x.devices {
		x.out[k] = make([]*storage, len(c.out))
		for o, shape := range c.localOut {
			if from[o] >= 0 {
				continue
			}
			s, err := d.allocate(dev, shape.ByteSize())
			if err != nil {
				return err
			}
			x.out[k][o] = s
		}
		d.mu.Lock()
		err := d.reserve(dev, c.temporary)
		d.mu.Unlock()
		if err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for k := range x.devices {
		for i, b := range x.args[k] {
			if x.donate[i] && x.in[k][i].shared {
				return errorf(InvalidArgument, "argument %d of device %d is given up, and other buffers share its memory", i, k)
			}
			if x.donate[i] && b.storage != x.in[k][i] {
				return violation("argument %d of device %d: %s was %s by another call at the same time", i, k, d.space.describe(b.handle), b.why)
			}
		}
	}
	x.read = make([][]*event, len(x.devices))
	for k := range x.devices {
		for i, s := range x.in[k] {
			if x.donate[i] {
				x.before = append(x.before, s.readers...)
				x.args[k][i].delete(d, "donated")
			}
			x.read[k] = append(x.read[k], s.reader())
		}
		for o, i := range from {
			if i >= 0 {
				x.out[k][o] = x.in[k][i].next()
			}
		}
	}
	return nil
}

// answer gives the caller outputs and events. Of outputs it gives as many as it said that there are, with a fault.
func (x *execution) answer(a *C.PJRT_LoadedExecutable_Execute_Args) {
	c := x.l.code
	for k, dev := range x.devices {
		x.done = append(x.done, newEvent())
		if n := min(x.l.room, len(c.out)); n > 0 {
			list := unsafe.Slice(unsafe.Slice(a.output_lists, len(x.devices))[k], n)
			for o := range list {
				s := x.out[k][o]
				x.d.retain(s.block)
				give(&list[o], x.d.newBuffer(dev, bufferTypes[c.localOut[o].DType], c.localOut[o].Dimensions, s).handle)
			}
		}
		if a.device_complete_events != nil {
			give(&unsafe.Slice(a.device_complete_events, len(x.devices))[k], x.d.issue(x.done[k]))
		}
	}
}

func init() { handle(C.SLOT_PJRT_LoadedExecutable_Execute, (*Double).execute) }
