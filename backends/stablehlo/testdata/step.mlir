module @training_step attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%w: tensor<3xf32> {tf.aliasing_output = 1 : i32}, %x: tensor<2x3xf32>, %seed: tensor<3xui64> {jax.buffer_donor = true}) -> (tensor<f32>, tensor<3xf32>, tensor<ui64>) {
    %0 = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0], precision = [HIGHEST, HIGHEST] : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2xf32>
    %1 = stablehlo.multiply %0, %0 : tensor<2xf32>
    %2 = stablehlo.constant dense<0.0e+00> : tensor<f32>
    %3 = stablehlo.reduce(%1 init: %2) applies stablehlo.add across dimensions = [0] : (tensor<2xf32>, tensor<f32>) -> tensor<f32>
    %4 = stablehlo.add %0, %0 : tensor<2xf32>
    %5 = stablehlo.dot_general %4, %x, contracting_dims = [0] x [0], precision = [HIGHEST, HIGHEST] : (tensor<2xf32>, tensor<2x3xf32>) -> tensor<3xf32>
    %6 = stablehlo.constant dense<1.0e-01> : tensor<f32>
    %7 = stablehlo.broadcast_in_dim %6, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %8 = stablehlo.multiply %5, %7 : tensor<3xf32>
    %9 = stablehlo.subtract %w, %8 : tensor<3xf32>
    %10 = stablehlo.constant dense<0> : tensor<ui64>
    %11 = stablehlo.reduce(%seed init: %10) applies stablehlo.maximum across dimensions = [0] : (tensor<3xui64>, tensor<ui64>) -> tensor<ui64>
    return %3, %9, %11 : tensor<f32>, tensor<3xf32>, tensor<ui64>
  }
}
