// Package dtypes names the element types of tensors and states how values change between them.
//
// A [DType] is one of bool, int8 to int64, uint8 to uint64, float16, bfloat16, float32, float64,
// complex64 and complex128, and, to store numbers in and not to compute in, float8_e4m3fn and
// float8_e5m2 (see [Storage]). [Set] is a set of them, as an operation's row uses it to say what it
// takes.
//
// # Conversion
//
// Where a value changes its type (ConvertDType in a graph, [Convert] in Go) these rules hold, on
// every backend:
//
//   - float to a narrower float rounds to nearest, ties to even; too large becomes infinite, and NaN in
//     float8_e4m3fn, which has no infinities;
//   - float to integer truncates towards zero and saturates at the ends of the range; NaN becomes 0;
//   - integer to a narrower or differently signed integer keeps the low bits (two's complement);
//   - integer to float rounds to nearest, ties to even;
//   - anything to bool is x ≠ 0 (NaN is true); bool to a number is 0 or 1;
//   - complex to real drops the imaginary part; real to complex has imaginary part 0.
//
// # Numbers of a program
//
// A number that a program states (Scalar, AddScalar, ConstAs, a fill value, the end of an Iota, the constant of an
// initializer) becomes a value of a dtype by [Fit]: rounded to nearest for a float, as it is for everything else, and
// refused with a sentence if the dtype does not hold it.
package dtypes
