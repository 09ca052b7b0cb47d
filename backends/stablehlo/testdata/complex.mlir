module @complex attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%x: tensor<3xf32>, %y: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xi1>, tensor<3xf32>) {
    %0 = stablehlo.complex %x, %y : tensor<3xcomplex<f32>>
    %1 = stablehlo.abs %0 : (tensor<3xcomplex<f32>>) -> tensor<3xf32>
    %2 = stablehlo.exponential %0 : tensor<3xcomplex<f32>>
    %3 = stablehlo.real %2 : (tensor<3xcomplex<f32>>) -> tensor<3xf32>
    %4 = stablehlo.real %0 : (tensor<3xcomplex<f32>>) -> tensor<3xf32>
    %5 = stablehlo.imag %0 : (tensor<3xcomplex<f32>>) -> tensor<3xf32>
    %6 = stablehlo.negate %5 : tensor<3xf32>
    %7 = stablehlo.complex %4, %6 : tensor<3xcomplex<f32>>
    %8 = stablehlo.imag %7 : (tensor<3xcomplex<f32>>) -> tensor<3xf32>
    %9 = chlo.erf %x : tensor<3xf32> -> tensor<3xf32>
    %10 = stablehlo.abs %x : tensor<3xf32>
    %11 = stablehlo.sign %x : tensor<3xf32>
    %12 = stablehlo.constant dense<4.0e+00> : tensor<3xf32>
    %13 = stablehlo.compare GE, %10, %12, FLOAT : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>
    %14 = stablehlo.select %13, %11, %9 : tensor<3xi1>, tensor<3xf32>
    %15 = stablehlo.is_finite %x : (tensor<3xf32>) -> tensor<3xi1>
    %16 = stablehlo.clamp %y, %x, %y : tensor<3xf32>
    return %1, %3, %8, %14, %15, %16 : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xi1>, tensor<3xf32>
  }
}
