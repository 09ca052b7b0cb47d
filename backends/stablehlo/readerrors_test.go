package stablehlo_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/stablehlo"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadErrors holds what people read when a text cannot be taken.
func TestReadErrors(t *testing.T) {
	main := func(body string) string {
		return "module {\n  func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {\n    " + body + "\n    return %0 : tensor<3xf32>\n  }\n}\n"
	}
	var deep strings.Builder
	for i := range 80 {
		fmt.Fprintf(&deep, "func.func private @f%d(%%x: tensor<f32>) -> tensor<f32> {\n %%0 = call @f%d(%%x) : (tensor<f32>) -> tensor<f32>\n return %%0 : tensor<f32>\n}\n", i, i+1)
	}
	deep.WriteString("func.func private @f80(%x: tensor<f32>) -> tensor<f32> {\n return %x : tensor<f32>\n}\n")
	var wide strings.Builder
	for i := range 40 {
		fmt.Fprintf(&wide, "func.func private @f%d(%%x: tensor<f32>) -> tensor<f32> {\n %%0 = call @f%d(%%x) : (tensor<f32>) -> tensor<f32>\n %%1 = call @f%d(%%0) : (tensor<f32>) -> tensor<f32>\n return %%1 : tensor<f32>\n}\n", i, i+1, i+1)
	}
	wide.WriteString("func.func private @f40(%x: tensor<f32>) -> tensor<f32> {\n return %x : tensor<f32>\n}\n")
	for _, c := range []struct{ name, text, want string }{
		{"an unknown operation", main(`%0 = stablehlo.unheard_of %x : tensor<3xf32>`),
			`line 3, column 10: stablehlo.unheard_of is not an op that Read knows`},
		{"an operation that is spelled otherwise", main(`%0 = stablehlo.substract %x, %x : tensor<3xf32>`),
			`line 3, column 10: stablehlo.substract is not an op that Read knows (known: stablehlo.subtract)`},
		{"an operation of another dialect", main(`%0 = "arith.addf"(%x, %x) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>`),
			`line 3, column 10: arith.addf is not an op that Read knows`},
		{"other devices", "module attributes {mhlo.num_replicas = 2 : i32} {\n" + strings.TrimPrefix(main("%0 = \"stablehlo.all_reduce\"(%x) <{replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>}> ({\n    ^bb0(%a: tensor<f32>, %b: tensor<f32>):\n      %1 = stablehlo.add %a, %b : tensor<f32>\n      stablehlo.return %1 : tensor<f32>\n    }) : (tensor<3xf32>) -> tensor<3xf32>"), "module {\n"),
			`line 3: op "stablehlo.all_reduce": it speaks with other devices, and the text is for 2: Quire reads what shard_map writes, a sdy.manual_computation, and programs for one device (export without pmap)`},
		{"messages of single devices", main(`%0 = "stablehlo.recv"(%x) : (tensor<3xf32>) -> tensor<3xf32>`),
			`line 3, column 10: op "stablehlo.recv": it speaks with other devices in a way that Quire does not read: export the function without it`},
		{"a compiler's random numbers", main("%l = stablehlo.constant dense<0.0> : tensor<f32>\n    %h = stablehlo.constant dense<1.0> : tensor<f32>\n    %s = stablehlo.constant dense<3> : tensor<1xi64>\n    %0 = stablehlo.rng %l, %h, %s, distribution = UNIFORM : (tensor<f32>, tensor<f32>, tensor<1xi64>) -> tensor<3xf32>"),
			`line 6, column 10: op "stablehlo.rng": its random numbers are the compiler's own, and would be others here: export with a generator of JAX's`},
		{"random bits of an unknown kind", main("%s = stablehlo.constant dense<[1, 2]> : tensor<2xui64>\n    %1, %2 = stablehlo.rng_bit_generator %s, algorithm = TWISTER : (tensor<2xui64>) -> (tensor<2xui64>, tensor<3xui32>)\n    %0 = stablehlo.convert %2 : (tensor<3xui32>) -> tensor<3xf32>"),
			`line 4: op "stablehlo.rng_bit_generator": `},
		{"random bits that are floats", main("%s = stablehlo.constant dense<[1, 2]> : tensor<2xui64>\n    %1, %0 = stablehlo.rng_bit_generator %s, algorithm = DEFAULT : (tensor<2xui64>) -> (tensor<2xui64>, tensor<3xf32>)"),
			`line 4: op "stablehlo.rng_bit_generator": `},
		{"a routine of LAPACK's", main(`%0 = stablehlo.custom_call @lapack_sgeqp3_ffi(%x) : (tensor<3xf32>) -> tensor<3xf32>`),
			`line 3: op "stablehlo.custom_call" (target "lapack_sgeqp3_ffi") is not known: it is a routine of LAPACK's that Quire has no function for: it has those of LU, QR, Hessenberg form, Cholesky, SVD, eigenvalues, triangular and tridiagonal systems`},
		{"a routine of the GPU's", main(`%0 = stablehlo.custom_call @cusolver_getrf_ffi(%x) : (tensor<3xf32>) -> tensor<3xf32>`),
			`line 3: op "stablehlo.custom_call" (target "cusolver_getrf_ffi") is not known: it is a linear algebra routine of the GPU's: export for the platform "cpu" or "tpu", whose routines are read`},
		{"a routine of something else than matrices", main(`%0 = stablehlo.custom_call @lapack_spotrf_ffi(%x) {mhlo.backend_config = {uplo = 76 : ui8}} : (tensor<3xf32>) -> tensor<3xf32>`),
			`line 3: op "stablehlo.custom_call": it takes matrices, not tensor<3xf32>`},
		{"a routine without its setting", strings.ReplaceAll(main(`%0 = stablehlo.custom_call @lapack_spotrf_ffi(%x) : (tensor<3xf32>) -> tensor<3xf32>`), "tensor<3xf32>", "tensor<3x3xf32>"),
			`line 3: op "stablehlo.custom_call": the setting uplo of its backend_config must be the code of a letter among "LU"`},
		{"a routine of another dtype", strings.ReplaceAll(main(`%0 = stablehlo.custom_call @lapack_dgetrf_ffi(%x) : (tensor<3xf32>) -> tensor<3xf32>`), "tensor<3xf32>", "tensor<3x3xf32>"),
			`line 3: op "stablehlo.custom_call": it takes f64, not tensor<3x3xf32>`},
		{"bytecode that is cut off", "ML\xefR\r\x00", `byte 6 of the bytecode: the section of kind 0 is missing`},
		{"bytecode of a later version", "ML\xefR\x0f\x00", `byte 5 of the bytecode: it is of version 7 of the format, and the latest that is known is 6: serialise it for an older consumer`},
		{"an unknown custom call", main(`%0 = stablehlo.custom_call @foo(%x) : (tensor<3xf32>) -> tensor<3xf32>`),
			`line 3: op "stablehlo.custom_call" (target "foo") is not known`},
		{"an unknown type", main(`%0 = stablehlo.convert %x : (tensor<3xf32>) -> tensor<3xf8E3M4>`),
			`line 3: op "stablehlo.convert": the type tensor<3xf8E3M4> is not known`},
		{"an unknown dimension", "func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {\n return %x : tensor<?xf32>\n}",
			`line 1: the function @main leaves sizes of an input open, tensor<?xf32>: give Read the shapes of the inputs (stablehlo.InputShapes)`},
		{"a transform of another length", main("%0 = stablehlo.fft %x, type = RFFT, length = [4] : (tensor<3xf32>) -> tensor<3xcomplex<f32>>"),
			`line 3: op "stablehlo.fft": axis 0 has 3 elements, a transform of length 4 takes 4`},
		{"a transform of no kind", main("%0 = stablehlo.fft %x, type = DCT, length = [3] : (tensor<3xf32>) -> tensor<3xf32>"),
			`line 3: op "stablehlo.fft": the type of a transform is FFT, IFFT, RFFT or IRFFT, not "DCT"`},
		{"a matrix that is not square", main("%0 = stablehlo.cholesky %x, lower = true : tensor<3xf32>"),
			`line 3: op "stablehlo.cholesky": tensor<3xf32> is no square matrix`},
		{"a matrix turned otherwise", main("%1 = stablehlo.constant dense<1.0> : tensor<3x3xf32>\n%0 = \"stablehlo.triangular_solve\"(%1, %1) <{left_side = true, lower = true, transpose_a = #stablehlo<transpose TRANSPOSE_INVALID>, unit_diagonal = false}> : (tensor<3x3xf32>, tensor<3x3xf32>) -> tensor<3x3xf32>"),
			`line 4: op "stablehlo.triangular_solve": transpose_a is NO_TRANSPOSE, TRANSPOSE or ADJOINT, not "TRANSPOSE_INVALID"`},
		{"a value that is not there", main(`%0 = stablehlo.add %x, %y : tensor<3xf32>`),
			`line 3: op "stablehlo.add": the value %y is not defined`},
		{"operands that do not fit", main("%c = stablehlo.constant dense<[1.0, 2.0]> : tensor<2xf32>\n    %0 = stablehlo.add %x, %c : tensor<3xf32>"),
			`line 4: op "stablehlo.add": operand 1, %c, is tensor<2xf32>, and is used as tensor<3xf32>`},
		{"a result of another type", main(`%0 = stablehlo.exponential %x : (tensor<3xf32>) -> tensor<4xf32>`),
			`line 3: op "stablehlo.exponential": operands and result must have one type, not tensor<3xf32> and tensor<4xf32>`},
		{"another number of results", main(`%0, %1 = stablehlo.add %x, %x : tensor<3xf32>`),
			`line 4, column 5: stablehlo.add has 2 results, and types for 1`},
		{"a function that returns something else", "func.func @main(%x: tensor<3xf32>) -> tensor<2xf32> {\n return %x : tensor<3xf32>\n}",
			`line 2: result 0 of the function @main is tensor<3xf32>, not tensor<2xf32>`},
		{"no return", "func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {\n %0 = stablehlo.tanh %x : tensor<3xf32>\n}",
			`line 2: a block that does not end with a return`},
		{"a constant that is too short", main(`%0 = stablehlo.constant dense<[1.0, 2.0]> : tensor<3xf32>`),
			`line 3: op "stablehlo.constant": a constant in which "," is missing`},
		{"a constant of other numbers", main(`%0 = stablehlo.constant dense<[1.0, 2.0, true]> : tensor<3xf32>`),
			`line 3: op "stablehlo.constant": "true" is no f32`},
		{"a blob that is too short", main(`%0 = stablehlo.constant dense<"0x0011223344"> : tensor<3xf32>`),
			`line 3: op "stablehlo.constant": a blob of 5 bytes for float32[3], which has 12`},
		{"a function that is not there", main(`%0 = call @g(%x) : (tensor<3xf32>) -> tensor<3xf32>`),
			`line 3: op "func.call": there is no function @g`},
		{"a function that calls itself", main(`%0 = call @main(%x) : (tensor<3xf32>) -> tensor<3xf32>`),
			`line 2: the function @main calls itself`},
		{"calls that are too deep", deep.String(), `line 261: functions call each other more than 64 deep`},
		{"calls that are too many", wide.String(), `has more than 1048576 operations once its calls are written out`},
		{"a function that is there twice", "func.func @f(%x: tensor<f32>) -> tensor<f32> {\n return %x : tensor<f32>\n}\nfunc.func @f(%x: tensor<f32>) -> tensor<f32> {\n return %x : tensor<f32>\n}",
			`line 4: the function @f is there twice: it is on line 1 too`},
		{"a comparator of its own", main("%0 = \"stablehlo.sort\"(%x) <{dimension = 0 : i64}> ({\n    ^bb0(%a: tensor<f32>, %b: tensor<f32>):\n      %1 = stablehlo.compare LT, %a, %a : (tensor<f32>, tensor<f32>) -> tensor<i1>\n      stablehlo.return %1 : tensor<i1>\n    }) : (tensor<3xf32>) -> tensor<3xf32>"),
			`line 3: op "stablehlo.sort": Quire sorts by comparators that are LT or GT of the same expression of both sides`},
		{"text that is something else", "def main(x):\n  return x", `line 1, column 1: def is not an op that Read knows`},
		{"a type that does not end", main(`%0 = stablehlo.tanh %x : tensor<3xf32`), `line 3, column 36: a bracket "<" that nothing closes`},
		{"no text", "", `the text has no functions`},
		{"a tensor that no memory holds", main(`%0 = stablehlo.iota dim = 0 : tensor<99999999999999999x9xf32>`), `line 3, column 35: tensor<99999999999999999x9xf32>: `},
		{"too deeply nested", main(`%0 = stablehlo.tanh %x {a = ` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `} : tensor<3xf32>`), `nested more than 150 deep`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := stablehlo.Read(c.text)
			require.Error(t, err, "got  %v\nwant %s", err, c.want)
			assert.True(t, strings.HasPrefix(err.Error(), "stablehlo.Read: "), "got  %v\nwant %s", err, c.want)
			assert.ErrorContains(t, err, c.want, "got  %v\nwant %s", err, c.want)
		})
	}
}
