package ir

import (
	"context"

	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Backend turns whole programs into something that runs. It is safe for several goroutines.
type Backend interface {
	// Name returns the name under which the backend is registered, such as "go" or "xla:cuda".
	Name() string

	// Lowers reports whether the backend has a kernel for a call of an op. A call that it has none for is replaced by
	// the op's expansion, or computed in a wider dtype that it has a kernel for, before Compile ([Lower]). A call of
	// which neither is possible is left, and Compile takes it all the same, at worst by the op's reference meaning; it
	// is named by [Program.Explain]. Lowers gives the same answer each time.
	Lowers(c Call) bool

	// Compile prepares p. It must not change p.
	Compile(ctx context.Context, p *Program) (Executable, error)

	// Put makes t's value available to executables. The backend may share t's memory, and then holds it
	// itself: t may be finalized at once, but its elements must not be changed while the buffer lives.
	Put(t *tensors.Tensor) (Buffer, error)

	// Close releases all that the backend holds. Executables and buffers of it must not be used any more.
	Close() error
}

// Executable is a compiled program. It is safe for several goroutines.
type Executable interface {
	// Run computes the program's outputs. inputs has a buffer of the same backend per program input.
	// donate, nil or one per input, marks buffers that the caller gives up: their memory may become an
	// output's, and they are closed by Run whatever it returns. Run ends early with ctx's error when ctx ends.
	// A mistake in the data (an integer division by zero) or inside the backend is an error.
	Run(ctx context.Context, inputs []Buffer, donate []bool) ([]Buffer, error)

	// Close releases the executable.
	Close() error
}

// Buffer is a value that a backend holds. Its content does not change until it is donated or closed.
type Buffer interface {
	Shape() shapes.Shape

	// ToHost returns the value as a tensor, which may share the buffer's memory and stays valid
	// after the buffer is closed.
	ToHost() (*tensors.Tensor, error)

	// Close releases the buffer. Closing it again is fine.
	Close() error
}

// Call is a call of an op as [Backend.Lowers] is asked of it.
type Call struct {
	Op      *Op
	Attrs   any
	In, Out []shapes.Shape
}
