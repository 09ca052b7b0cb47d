module @jit__lambda attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<3x10xf32>) -> (tensor<3x10xf32> {jax.result_info = "result"}) {
    %0 = call @fft(%arg0) : (tensor<3x10xf32>) -> tensor<3x6xcomplex<f32>>
    %1 = stablehlo.abs %0 : (tensor<3x6xcomplex<f32>>) -> tensor<3x6xf32>
    %2 = stablehlo.real %0 : (tensor<3x6xcomplex<f32>>) -> tensor<3x6xf32>
    %3 = stablehlo.imag %0 : (tensor<3x6xcomplex<f32>>) -> tensor<3x6xf32>
    %4 = stablehlo.negate %3 : tensor<3x6xf32>
    %5 = stablehlo.complex %2, %4 : tensor<3x6xcomplex<f32>>
    %6 = stablehlo.convert %1 : (tensor<3x6xf32>) -> tensor<3x6xcomplex<f32>>
    %cst = stablehlo.constant dense<(0.000000e+00,0.000000e+00)> : tensor<complex<f32>>
    %7 = stablehlo.broadcast_in_dim %cst, dims = [] : (tensor<complex<f32>>) -> tensor<3x6xcomplex<f32>>
    %8 = stablehlo.compare EQ, %6, %7, FLOAT : (tensor<3x6xcomplex<f32>>, tensor<3x6xcomplex<f32>>) -> tensor<3x6xi1>
    %cst_0 = stablehlo.constant dense<(1.000000e+00,0.000000e+00)> : tensor<complex<f32>>
    %9 = stablehlo.broadcast_in_dim %cst_0, dims = [] : (tensor<complex<f32>>) -> tensor<3x6xcomplex<f32>>
    %10 = stablehlo.select %8, %9, %6 : tensor<3x6xi1>, tensor<3x6xcomplex<f32>>
    %11 = stablehlo.divide %5, %10 : tensor<3x6xcomplex<f32>>
    %12 = stablehlo.iota dim = 0 : tensor<6xf32>
    %13 = stablehlo.broadcast_in_dim %12, dims = [1] : (tensor<6xf32>) -> tensor<1x6xf32>
    %cst_1 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %14 = stablehlo.broadcast_in_dim %cst_1, dims = [] : (tensor<f32>) -> tensor<3x6xf32>
    %15 = stablehlo.broadcast_in_dim %13, dims = [0, 1] : (tensor<1x6xf32>) -> tensor<3x6xf32>
    %16 = stablehlo.multiply %14, %15 : tensor<3x6xf32>
    %cst_2 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %17 = stablehlo.broadcast_in_dim %cst_2, dims = [] : (tensor<f32>) -> tensor<3x6xf32>
    %18 = stablehlo.complex %16, %17 : tensor<3x6xcomplex<f32>>
    %19 = stablehlo.multiply %18, %11 : tensor<3x6xcomplex<f32>>
    %20 = call @fft_0(%19) : (tensor<3x6xcomplex<f32>>) -> tensor<3x10xf32>
    return %20 : tensor<3x10xf32>
  }
  func.func private @fft(%arg0: tensor<3x10xf32>) -> tensor<3x6xcomplex<f32>> {
    %0 = stablehlo.fft %arg0, type = RFFT, length = [10] : (tensor<3x10xf32>) -> tensor<3x6xcomplex<f32>>
    return %0 : tensor<3x6xcomplex<f32>>
  }
  func.func private @fft_0(%arg0: tensor<3x6xcomplex<f32>>) -> tensor<3x10xf32> {
    %0 = call @_rfft_transpose(%arg0) : (tensor<3x6xcomplex<f32>>) -> tensor<3x10xf32>
    return %0 : tensor<3x10xf32>
  }
  func.func private @_rfft_transpose(%arg0: tensor<3x6xcomplex<f32>>) -> tensor<3x10xf32> {
    %cst = stablehlo.constant dense<(2.000000e+00,0.000000e+00)> : tensor<complex<f32>>
    %0 = stablehlo.broadcast_in_dim %cst, dims = [] : (tensor<complex<f32>>) -> tensor<6xcomplex<f32>>
    %cst_0 = stablehlo.constant dense<(1.000000e+00,0.000000e+00)> : tensor<complex<f32>>
    %1 = stablehlo.broadcast_in_dim %cst_0, dims = [] : (tensor<complex<f32>>) -> tensor<1xcomplex<f32>>
    %c = stablehlo.constant dense<0> : tensor<i32>
    %2 = stablehlo.dynamic_update_slice %0, %1, %c : (tensor<6xcomplex<f32>>, tensor<1xcomplex<f32>>, tensor<i32>) -> tensor<6xcomplex<f32>>
    %cst_1 = stablehlo.constant dense<(1.000000e+00,0.000000e+00)> : tensor<complex<f32>>
    %3 = stablehlo.broadcast_in_dim %cst_1, dims = [] : (tensor<complex<f32>>) -> tensor<1xcomplex<f32>>
    %c_2 = stablehlo.constant dense<5> : tensor<i32>
    %4 = stablehlo.dynamic_update_slice %2, %3, %c_2 : (tensor<6xcomplex<f32>>, tensor<1xcomplex<f32>>, tensor<i32>) -> tensor<6xcomplex<f32>>
    %5 = stablehlo.broadcast_in_dim %4, dims = [1] : (tensor<6xcomplex<f32>>) -> tensor<1x6xcomplex<f32>>
    %6 = stablehlo.real %arg0 : (tensor<3x6xcomplex<f32>>) -> tensor<3x6xf32>
    %7 = stablehlo.imag %arg0 : (tensor<3x6xcomplex<f32>>) -> tensor<3x6xf32>
    %8 = stablehlo.negate %7 : tensor<3x6xf32>
    %9 = stablehlo.complex %6, %8 : tensor<3x6xcomplex<f32>>
    %10 = stablehlo.broadcast_in_dim %5, dims = [0, 1] : (tensor<1x6xcomplex<f32>>) -> tensor<3x6xcomplex<f32>>
    %11 = stablehlo.divide %9, %10 : tensor<3x6xcomplex<f32>>
    %12 = call @fft_1(%11) : (tensor<3x6xcomplex<f32>>) -> tensor<3x10xf32>
    %cst_3 = stablehlo.constant dense<1.000000e+01> : tensor<f32>
    %13 = stablehlo.broadcast_in_dim %cst_3, dims = [] : (tensor<f32>) -> tensor<3x10xf32>
    %14 = stablehlo.multiply %13, %12 : tensor<3x10xf32>
    return %14 : tensor<3x10xf32>
  }
  func.func private @fft_1(%arg0: tensor<3x6xcomplex<f32>>) -> tensor<3x10xf32> {
    %0 = stablehlo.fft %arg0, type = IRFFT, length = [10] : (tensor<3x6xcomplex<f32>>) -> tensor<3x10xf32>
    return %0 : tensor<3x10xf32>
  }
}
