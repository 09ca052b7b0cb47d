// Package asm writes Go assembly: what the generators of kernels share. It is imported by them and by tests alone.
//
// A [File] becomes a pair of files, NAME_ARCH.s and NAME_ARCH.go with the declarations that go vet compares. Generators call
// [Func.Op] for each instruction, in the syntax of Go's assembler (sources first, destination last), with registers that they
// choose themselves: kernels stand or fall with which registers they use.
package asm

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// File is a file of assembly under construction.
type File struct {
	arch, pkg, generator string
	funcs                []*Func
	data                 strings.Builder
	symbols              map[string]bool
}

// NewFile returns an empty file for a package and architecture; generator is the command that writes it anew.
func NewFile(pkg, arch, generator string) *File {
	return &File{arch: arch, pkg: pkg, generator: generator, symbols: map[string]bool{}}
}

// Func is a function under construction.
type Func struct {
	name, doc, arch, flags string
	args                   []Arg
	declared               bool
	frame                  int
	b                      strings.Builder
	labels                 int
}

// Arg is an argument of a function, of 8 bytes.
type Arg struct{ Name, Type string }

// Func adds a function with arguments of 8 bytes each (pointers, ints, uintptrs) and no results. Its address may be kept by
// nobody: arguments do not escape. doc says what it does, in sentences that begin after the name.
func (f *File) Func(name, doc string, args ...Arg) *Func {
	fn := &Func{name: name, doc: doc, arch: f.arch, args: args, declared: true}
	f.add(fn)
	return fn
}

// Piece adds code without a frame that other functions of the file jump to; Go cannot call it.
func (f *File) Piece(name string) *Func {
	fn := &Func{name: name, arch: f.arch, flags: "|NOFRAME"}
	f.add(fn)
	return fn
}

func (f *File) add(fn *Func) {
	if f.symbols[fn.name] {
		panic("asm: " + fn.name + " is there already")
	}
	f.symbols[fn.name] = true
	f.funcs = append(f.funcs, fn)
}

// Frame gives the function n bytes of memory, which begin with anything: at 0(SP), on arm64 at 8(RSP). Its address may not outlive
// the call.
func (f *Func) Frame(n int) { f.frame = n }

// Arg returns argument name as an operand.
func (f *Func) Arg(name string) string {
	for i, a := range f.args {
		if a.Name == name {
			return fmt.Sprintf("%s+%d(FP)", name, 8*i)
		}
	}
	panic("asm: " + f.name + " has no argument " + name)
}

// Load moves argument name to a register.
func (f *Func) Load(name, register string) {
	move := "MOVQ"
	if f.arch == "arm64" {
		move = "MOVD"
	}
	f.Op("%s %s, %s", move, f.Arg(name), register)
}

// Op adds an instruction.
func (f *Func) Op(format string, a ...any) { fmt.Fprintf(&f.b, "\t"+format+"\n", a...) }

// Comment adds a line that says why.
func (f *Func) Comment(format string, a ...any) { fmt.Fprintf(&f.b, "\t// "+format+"\n", a...) }

// Label sets a label.
func (f *Func) Label(name string) { fmt.Fprintf(&f.b, "%s:\n", name) }

// NewLabel returns a name for a label that the function does not have yet.
func (f *Func) NewLabel(prefix string) string {
	f.labels++
	return fmt.Sprintf("%s%d", prefix, f.labels)
}

// Bytes adds an instruction that Go's assembler does not know.
func (f *Func) Bytes(what string, code ...byte) {
	parts := make([]string, len(code))
	for i, c := range code {
		parts[i] = fmt.Sprintf("BYTE $0x%02x", c)
	}
	fmt.Fprintf(&f.b, "\t%s // %s\n", strings.Join(parts, "; "), what)
}

// Words adds read-only data of 32-bit words and returns its symbol as an operand.
func (f *File) Words(name string, words ...uint32) string {
	if f.symbols[name] {
		panic("asm: " + name + " is there already")
	}
	f.symbols[name] = true
	for i, w := range words {
		fmt.Fprintf(&f.data, "DATA ·%s+%d(SB)/4, $0x%08x\n", name, 4*i, w)
	}
	fmt.Fprintf(&f.data, "GLOBL ·%s(SB), RODATA|NOPTR, $%d\n\n", name, 4*len(words))
	return "·" + name + "(SB)"
}

// Floats is Words of float32 numbers.
func (f *File) Floats(name string, numbers ...float32) string {
	words := make([]uint32, len(numbers))
	for i, x := range numbers {
		words[i] = math.Float32bits(x)
	}
	return f.Words(name, words...)
}

// Addresses adds read-only data of the addresses of functions of the file, 0 for the empty name, and returns its symbol as an
// operand.
func (f *File) Addresses(name string, functions ...string) string {
	if f.symbols[name] {
		panic("asm: " + name + " is there already")
	}
	f.symbols[name] = true
	for i, to := range functions {
		if to != "" {
			fmt.Fprintf(&f.data, "DATA ·%s+%d(SB)/8, $·%s(SB)\n", name, 8*i, to)
		}
	}
	fmt.Fprintf(&f.data, "GLOBL ·%s(SB), RODATA, $%d\n\n", name, 8*len(functions))
	return "·" + name + "(SB)"
}

// Assembly returns the text of the file of assembly.
func (f *File) Assembly() string {
	var b strings.Builder
	include := "#include \"textflag.h\"\n"
	if slices.ContainsFunc(f.funcs, func(fn *Func) bool { return fn.frame > 0 }) {
		include = "#include \"funcdata.h\"\n" + include
	}
	fmt.Fprintf(&b, "// Code generated by %s. DO NOT EDIT.\n\n%s\n%s", f.generator, include, f.data.String())
	for i, fn := range f.funcs {
		if i > 0 {
			b.WriteString("\n")
		}
		frame, flags := fmt.Sprintf("$%d", fn.frame), "NOSPLIT"+fn.flags
		if fn.declared {
			frame += fmt.Sprintf("-%d", 8*len(fn.args))
			fmt.Fprintf(&b, "// func %s\n", fn.declaration())
		}
		if fn.frame > 0 {
			flags = "0" // the stack may have to grow
		}
		fmt.Fprintf(&b, "TEXT ·%s(SB), %s, %s\n", fn.name, flags, frame)
		if fn.frame > 0 { // a panic of a fault within, of a mapped file that was cut, may meet the collector
			b.WriteString("\tNO_LOCAL_POINTERS\n")
		}
		b.WriteString(fn.b.String())
	}
	return b.String()
}

// Declarations returns the text of the Go file.
func (f *File) Declarations() string {
	var b strings.Builder
	fmt.Fprintf(&b, "// Code generated by %s. DO NOT EDIT.\n\npackage %s\n", f.generator, f.pkg)
	unsafe := false
	for _, fn := range f.funcs {
		for _, a := range fn.args {
			unsafe = unsafe || strings.Contains(a.Type, "unsafe.")
		}
	}
	if unsafe {
		b.WriteString("\nimport \"unsafe\"\n")
	}
	for _, fn := range f.funcs {
		if fn.declared {
			fmt.Fprintf(&b, "\n// %s %s\n//\n//go:noescape\nfunc %s\n", fn.name, fn.doc, fn.declaration())
		}
	}
	return b.String()
}

func (f *Func) declaration() string {
	parts := make([]string, len(f.args))
	for i, a := range f.args {
		parts[i] = a.Name
		if i+1 == len(f.args) || f.args[i+1].Type != a.Type {
			parts[i] += " " + a.Type
		}
	}
	return f.name + "(" + strings.Join(parts, ", ") + ")"
}
