// Package stablehlo turns programs into StableHLO text, which XLA and other compilers take, and back.
//
// [Write] writes an [ir.Program] as a module with the function main; [Lowers] says which calls it writes,
// so that a program holds no others:
//
//	p, err := graph.NewProgram(g, outputs...)
//	p, err = ir.Lower(p, stablehlo.Lowers)
//	text, err := stablehlo.Write(p)
//
// The text is the same, byte for byte, for equal programs, so that its hash can name a compiled one. It needs
// no library: nothing here is C.
//
// # Meaning
//
// A module means what the program means on the Go engine, with these exceptions, which come from what a
// compiled module can say:
//
//   - An integer division by zero cannot be an error. x/0 is -1 (all bits set) and the remainder x, as XLA has
//     it; a divisor that may be zero is replaced before it reaches the division, since XLA's compiler dies of
//     dividing constants by zero. A module of [Options.WriteChecked] has an output that says where it happened.
//   - Names of axes are not written.
//   - Whether a compiler flushes denormal numbers, and in which order it sums, is its own affair. XLA's CPU
//     compiler also ignores NaN in maxima unless it runs with --xla_cpu_enable_fast_min_max=false.
//
// Sums over float16 and bfloat16 (reductions, products, convolutions, scatters) are written in float32 and
// rounded once. Products of float32 ask for the highest precision, so that no device rounds operands to
// TF32. Integer powers, the error function far from 0 and conversions to the 16-bit floats are written so that they
// do not depend on how a compiler rounds or cuts. Indices narrower than 32 bits and unsigned ones are widened first: a bound of the axis would not fit.
//
// # Reading
//
// [Read] takes the text that JAX and others print, and makes of every operation what it means in Quire's ops, so that a
// model can be called like a function written here, differentiated, and run on any engine. What has no op of its own
// (batch normalisation, functions of the CHLO dialect, the bits of floats) becomes several, which are right over their
// whole domain, at every dtype at which they are read. A text is verified first, as StableHLO's own verifier does:
// types of operands and results, settings and regions have to fit each other. Sizes that it leaves open, as JAX's exports
// of functions of symbolic shapes do, are given to Read ([InputShapes], [InputValue]), or to what [ReadOpen] makes of the text, which is read
// once for all. An operation that is not taken is
// an error that names it and its line: random numbers of the compiler's own (rng; the bits of rng_bit_generator are those that XLA's CPU compiler
// makes, as in JAX's "rbg"), routines of libraries that Quire has no function for, what speaks
// with the host. All of the CHLO dialect is read. Tuples are taken apart, also where functions take or return them, and tokens left out. Where a text computes in floats of 8 bits (f8E4M3FN and f8E5M2, which are Quire's), it is done in float32
// and rounded.
//
// What JAX serialises is read as well as its text: Exported.serialize() and Exported.mlir_module_serialized, which is MLIR's bytecode of
// StableHLO's versions 0.9 to 1.20. The errors of such a program name the number of an operation, for there are no lines.
//
// Linear algebra arrives as calls of LAPACK's routines in JAX's exports for the platform "cpu" and of XLA's in those for "tpu": getrf, geqrf,
// orgqr, ormqr, gehrd, gesdd, gesvd, syevd, geev, potrf, trsm, gtsv and their like; LuDecomposition, Qr, ProductOfElementaryHouseholderReflectors, Eigh. They are read as what
// they compute, by the functions of package linalg, with gradients. Vectors of which the sign is free may have another one than LAPACK's.
// What approx_max_k and approx_min_k ask for is exact, as on CPUs.
//
// Integers of 2 and 4 bits are held in int8 and uint8, where they wrap around as they should. Values of quantised types
// (!quant.uniform<i8:f32, 0.5:3>) are the numbers that they stand for, rounded after every operation to those that the type has; so are
// inputs and outputs of functions. Elementwise operations, those that move values, products and convolutions are read.
//
// Where StableHLO leaves values open, they are these: an element of reduce_precision that is NaN is infinite in a format
// without a mantissa; in the order of all floats a NaN has no sign; chlo.zeta is NaN for q < 0, and chlo.digamma at
// 0, -1, ….
//
// # Several devices
//
// The module of a program on a mesh says in Shardy's dialect how inputs, outputs and values inside are divided, and is
// compiled for as many partitions as the mesh has devices. What XLA's partitioner is known to divide wrongly is kept
// whole: the windows of convolutions, grouped channels, the axes of Fourier transforms, matrices that are taken apart,
// and axes of which slices are a part. [Read] keeps meshes and shardings. What JAX's shard_map writes, a region that each device of a mesh
// runs on its part, is read for up to 64 devices: it is written out for each, and collectives become what they compute, so that the program is
// right on one device, too, and can be differentiated. Branches in which devices exchange values are all run, and each device takes the results
// of its own.
//
// Source: the StableHLO specification, https://openxla.org/stablehlo/spec, version 1.13.
package stablehlo
