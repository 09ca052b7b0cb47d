// Package bytecode reads MLIR's bytecode as far as StableHLO's portable artifacts need it: what jax.export makes of a function, alone or
// inside of the table that Exported.serialize returns.
//
// [Parse] returns the operations as they stand there, in VHLO's dialect, of which every operation, attribute and type has a version, and in
// those dialects that are mixed with it. What they mean in StableHLO is the affair of who calls. Values that are large, which are
// constants, are not copied: they are parts of what was parsed.
//
// An error names the byte. What a few bytes can ask for is bounded: by how many there are, in depth and in the length of a type.
//
// Source: MLIR's bytecode format, https://mlir.llvm.org/docs/BytecodeFormat, versions 0 to 6, and the encodings of the builtin
// dialect (BuiltinDialectBytecode.td) and of VHLO (VhloBytecode.cpp of StableHLO 1.20).
package bytecode
