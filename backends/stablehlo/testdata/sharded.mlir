module @sharded attributes {mhlo.num_partitions = 4 : i32, mhlo.num_replicas = 1 : i32} {
  sdy.mesh @mesh = <["data"=2, "model"=2]>
  func.func public @main(%up: tensor<4x8xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}, {"model"}]>, tf.aliasing_output = 1 : i32}, %down: tensor<8x4xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"model"}, {}]>, tf.aliasing_output = 2 : i32}, %x: tensor<16x4xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"data"}, {}]>}, %spare: tensor<8x4xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}, {"data", "model"}]>, jax.buffer_donor = true}) -> (tensor<f32> {sdy.sharding = #sdy.sharding<@mesh, []>}, tensor<4x8xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}, {"model"}]>}, tensor<8x4xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"model"}, {}]>}, tensor<8x4xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}, {}]>}) {
    %0 = stablehlo.dot_general %x, %up, contracting_dims = [1] x [0], precision = [HIGHEST, HIGHEST] : (tensor<16x4xf32>, tensor<4x8xf32>) -> tensor<16x8xf32>
    %1 = stablehlo.constant dense<0.0e+00> : tensor<f32>
    %2 = stablehlo.broadcast_in_dim %1, dims = [] : (tensor<f32>) -> tensor<16x8xf32>
    %3 = stablehlo.maximum %0, %2 : tensor<16x8xf32>
    %4 = sdy.sharding_constraint %3 <@mesh, [{?}, {"model"}]> : tensor<16x8xf32>
    %5 = func.call @mesh_1(%4, %down) : (tensor<16x8xf32>, tensor<8x4xf32>) -> tensor<16x4xf32>
    %6 = stablehlo.subtract %5, %x : tensor<16x4xf32>
    %7 = stablehlo.multiply %6, %6 : tensor<16x4xf32>
    %8 = stablehlo.constant dense<0.0e+00> : tensor<f32>
    %9 = stablehlo.reduce(%7 init: %8) applies stablehlo.add across dimensions = [0, 1] : (tensor<16x4xf32>, tensor<f32>) -> tensor<f32>
    %10 = stablehlo.constant dense<1.5625e-02> : tensor<f32>
    %11 = stablehlo.multiply %9, %10 : tensor<f32>
    %12 = stablehlo.constant dense<1.0e+00> : tensor<f32>
    %13 = stablehlo.multiply %12, %10 : tensor<f32>
    %14 = stablehlo.reshape %13 : (tensor<f32>) -> tensor<1x1xf32>
    %15 = stablehlo.add %6, %6 : tensor<16x4xf32>
    %16 = stablehlo.broadcast_in_dim %14, dims = [0, 1] : (tensor<1x1xf32>) -> tensor<16x4xf32>
    %17 = stablehlo.multiply %16, %15 : tensor<16x4xf32>
    %18:2 = func.call @mesh_vjp(%17, %4, %down) : (tensor<16x4xf32>, tensor<16x8xf32>, tensor<8x4xf32>) -> (tensor<16x8xf32>, tensor<8x4xf32>)
    %19 = sdy.sharding_constraint %18#0 <@mesh, [{?}, {"model"}]> : tensor<16x8xf32>
    %20 = stablehlo.broadcast_in_dim %1, dims = [] : (tensor<f32>) -> tensor<16x8xf32>
    %21 = stablehlo.compare GT, %0, %20, FLOAT : (tensor<16x8xf32>, tensor<16x8xf32>) -> tensor<16x8xi1>
    %22 = stablehlo.broadcast_in_dim %1, dims = [] : (tensor<f32>) -> tensor<16x8xf32>
    %23 = stablehlo.select %21, %19, %22 : tensor<16x8xi1>, tensor<16x8xf32>
    %24 = stablehlo.dot_general %x, %23, contracting_dims = [0] x [0], precision = [HIGHEST, HIGHEST] : (tensor<16x4xf32>, tensor<16x8xf32>) -> tensor<4x8xf32>
    %25 = stablehlo.subtract %up, %24 : tensor<4x8xf32>
    %26 = sdy.sharding_constraint %25 <@mesh, [{}, {"model"}]> : tensor<4x8xf32>
    %27 = stablehlo.subtract %down, %18#1 : tensor<8x4xf32>
    %28 = sdy.sharding_constraint %27 <@mesh, [{"model"}, {}]> : tensor<8x4xf32>
    %29 = stablehlo.negate %spare : tensor<8x4xf32>
    return %11, %26, %28, %29 : tensor<f32>, tensor<4x8xf32>, tensor<8x4xf32>, tensor<8x4xf32>
  }
  func.func private @mesh_1(%captured0: tensor<16x8xf32>, %captured1: tensor<8x4xf32>) -> (tensor<16x4xf32>) {
    %0 = stablehlo.dot_general %captured0, %captured1, contracting_dims = [1] x [0], precision = [HIGHEST, HIGHEST] : (tensor<16x8xf32>, tensor<8x4xf32>) -> tensor<16x4xf32>
    %1 = sdy.sharding_constraint %0 <@mesh, [{"data"}, {}]> : tensor<16x4xf32>
    return %1 : tensor<16x4xf32>
  }
  func.func private @mesh_vjp(%dy0: tensor<16x4xf32>, %captured0: tensor<16x8xf32>, %captured1: tensor<8x4xf32>) -> (tensor<16x8xf32>, tensor<8x4xf32>) {
    %0 = sdy.sharding_constraint %dy0 <@mesh, [{"data"}, {}]> : tensor<16x4xf32>
    %1 = stablehlo.dot_general %0, %captured1, contracting_dims = [1] x [1], precision = [HIGHEST, HIGHEST] : (tensor<16x4xf32>, tensor<8x4xf32>) -> tensor<16x8xf32>
    %2 = stablehlo.dot_general %captured0, %0, contracting_dims = [0] x [0], precision = [HIGHEST, HIGHEST] : (tensor<16x8xf32>, tensor<16x4xf32>) -> tensor<8x4xf32>
    return %1, %2 : tensor<16x8xf32>, tensor<8x4xf32>
  }
}
