module @jit__lambda attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<3xi32>, %arg1: tensor<4xf32>) -> (tensor<4xf32> {jax.result_info = "result[0]"}, tensor<4xf32> {jax.result_info = "result[1]"}, tensor<4xf32> {jax.result_info = "result[2]"}) {
    %0 = stablehlo.slice %arg0 [0:1] : (tensor<3xi32>) -> tensor<1xi32>
    %1 = stablehlo.reshape %0 : (tensor<1xi32>) -> tensor<i32>
    %c = stablehlo.constant dense<0> : tensor<i32>
    %c_0 = stablehlo.constant dense<3> : tensor<i32>
    %2 = stablehlo.clamp %c, %1, %c_0 : tensor<i32>
    %3 = "stablehlo.case"(%2) ({
      %12 = stablehlo.sine %arg1 : tensor<4xf32>
      stablehlo.return %12 : tensor<4xf32>
    }, {
      %12 = stablehlo.cosine %arg1 : tensor<4xf32>
      stablehlo.return %12 : tensor<4xf32>
    }, {
      %12 = stablehlo.exponential %arg1 : tensor<4xf32>
      stablehlo.return %12 : tensor<4xf32>
    }, {
      %12 = stablehlo.tanh %arg1 : tensor<4xf32>
      stablehlo.return %12 : tensor<4xf32>
    }) : (tensor<i32>) -> tensor<4xf32>
    %4 = stablehlo.slice %arg0 [1:2] : (tensor<3xi32>) -> tensor<1xi32>
    %5 = stablehlo.reshape %4 : (tensor<1xi32>) -> tensor<i32>
    %c_1 = stablehlo.constant dense<0> : tensor<i32>
    %c_2 = stablehlo.constant dense<2> : tensor<i32>
    %6 = stablehlo.clamp %c_1, %5, %c_2 : tensor<i32>
    %7 = "stablehlo.case"(%6) ({
      %12 = stablehlo.sine %arg1 : tensor<4xf32>
      stablehlo.return %12 : tensor<4xf32>
    }, {
      %12 = stablehlo.cosine %arg1 : tensor<4xf32>
      stablehlo.return %12 : tensor<4xf32>
    }, {
      %12 = stablehlo.exponential %arg1 : tensor<4xf32>
      stablehlo.return %12 : tensor<4xf32>
    }) : (tensor<i32>) -> tensor<4xf32>
    %8 = stablehlo.slice %arg0 [2:3] : (tensor<3xi32>) -> tensor<1xi32>
    %9 = stablehlo.reshape %8 : (tensor<1xi32>) -> tensor<i32>
    %c_3 = stablehlo.constant dense<0> : tensor<i32>
    %c_4 = stablehlo.constant dense<2> : tensor<i32>
    %10 = stablehlo.clamp %c_3, %9, %c_4 : tensor<i32>
    %11 = "stablehlo.case"(%10) ({
      %12 = stablehlo.sine %arg1 : tensor<4xf32>
      stablehlo.return %12 : tensor<4xf32>
    }, {
      %12 = stablehlo.cosine %arg1 : tensor<4xf32>
      stablehlo.return %12 : tensor<4xf32>
    }, {
      %12 = stablehlo.exponential %arg1 : tensor<4xf32>
      stablehlo.return %12 : tensor<4xf32>
    }) : (tensor<i32>) -> tensor<4xf32>
    return %3, %7, %11 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  }
}
