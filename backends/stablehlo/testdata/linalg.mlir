module @linalg attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%x: tensor<2x3x3xf32>, %z: tensor<3x3xcomplex<f32>>) -> (tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<3x3xcomplex<f32>>, tensor<3x3xcomplex<f32>>, tensor<3x3xcomplex<f32>>, tensor<2x3x3xf32>, tensor<2x3x3xf32>) {
    %0 = stablehlo.iota dim = 1 : tensor<2x3x3xi32>
    %1 = stablehlo.iota dim = 2 : tensor<2x3x3xi32>
    %2 = stablehlo.compare EQ, %0, %1, SIGNED : (tensor<2x3x3xi32>, tensor<2x3x3xi32>) -> tensor<2x3x3xi1>
    %3 = stablehlo.cholesky %x, lower = true : tensor<2x3x3xf32>
    %4 = stablehlo.constant dense<0.0e+00> : tensor<2x3x3xf32>
    %5 = stablehlo.compare GT, %3, %4, FLOAT : (tensor<2x3x3xf32>, tensor<2x3x3xf32>) -> tensor<2x3x3xi1>
    %6 = stablehlo.compare NE, %0, %1, SIGNED : (tensor<2x3x3xi32>, tensor<2x3x3xi32>) -> tensor<2x3x3xi1>
    %7 = stablehlo.or %5, %6 : tensor<2x3x3xi1>
    %8 = stablehlo.constant dense<true> : tensor<i1>
    %9 = stablehlo.reduce(%7 init: %8) applies stablehlo.and across dimensions = [1, 2] : (tensor<2x3x3xi1>, tensor<i1>) -> tensor<2xi1>
    %10 = stablehlo.broadcast_in_dim %9, dims = [0] : (tensor<2xi1>) -> tensor<2x3x3xi1>
    %11 = stablehlo.constant dense<0x7FC00000> : tensor<2x3x3xf32>
    %12 = stablehlo.select %10, %3, %11 : tensor<2x3x3xi1>, tensor<2x3x3xf32>
    %13 = stablehlo.compare GE, %0, %1, SIGNED : (tensor<2x3x3xi32>, tensor<2x3x3xi32>) -> tensor<2x3x3xi1>
    %14 = stablehlo.constant dense<0.0e+00> : tensor<2x3x3xf32>
    %15 = stablehlo.select %13, %12, %14 : tensor<2x3x3xi1>, tensor<2x3x3xf32>
    %16 = "stablehlo.triangular_solve"(%15, %x) <{left_side = true, lower = true, transpose_a = #stablehlo<transpose TRANSPOSE>, unit_diagonal = false}> : (tensor<2x3x3xf32>, tensor<2x3x3xf32>) -> tensor<2x3x3xf32>
    %17 = stablehlo.iota dim = 0 : tensor<3x3xi32>
    %18 = stablehlo.iota dim = 1 : tensor<3x3xi32>
    %19 = stablehlo.compare EQ, %17, %18, SIGNED : (tensor<3x3xi32>, tensor<3x3xi32>) -> tensor<3x3xi1>
    %20 = stablehlo.real %z : (tensor<3x3xcomplex<f32>>) -> tensor<3x3xf32>
    %21 = stablehlo.constant dense<0.0e+00> : tensor<3x3xf32>
    %22 = stablehlo.complex %20, %21 : tensor<3x3xcomplex<f32>>
    %23 = stablehlo.select %19, %22, %z : tensor<3x3xi1>, tensor<3x3xcomplex<f32>>
    %24 = stablehlo.cholesky %23, lower = false : tensor<3x3xcomplex<f32>>
    %25 = stablehlo.real %24 : (tensor<3x3xcomplex<f32>>) -> tensor<3x3xf32>
    %26 = stablehlo.constant dense<0.0e+00> : tensor<3x3xf32>
    %27 = stablehlo.compare GT, %25, %26, FLOAT : (tensor<3x3xf32>, tensor<3x3xf32>) -> tensor<3x3xi1>
    %28 = stablehlo.compare NE, %17, %18, SIGNED : (tensor<3x3xi32>, tensor<3x3xi32>) -> tensor<3x3xi1>
    %29 = stablehlo.or %27, %28 : tensor<3x3xi1>
    %30 = stablehlo.constant dense<true> : tensor<i1>
    %31 = stablehlo.reduce(%29 init: %30) applies stablehlo.and across dimensions = [0, 1] : (tensor<3x3xi1>, tensor<i1>) -> tensor<i1>
    %32 = stablehlo.broadcast_in_dim %31, dims = [] : (tensor<i1>) -> tensor<3x3xi1>
    %33 = stablehlo.constant dense<(0x7FC00000, 0x7FC00000)> : tensor<3x3xcomplex<f32>>
    %34 = stablehlo.select %32, %24, %33 : tensor<3x3xi1>, tensor<3x3xcomplex<f32>>
    %35 = stablehlo.compare LE, %17, %18, SIGNED : (tensor<3x3xi32>, tensor<3x3xi32>) -> tensor<3x3xi1>
    %36 = stablehlo.constant dense<(0.0e+00, 0.0e+00)> : tensor<3x3xcomplex<f32>>
    %37 = stablehlo.select %35, %34, %36 : tensor<3x3xi1>, tensor<3x3xcomplex<f32>>
    %38 = "stablehlo.triangular_solve"(%z, %z) <{left_side = false, lower = false, transpose_a = #stablehlo<transpose ADJOINT>, unit_diagonal = true}> : (tensor<3x3xcomplex<f32>>, tensor<3x3xcomplex<f32>>) -> tensor<3x3xcomplex<f32>>
    %39 = stablehlo.fft %z, type = FFT, length = [3, 3] : (tensor<3x3xcomplex<f32>>) -> tensor<3x3xcomplex<f32>>
    %40 = stablehlo.fft %x, type = RFFT, length = [3] : (tensor<2x3x3xf32>) -> tensor<2x3x2xcomplex<f32>>
    %41 = stablehlo.fft %40, type = IRFFT, length = [3] : (tensor<2x3x2xcomplex<f32>>) -> tensor<2x3x3xf32>
    %42 = stablehlo.reduce_precision %x, format = e4m3 : tensor<2x3x3xf32>
    return %15, %16, %37, %38, %39, %41, %42 : tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<3x3xcomplex<f32>>, tensor<3x3xcomplex<f32>>, tensor<3x3xcomplex<f32>>, tensor<2x3x3xf32>, tensor<2x3x3xf32>
  }
}
