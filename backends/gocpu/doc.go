// Package gocpu is the engine "go": it runs programs on the processor, in pure Go, with nothing to install.
//
//	backend := gocpu.New()
//	y, err := graph.CallOnce(backend, func(x *graph.Node) *graph.Node { return graph.Tanh(x) }, x)
//
// # How a program runs
//
// Compile turns the program into a flat list of steps, each with a kernel chosen for its dtypes and
// shapes. Reshapes become views, broadcasts are read in place by the elementwise ops that use them; chains
// of elementwise ops may become one step, which reads each operand once and writes what others need. A plan
// made from the lifetimes of the values gives each an offset in one arena per run; a step writes into the
// memory of an operand that ends there where its kernel allows it. Runs of one executable may overlap: each
// has an arena of its own.
//
// The plan is valid for every order of the steps that [Options.Order] allows. A [Runner] runs the steps; that of the
// engine runs one after the other, and its kernels use all workers. An [Observer] is told about each step.
//
// # Vector instructions
//
// Matrix products, programs over vectors, random numbers and transposes have assembly for tiers of instructions: AVX2 and AVX-512 of
// amd64, NEON of arm64; beside each there is plain Go, which other processors run. The best tier that the machine has is taken, or
// the one that the environment variable QUIRE_CPU names: portable, avx2, avx512, amx or neon. NEON is tested in an emulator; its speed has not been
// measured on hardware.
//
// amx is avx512 with Intel's tiles, which multiply bfloat16, int8 and uint8 on Linux; QUIRE_CPU=avx512 leaves them out. Numbers of bfloat16
// and sums of their products below the smallest normal float32 (1.2e-38) are zeros there, as they are where AVX-512 multiplies pairs of
// bfloat16. Where the first such product is compiled, the operating system is asked for the tiles, once for the process: from then on it
// refuses stacks for signals below 12 KiB, which Go's threads do not have, but those of a library in C might.
//
// # Memory
//
// Buffers share the memory of tensors: Put keeps a reference to the tensor's storage and copies nothing,
// and ToHost returns a tensor on the buffer's storage. So a tensor must not be written while a buffer of
// it lives, and a tensor from ToHost not while its buffer does. Results always have a storage of their own.
// The memory of a donated buffer becomes a result's only if nobody else holds its storage: a tensor that
// the caller still has never changes. When the engine is closed its buffers are, too.
//
// # Threads
//
// All engines of a process share one set of workers, one per processor. Results do not depend on their
// number, not in a single bit: how sums are cut into blocks follows from shapes alone.
//
// # Errors
//
// A run ends with an error that names the op and the user's line if the data has no answer (an integer
// division by zero), if there is not enough memory, or if a kernel panics.
package gocpu
