module @halves attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%x: tensor<4x5xbf16>, %y: tensor<5x2xbf16>) -> (tensor<4x2xbf16>, tensor<5xbf16>, tensor<4xbf16>, tensor<4x5xbf16>) {
    %0 = stablehlo.dot_general %x, %y, contracting_dims = [1] x [0], precision = [DEFAULT, DEFAULT] : (tensor<4x5xbf16>, tensor<5x2xbf16>) -> tensor<4x2xf32>
    %1 = stablehlo.convert %0 : (tensor<4x2xf32>) -> tensor<4x2xbf16>
    %2 = stablehlo.convert %x : (tensor<4x5xbf16>) -> tensor<4x5xf32>
    %3 = stablehlo.constant dense<0.0e+00> : tensor<f32>
    %4 = stablehlo.reduce(%2 init: %3) applies stablehlo.add across dimensions = [0] : (tensor<4x5xf32>, tensor<f32>) -> tensor<5xf32>
    %5 = stablehlo.convert %4 : (tensor<5xf32>) -> tensor<5xbf16>
    %6 = stablehlo.constant dense<0xFF80> : tensor<bf16>
    %7 = stablehlo.reduce(%x init: %6) applies stablehlo.maximum across dimensions = [1] : (tensor<4x5xbf16>, tensor<bf16>) -> tensor<4xbf16>
    %8 = stablehlo.sqrt %x : tensor<4x5xbf16>
    return %1, %5, %7, %8 : tensor<4x2xbf16>, tensor<5xbf16>, tensor<4xbf16>, tensor<4x5xbf16>
  }
}
