module @conversions attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%x: tensor<2xf64>, %z: tensor<2xcomplex<f32>>) -> (tensor<2xi1>, tensor<2xui8>, tensor<2xf16>, tensor<2xcomplex<f32>>, tensor<2xi1>, tensor<2xi32>, tensor<2xcomplex<f64>>) {
    %0 = stablehlo.constant dense<0.0e+00> : tensor<2xf64>
    %1 = stablehlo.compare NE, %x, %0, FLOAT : (tensor<2xf64>, tensor<2xf64>) -> tensor<2xi1>
    %2 = stablehlo.convert %x : (tensor<2xf64>) -> tensor<2xui8>
    %3 = stablehlo.convert %x : (tensor<2xf64>) -> tensor<2xf16>
    %4 = stablehlo.convert %x : (tensor<2xf64>) -> tensor<2xf32>
    %5 = stablehlo.constant dense<0.0e+00> : tensor<2xf32>
    %6 = stablehlo.complex %4, %5 : tensor<2xcomplex<f32>>
    %7 = stablehlo.constant dense<(0.0e+00, 0.0e+00)> : tensor<2xcomplex<f32>>
    %8 = stablehlo.compare NE, %z, %7, FLOAT : (tensor<2xcomplex<f32>>, tensor<2xcomplex<f32>>) -> tensor<2xi1>
    %9 = stablehlo.real %z : (tensor<2xcomplex<f32>>) -> tensor<2xf32>
    %10 = stablehlo.convert %9 : (tensor<2xf32>) -> tensor<2xi32>
    %11 = stablehlo.convert %z : (tensor<2xcomplex<f32>>) -> tensor<2xcomplex<f64>>
    return %1, %2, %3, %6, %8, %10, %11 : tensor<2xi1>, tensor<2xui8>, tensor<2xf16>, tensor<2xcomplex<f32>>, tensor<2xi1>, tensor<2xi32>, tensor<2xcomplex<f64>>
  }
}
