module @moving attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%x: tensor<2x3xf32>) -> (tensor<3x2xf32>, tensor<6xf32>, tensor<4x3xf32>, tensor<2x3xf32>, tensor<2x2xf32>, tensor<4x3xf32>, tensor<4x2x3xf32>, tensor<2x3xi32>) {
    %0 = stablehlo.transpose %x, dims = [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
    %1 = stablehlo.reshape %x : (tensor<2x3xf32>) -> tensor<6xf32>
    %2 = stablehlo.constant dense<0.0e+00> : tensor<f32>
    %3 = stablehlo.pad %x, %2, low = [1, 0], high = [-1, 0], interior = [2, 0] : (tensor<2x3xf32>, tensor<f32>) -> tensor<4x3xf32>
    %4 = stablehlo.reverse %x, dims = [1] : tensor<2x3xf32>
    %5 = stablehlo.slice %x [0:2, 0:3:2] : (tensor<2x3xf32>) -> tensor<2x2xf32>
    %6 = stablehlo.concatenate %x, %x, dim = 0 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
    %7 = stablehlo.slice %x [0:2, 0:1] : (tensor<2x3xf32>) -> tensor<2x1xf32>
    %8 = stablehlo.broadcast_in_dim %7, dims = [1, 2] : (tensor<2x1xf32>) -> tensor<4x2x3xf32>
    %9 = stablehlo.iota dim = 1 : tensor<2x3xi32>
    return %0, %1, %3, %4, %5, %6, %8, %9 : tensor<3x2xf32>, tensor<6xf32>, tensor<4x3xf32>, tensor<2x3xf32>, tensor<2x2xf32>, tensor<4x3xf32>, tensor<4x2x3xf32>, tensor<2x3xi32>
  }
}
