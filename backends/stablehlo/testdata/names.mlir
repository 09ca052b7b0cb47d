module @names attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%layer_0_weights: tensor<f32>, %layer_0_weights_1: tensor<f32>, %arg2: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
    %0 = stablehlo.add %layer_0_weights, %layer_0_weights_1 : tensor<f32>
    %1 = stablehlo.add %0, %arg2 : tensor<f32>
    return %1, %layer_0_weights : tensor<f32>, tensor<f32>
  }
}
