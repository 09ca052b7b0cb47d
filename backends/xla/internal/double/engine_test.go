//go:build cgo && (linux || darwin)

package double_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/backends/xla/internal/double"
	quire "github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/go-xla/pjrt"
	"github.com/stretchr/testify/assert"
)

// engine runs programs through text, go-xla and a double, and once more on the Go engine: both must give the same
// bits.
type engine struct {
	ir.Backend
	d *double.Double
	c *pjrt.Client
}

func newEngine(t *testing.T) func() ir.Backend {
	return func() ir.Backend {
		d, c := open(t, double.Options{})
		return &engine{gocpu.New(), d, c}
	}
}

func (b *engine) Lowers(c ir.Call) bool { return stablehlo.Lowers(c) }

func (b *engine) Compile(ctx context.Context, p *ir.Program) (ir.Executable, error) {
	text, err := stablehlo.Write(p)
	if err != nil {
		return nil, err
	}
	m, err := stablehlo.Read(text)
	if err != nil {
		return nil, err
	}
	if p, err = m.Program(b.Backend.Lowers); err != nil {
		return nil, err
	}
	direct, err := b.Backend.Compile(ctx, p)
	if err != nil {
		return nil, err
	}
	loaded, err := b.c.Compile().WithStableHLO([]byte(text)).Done()
	if err != nil {
		return nil, err
	}
	return &program{direct, b, loaded, p}, nil
}

type program struct {
	ir.Executable
	b       *engine
	loaded  *pjrt.LoadedExecutable
	program *ir.Program
}

func (p *program) Close() error {
	p.Executable.Close()
	return p.loaded.Destroy()
}

func (p *program) Run(ctx context.Context, inputs []ir.Buffer, donate []bool) ([]ir.Buffer, error) {
	var in []*pjrt.Buffer
	defer func() {
		for _, b := range in {
			b.Destroy()
		}
	}()
	for _, x := range inputs {
		t, err := x.ToHost()
		if err != nil {
			return nil, err
		}
		b, err := p.put(t)
		if err != nil {
			return nil, err
		}
		in = append(in, b)
	}
	out, err := p.loaded.Execute(in...).Done()
	if err != nil {
		return nil, err
	}
	direct, err := p.Executable.Run(ctx, inputs, donate)
	if err != nil {
		return nil, err
	}
	for i, b := range out {
		defer b.Destroy()
		t, err := direct[i].ToHost()
		if err != nil {
			return nil, err
		}
		if err := same(b, t); err != nil {
			return nil, fmt.Errorf("output %d: %w\n%s", i, err, p.program)
		}
	}
	return direct, nil
}

// goxlaTypes are the names of types there by ours.
var goxlaTypes = map[quire.DType]dtypes.DType{
	quire.Bool: dtypes.Bool, quire.Int8: dtypes.Int8, quire.Int16: dtypes.Int16, quire.Int32: dtypes.Int32, quire.Int64: dtypes.Int64,
	quire.Uint8: dtypes.Uint8, quire.Uint16: dtypes.Uint16, quire.Uint32: dtypes.Uint32, quire.Uint64: dtypes.Uint64,
	quire.Float16: dtypes.Float16, quire.BFloat16: dtypes.BFloat16, quire.Float32: dtypes.Float32, quire.Float64: dtypes.Float64,
	quire.Complex64: dtypes.Complex64, quire.Complex128: dtypes.Complex128,
	quire.Float8E4M3FN: dtypes.F8E4M3FN, quire.Float8E5M2: dtypes.F8E5M2,
}

func (p *program) put(t *tensors.Tensor) (b *pjrt.Buffer, err error) {
	shape := t.Shape()
	t.MustConstBytes(func(data []byte) {
		data = append(make([]byte, 0, len(data)+1), data...) // go-xla takes the address of the first byte
		b, err = p.b.c.BufferFromHost().FromRawData(data, goxlaTypes[shape.DType], shape.Dimensions).Done()
	})
	return b, err
}

// same returns an error unless a buffer has the shape and the bits of a tensor.
func same(b *pjrt.Buffer, t *tensors.Tensor) error {
	dtype, err := b.DType()
	if err != nil {
		return err
	}
	dims, err := b.Dimensions()
	if err != nil {
		return err
	}
	if s := t.Shape(); dtype != goxlaTypes[s.DType] || !s.EqualDimensions(shapes.Shape{DType: s.DType, Dimensions: dims}) {
		return fmt.Errorf("%s%v instead of %s", dtype, dims, s)
	}
	got := make([]byte, t.ByteSize(), t.ByteSize()+1)
	if err := b.ToHost(got); err != nil {
		return err
	}
	equal := false
	t.MustConstBytes(func(want []byte) { equal = bytes.Equal(got, want) })
	if !equal {
		return fmt.Errorf("other bits than %s", t)
	}
	return nil
}

func TestConformance(t *testing.T) {
	if testing.Short() {
		t.Skip("the short tests run random programs only")
	}
	graphtest.Conform(t, newEngine(t))
}

func TestRandomPrograms(t *testing.T) {
	b := newEngine(t)()
	seeds := uint64(30)
	if testing.Short() {
		seeds = 4
	}
	for seed := range seeds {
		assert.NoError(t, graphtest.CompareRandom(b, seed, 12, seed%2 == 0))
	}
}
