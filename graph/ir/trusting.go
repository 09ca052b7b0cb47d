package ir

import (
	"context"
	"errors"
	"fmt"
)

// Trusting is what a backend implements besides that can do without checking a program.
type Trusting interface {
	// CompileChecked is [Backend.Compile] of a program that is known to be well formed.
	CompileChecked(ctx context.Context, p *Program) (Executable, error)
}

// Compile lowers p for b and compiles it; it returns the lowered program, too. It is for programs that a [Builder] has just
// made: neither they nor what becomes of them are checked again, and p's list of instructions is the lowered program's from then on:
// p must not be used any more. Where b is not [Trusting] it checks what it gets.
func Compile(ctx context.Context, b Backend, p *Program) (*Program, Executable, error) {
	switch {
	case b == nil:
		return nil, nil, errors.New("the backend is nil")
	case p == nil:
		return nil, nil, errNoProgram
	}
	low, err := lowerOwn(p, b.Lowers)
	if err != nil {
		return nil, nil, fmt.Errorf("%q: %w", p.Name, err)
	}
	compile := b.Compile
	if t, ok := b.(Trusting); ok {
		compile = t.CompileChecked
	}
	exe, err := compile(ctx, low)
	if err != nil {
		return nil, nil, fmt.Errorf("compiling %q for %s: %w", p.Name, b.Name(), err)
	}
	return low, exe, nil
}
