module @conversions attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%x: tensor<2xf64>, %z: tensor<2xcomplex<f32>>) -> (tensor<2xi1>, tensor<2xui8>, tensor<2xf16>, tensor<2xcomplex<f32>>, tensor<2xi1>, tensor<2xi32>, tensor<2xcomplex<f64>>) {
    %0 = stablehlo.constant dense<0.0e+00> : tensor<2xf64>
    %1 = stablehlo.compare NE, %x, %0, FLOAT : (tensor<2xf64>, tensor<2xf64>) -> tensor<2xi1>
    %2 = stablehlo.convert %x : (tensor<2xf64>) -> tensor<2xui8>
    %3 = stablehlo.bitcast_convert %x : (tensor<2xf64>) -> tensor<2xui64>
    %4 = stablehlo.constant dense<536870911> : tensor<2xui64>
    %5 = stablehlo.and %3, %4 : tensor<2xui64>
    %6 = stablehlo.constant dense<0> : tensor<2xui64>
    %7 = stablehlo.compare NE, %5, %6, UNSIGNED : (tensor<2xui64>, tensor<2xui64>) -> tensor<2xi1>
    %8 = stablehlo.constant dense<536870912> : tensor<2xui64>
    %9 = stablehlo.select %7, %8, %6 : tensor<2xi1>, tensor<2xui64>
    %10 = stablehlo.subtract %3, %5 : tensor<2xui64>
    %11 = stablehlo.or %10, %9 : tensor<2xui64>
    %12 = stablehlo.bitcast_convert %11 : (tensor<2xui64>) -> tensor<2xf64>
    %13 = stablehlo.convert %12 : (tensor<2xf64>) -> tensor<2xf32>
    %14 = stablehlo.convert %13 : (tensor<2xf32>) -> tensor<2xf16>
    %15 = stablehlo.convert %x : (tensor<2xf64>) -> tensor<2xf32>
    %16 = stablehlo.constant dense<0.0e+00> : tensor<2xf32>
    %17 = stablehlo.complex %15, %16 : tensor<2xcomplex<f32>>
    %18 = stablehlo.constant dense<(0.0e+00, 0.0e+00)> : tensor<2xcomplex<f32>>
    %19 = stablehlo.compare NE, %z, %18, FLOAT : (tensor<2xcomplex<f32>>, tensor<2xcomplex<f32>>) -> tensor<2xi1>
    %20 = stablehlo.real %z : (tensor<2xcomplex<f32>>) -> tensor<2xf32>
    %21 = stablehlo.convert %20 : (tensor<2xf32>) -> tensor<2xi32>
    %22 = stablehlo.convert %z : (tensor<2xcomplex<f32>>) -> tensor<2xcomplex<f64>>
    return %1, %2, %14, %17, %19, %21, %22 : tensor<2xi1>, tensor<2xui8>, tensor<2xf16>, tensor<2xcomplex<f32>>, tensor<2xi1>, tensor<2xi32>, tensor<2xcomplex<f64>>
  }
}
