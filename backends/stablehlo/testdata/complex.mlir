module @complex attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%x: tensor<3xf32>, %y: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xi1>, tensor<3xf32>) {
    %0 = stablehlo.complex %x, %y : tensor<3xcomplex<f32>>
    %1 = stablehlo.abs %0 : (tensor<3xcomplex<f32>>) -> tensor<3xf32>
    %2 = stablehlo.exponential %0 : tensor<3xcomplex<f32>>
    %3 = stablehlo.real %2 : (tensor<3xcomplex<f32>>) -> tensor<3xf32>
    %4 = stablehlo.negate %y : tensor<3xf32>
    %5 = chlo.erf %x : tensor<3xf32> -> tensor<3xf32>
    %6 = stablehlo.abs %x : tensor<3xf32>
    %7 = stablehlo.sign %x : tensor<3xf32>
    %8 = stablehlo.constant dense<4.0e+00> : tensor<3xf32>
    %9 = stablehlo.compare GE, %6, %8, FLOAT : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>
    %10 = stablehlo.select %9, %7, %5 : tensor<3xi1>, tensor<3xf32>
    %11 = stablehlo.is_finite %x : (tensor<3xf32>) -> tensor<3xi1>
    %12 = stablehlo.clamp %y, %x, %y : tensor<3xf32>
    return %1, %3, %4, %10, %11, %12 : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xi1>, tensor<3xf32>
  }
}
