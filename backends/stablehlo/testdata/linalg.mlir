module @linalg attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%x: tensor<2x3x3xf32>, %z: tensor<3x3xcomplex<f32>>) -> (tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<3x3xcomplex<f32>>, tensor<3x3xcomplex<f32>>, tensor<3x3xcomplex<f32>>, tensor<2x3x3xf32>, tensor<2x3x3xf32>) {
    %0 = stablehlo.iota dim = 1 : tensor<2x3x3xi32>
    %1 = stablehlo.iota dim = 2 : tensor<2x3x3xi32>
    %2 = stablehlo.cholesky %x, lower = true : tensor<2x3x3xf32>
    %3 = stablehlo.constant dense<0.0e+00> : tensor<2x3x3xf32>
    %4 = stablehlo.compare GT, %2, %3, FLOAT : (tensor<2x3x3xf32>, tensor<2x3x3xf32>) -> tensor<2x3x3xi1>
    %5 = stablehlo.compare NE, %0, %1, SIGNED : (tensor<2x3x3xi32>, tensor<2x3x3xi32>) -> tensor<2x3x3xi1>
    %6 = stablehlo.or %4, %5 : tensor<2x3x3xi1>
    %7 = stablehlo.constant dense<true> : tensor<i1>
    %8 = stablehlo.reduce(%6 init: %7) applies stablehlo.and across dimensions = [1, 2] : (tensor<2x3x3xi1>, tensor<i1>) -> tensor<2xi1>
    %9 = stablehlo.broadcast_in_dim %8, dims = [0] : (tensor<2xi1>) -> tensor<2x3x3xi1>
    %10 = stablehlo.constant dense<0x7FC00000> : tensor<2x3x3xf32>
    %11 = stablehlo.select %9, %2, %10 : tensor<2x3x3xi1>, tensor<2x3x3xf32>
    %12 = stablehlo.compare GE, %0, %1, SIGNED : (tensor<2x3x3xi32>, tensor<2x3x3xi32>) -> tensor<2x3x3xi1>
    %13 = stablehlo.constant dense<0.0e+00> : tensor<2x3x3xf32>
    %14 = stablehlo.select %12, %11, %13 : tensor<2x3x3xi1>, tensor<2x3x3xf32>
    %15 = "stablehlo.triangular_solve"(%14, %x) <{left_side = true, lower = true, transpose_a = #stablehlo<transpose TRANSPOSE>, unit_diagonal = false}> : (tensor<2x3x3xf32>, tensor<2x3x3xf32>) -> tensor<2x3x3xf32>
    %16 = stablehlo.iota dim = 0 : tensor<3x3xi32>
    %17 = stablehlo.iota dim = 1 : tensor<3x3xi32>
    %18 = stablehlo.compare EQ, %16, %17, SIGNED : (tensor<3x3xi32>, tensor<3x3xi32>) -> tensor<3x3xi1>
    %19 = stablehlo.real %z : (tensor<3x3xcomplex<f32>>) -> tensor<3x3xf32>
    %20 = stablehlo.constant dense<0.0e+00> : tensor<3x3xf32>
    %21 = stablehlo.complex %19, %20 : tensor<3x3xcomplex<f32>>
    %22 = stablehlo.select %18, %21, %z : tensor<3x3xi1>, tensor<3x3xcomplex<f32>>
    %23 = stablehlo.cholesky %22, lower = false : tensor<3x3xcomplex<f32>>
    %24 = stablehlo.real %23 : (tensor<3x3xcomplex<f32>>) -> tensor<3x3xf32>
    %25 = stablehlo.constant dense<0.0e+00> : tensor<3x3xf32>
    %26 = stablehlo.compare GT, %24, %25, FLOAT : (tensor<3x3xf32>, tensor<3x3xf32>) -> tensor<3x3xi1>
    %27 = stablehlo.compare NE, %16, %17, SIGNED : (tensor<3x3xi32>, tensor<3x3xi32>) -> tensor<3x3xi1>
    %28 = stablehlo.or %26, %27 : tensor<3x3xi1>
    %29 = stablehlo.constant dense<true> : tensor<i1>
    %30 = stablehlo.reduce(%28 init: %29) applies stablehlo.and across dimensions = [0, 1] : (tensor<3x3xi1>, tensor<i1>) -> tensor<i1>
    %31 = stablehlo.broadcast_in_dim %30, dims = [] : (tensor<i1>) -> tensor<3x3xi1>
    %32 = stablehlo.constant dense<(0x7FC00000, 0x7FC00000)> : tensor<3x3xcomplex<f32>>
    %33 = stablehlo.select %31, %23, %32 : tensor<3x3xi1>, tensor<3x3xcomplex<f32>>
    %34 = stablehlo.compare LE, %16, %17, SIGNED : (tensor<3x3xi32>, tensor<3x3xi32>) -> tensor<3x3xi1>
    %35 = stablehlo.constant dense<(0.0e+00, 0.0e+00)> : tensor<3x3xcomplex<f32>>
    %36 = stablehlo.select %34, %33, %35 : tensor<3x3xi1>, tensor<3x3xcomplex<f32>>
    %37 = "stablehlo.triangular_solve"(%z, %z) <{left_side = false, lower = false, transpose_a = #stablehlo<transpose ADJOINT>, unit_diagonal = true}> : (tensor<3x3xcomplex<f32>>, tensor<3x3xcomplex<f32>>) -> tensor<3x3xcomplex<f32>>
    %38 = stablehlo.fft %z, type = FFT, length = [3, 3] : (tensor<3x3xcomplex<f32>>) -> tensor<3x3xcomplex<f32>>
    %39 = stablehlo.fft %x, type = RFFT, length = [3] : (tensor<2x3x3xf32>) -> tensor<2x3x2xcomplex<f32>>
    %40 = stablehlo.fft %39, type = IRFFT, length = [3] : (tensor<2x3x2xcomplex<f32>>) -> tensor<2x3x3xf32>
    %41 = stablehlo.reduce_precision %x, format = e4m3 : tensor<2x3x3xf32>
    return %14, %15, %36, %37, %38, %40, %41 : tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<3x3xcomplex<f32>>, tensor<3x3xcomplex<f32>>, tensor<3x3xcomplex<f32>>, tensor<2x3x3xf32>, tensor<2x3x3xf32>
  }
}
