//go:build cgo && (linux || darwin)

package double

// #include "table.h"
import "C"

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"unsafe"

	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// code is a compiled program, with what callers are told about it.
type code struct {
	source, optionBytes []byte
	options             compileOptions
	sig                 *signature
	run                 ir.Executable
	in, out             []shapes.Shape // whole values
	localIn, localOut   []shapes.Shape // what a device holds of them
	temporary           int64          // bytes that a run takes besides

	name, fingerprint text
	types             *C.PJRT_Buffer_Type
	outDims           *C.int64_t
	outRanks          *C.size_t
	holders           int // executables; with the double locked
}

// executable is a program that can be looked at, loaded one that can be run.
type executable struct {
	handle uintptr
	code   *code
	loaded *loaded
}

func (*executable) kind() kind       { return anExecutable }
func (e *executable) free(d *Double) { e.code.release() }

type loaded struct {
	handle  uintptr
	client  *client
	code    *code
	devices []*device // that it runs on, in the order of arguments; nil if it is portable
	list    *uintptr
	room    int // how many outputs callers were told of
	running int
	deleted bool
}

func (*loaded) kind() kind { return aLoadedExecutable }

func (l *loaded) free(d *Double) {
	l.code.release()
	C.free(unsafe.Pointer(l.list))
}

func (c *code) release() {
	if c.holders--; c.holders > 0 {
		return
	}
	c.run.Close()
	c.name.free()
	c.fingerprint.free()
	C.free(unsafe.Pointer(c.types))
	C.free(unsafe.Pointer(c.outDims))
	C.free(unsafe.Pointer(c.outRanks))
}

// numDevices returns on how many devices the program runs.
func (c *code) numDevices() int { return c.options.replicas * c.options.partitions }

// compile makes a program of text and options.
func (d *Double) compile(source, optionBytes []byte) (*code, error) {
	options, err := parseOptions(optionBytes)
	if err != nil {
		return nil, errorf(InvalidArgument, "compile options: %v", err)
	}
	module, err := stablehlo.Read(string(source))
	if err != nil {
		return nil, errorf(InvalidArgument, "%v", err)
	}
	if err := lethal(string(source)); err != nil {
		return nil, err
	}
	program, err := module.Program(d.engine.Lowers)
	if err != nil {
		return nil, errorf(InvalidArgument, "%v", err)
	}
	c := &code{source: source, optionBytes: optionBytes, options: options, holders: 1}
	main := module.Main()
	c.in, c.out = main.Inputs, main.Outputs
	if c.sig, err = readSignature(module, string(source)); err != nil {
		return nil, errorf(InvalidArgument, "%v", err)
	}
	if err := c.place(); err != nil {
		return nil, err
	}
	for _, s := range program.Values {
		c.temporary = max(c.temporary, int64(s.ByteSize()))
	}
	if c.run, err = d.engine.Compile(context.Background(), program); err != nil {
		return nil, errorf(Internal, "%v", err)
	}
	c.describe()
	return c, nil
}

// place works out what each device holds, and checks shardings and aliases.
func (c *code) place() error {
	if m := c.sig.mesh; m != nil && m.NumDevices() != c.options.partitions {
		return errorf(InvalidArgument, "%s has %d devices, and the program is compiled for %d partitions", m, m.NumDevices(), c.options.partitions)
	}
	if c.sig.mesh != nil && c.options.partitions > 1 && !c.options.shardy {
		return errorf(InvalidArgument, "the program has shardings of Shardy, and use_shardy_partitioner is not set")
	}
	if err := c.sig.decided(c.in, c.out); c.options.partitions > 1 && err != nil {
		return err
	}
	local := func(whole []shapes.Shape, shardings []ir.Sharding) (list []shapes.Shape, err error) {
		for i, s := range whole {
			list = append(list, s)
			if shardings[i] == nil {
				continue
			}
			if err := shardings[i].Check(c.sig.mesh, s); err != nil {
				return nil, errorf(InvalidArgument, "%v", err)
			}
			_, dims := shardings[i].Block(c.sig.mesh, s, 0)
			list[i] = shapes.Make(s.DType, dims...)
		}
		return list, nil
	}
	var err error
	if c.localIn, err = local(c.in, c.sig.in); err != nil {
		return err
	}
	if c.localOut, err = local(c.out, c.sig.out); err != nil {
		return err
	}
	for i, k := range c.sig.alias {
		if k >= 0 && c.localIn[i].ByteSize() != c.localOut[k].ByteSize() {
			return errorf(InvalidArgument, "argument %d of %s cannot be aliased with output %d of %s", i, c.localIn[i], k, c.localOut[k])
		}
	}
	return nil
}

// describe makes what callers are told, in memory of C.
func (c *code) describe() {
	sum := sha256.Sum256(slices.Concat(c.source, []byte{0}, c.optionBytes))
	c.name, c.fingerprint = newText(c.sig.name), newText(hex.EncodeToString(sum[:]))
	rank := 0
	for _, s := range c.localOut {
		rank += s.Rank()
	}
	n := len(c.localOut)
	c.types = (*C.PJRT_Buffer_Type)(C.calloc(C.size_t(n+1), C.size_t(unsafe.Sizeof(*c.types))))
	c.outDims = (*C.int64_t)(C.calloc(C.size_t(rank+1), C.size_t(unsafe.Sizeof(*c.outDims))))
	c.outRanks = (*C.size_t)(C.calloc(C.size_t(n+1), C.size_t(unsafe.Sizeof(*c.outRanks))))
	types, all, ranks := unsafe.Slice(c.types, n), unsafe.Slice(c.outDims, rank)[:0], unsafe.Slice(c.outRanks, n)
	for i, s := range c.localOut {
		types[i], ranks[i] = bufferTypes[s.DType], C.size_t(s.Rank())
		for _, dim := range s.Dimensions {
			all = append(all, C.int64_t(dim))
		}
	}
}

// load compiles a program and puts it on the devices that its options name.
func (d *Double) load(c *client, source, options []byte) (*loaded, error) {
	prog, err := d.compile(source, options)
	if err != nil {
		return nil, err
	}
	l, err := d.assign(c, prog)
	if err != nil {
		prog.release()
	}
	return l, err
}

func (d *Double) assign(c *client, prog *code) (*loaded, error) {
	l := &loaded{client: c, code: prog, room: len(prog.out)}
	n := prog.numDevices()
	switch {
	case n > len(c.devices):
		return nil, errorf(InvalidArgument, "the program needs %d devices, and there are %d", n, len(c.devices))
	case prog.options.portable && n > 1:
		return nil, errorf(InvalidArgument, "a portable program runs on one device, not %d", n)
	case prog.options.portable && prog.options.devices != nil:
		return nil, errorf(InvalidArgument, "a portable program has no device assignment")
	case prog.options.portable:
	case prog.options.devices == nil:
		l.devices = c.devices[:n]
	default:
		for _, id := range prog.options.devices {
			if id < 0 || id >= len(c.devices) {
				return nil, errorf(InvalidArgument, "the device assignment names device %d, and there are %d", id, len(c.devices))
			}
			if slices.Contains(l.devices, c.devices[id]) {
				return nil, violation("the device assignment names device %d twice", id)
			}
			l.devices = append(l.devices, c.devices[id])
		}
	}
	l.list = (*uintptr)(C.calloc(C.size_t(len(c.devices)+1), C.size_t(unsafe.Sizeof(uintptr(0)))))
	list := unsafe.Slice(l.list, len(c.devices))
	for i, dev := range l.where() {
		list[i] = dev.handle
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	l.handle = d.issueLocked(l)
	return l, nil
}

// where returns the devices that the program may run on.
func (l *loaded) where() []*device {
	if l.devices == nil {
		return l.client.devices
	}
	return l.devices
}
