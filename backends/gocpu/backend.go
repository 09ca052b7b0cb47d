package gocpu

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/parallel"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
)

// Options are settings of the engine.
type Options struct {
	// Workers is how many goroutines may work on one op, the caller's included; 0 means one per
	// processor. Results do not depend on it.
	Workers int

	// Order is how free a Runner is; Runner, if not nil, runs the steps instead of one goroutine that does one
	// after the other; Observer, if not nil, is told about each step.
	Order    Order
	Runner   Runner
	Observer Observer

	// Separate makes each instruction a step of its own: none are fused, so that whoever watches or holds steps sees each. Values are the
	// same up to rounding.
	Separate bool

	fusion fusion
}

// New returns the engine with one worker per processor.
func New() ir.Backend { return NewWithOptions(Options{}) }

// NewWithOptions returns the engine with the given options.
func NewWithOptions(options Options) ir.Backend {
	if options.Workers <= 0 {
		options.Workers = parallel.Limit()
	}
	if options.Separate && options.fusion.programs() {
		options.fusion = alone
	}
	return &backend{workers: options.Workers, options: options}
}

// Open returns the engine with options as they stand in a configuration: "" or "workers=2". It is an error if the environment
// variable QUIRE_CPU names vector instructions that this machine does not have.
func Open(options string) (ir.Backend, error) {
	var o Options
	if err := cpu.Err(); err != nil {
		return nil, err
	}
	for _, opt := range strings.Split(options, ",") {
		if opt == "" {
			continue
		}
		key, value, _ := strings.Cut(opt, "=")
		n, err := strconv.Atoi(value)
		if key != "workers" || err != nil || n < 1 {
			return nil, fmt.Errorf("option %q: the option is workers=N, with N from 1", opt)
		}
		o.Workers = n
	}
	return NewWithOptions(o), nil
}

type backend struct {
	workers int
	options Options
	closed  atomic.Bool
	codes   codes
}

var errClosed = errors.New("the go backend is closed")

func (b *backend) Name() string { return "go" }

// Lowers reports whether there is a kernel for a call: for its op, at its dtypes.
func (b *backend) Lowers(c ir.Call) bool {
	if c.Op.Regions != nil {
		return controls[c.Op] != nil
	}
	if _, isConst := c.Attrs.(ir.ConstAttrs); isConst || empty(c.Out) {
		return true
	}
	return lowers(c.Op, &call{attrs: c.Attrs, in: c.In, out: c.Out, workers: b.workers, ended: func() bool { return false }})
}

func (b *backend) Compile(ctx context.Context, p *ir.Program) (ir.Executable, error) {
	if err := p.Check(); err != nil {
		if p == nil {
			return nil, err
		}
		return nil, fmt.Errorf("program %q: %w", p.Name, err)
	}
	return b.CompileChecked(ctx, p)
}

// CompileChecked is Compile without a check, see [ir.Trusting].
func (b *backend) CompileChecked(ctx context.Context, p *ir.Program) (exe ir.Executable, err error) {
	defer func() {
		if r := recover(); r != nil {
			exe, err = nil, fmt.Errorf("program %q: compiling broke: %v", p.Name, r)
		}
	}()
	if b.closed.Load() {
		return nil, errClosed
	}
	c, fingerprint := b.codes.find(p)
	if c == nil {
		if c, err = compileWith(ctx, p, b.options, newLibrary()); err != nil {
			return nil, err
		}
		if fingerprint != 0 {
			b.codes.keep(fingerprint, c)
		}
	}
	return &executable{backend: b, code: c}, nil
}

func (b *backend) Put(t *tensors.Tensor) (ir.Buffer, error) {
	if b.closed.Load() {
		return nil, errClosed
	}
	if err := t.CheckValid(); err != nil {
		return nil, err
	}
	return newBuffer(b, t.Shape(), t.Storage().Retain()), nil
}

func (b *backend) Close() error {
	b.closed.Store(true)
	b.codes.forget()
	return nil
}
