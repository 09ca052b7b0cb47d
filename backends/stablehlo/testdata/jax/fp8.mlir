module @jit_narrow attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<66xf32>, %arg1: tensor<4x3xf8E5M2>, %arg2: tensor<2x4xf8E5M2>) -> (tensor<66xf32> {jax.result_info = "result[0]"}, tensor<66xf32> {jax.result_info = "result[1]"}, tensor<2x3xf32> {jax.result_info = "result[2]"}, tensor<4xf32> {jax.result_info = "result[3]"}, tensor<66xbf16> {jax.result_info = "result[4]"}) {
    %cst = stablehlo.constant dense<[5.000000e-01, -4.480000e+02, 1.953130e-03, 3.500000e+00]> : tensor<4xf8E4M3FN>
    %0 = stablehlo.convert %arg0 : (tensor<66xf32>) -> tensor<66xf8E4M3FN>
    %1 = stablehlo.convert %arg0 : (tensor<66xf32>) -> tensor<66xf8E5M2>
    %2 = stablehlo.dot_general %arg2, %arg1, contracting_dims = [1] x [0], precision = [DEFAULT, DEFAULT] : (tensor<2x4xf8E5M2>, tensor<4x3xf8E5M2>) -> tensor<2x3xf32>
    %3 = stablehlo.convert %0 : (tensor<66xf8E4M3FN>) -> tensor<66xf32>
    %4 = stablehlo.convert %1 : (tensor<66xf8E5M2>) -> tensor<66xf32>
    %5 = stablehlo.multiply %cst, %cst : tensor<4xf8E4M3FN>
    %6 = stablehlo.convert %5 : (tensor<4xf8E4M3FN>) -> tensor<4xf32>
    %7 = call @sort(%0) : (tensor<66xf8E4M3FN>) -> tensor<66xf8E4M3FN>
    %8 = stablehlo.reverse %7, dims = [0] : tensor<66xf8E4M3FN>
    %9 = stablehlo.convert %8 : (tensor<66xf8E4M3FN>) -> tensor<66xbf16>
    return %3, %4, %2, %6, %9 : tensor<66xf32>, tensor<66xf32>, tensor<2x3xf32>, tensor<4xf32>, tensor<66xbf16>
  }
  func.func private @sort(%arg0: tensor<66xf8E4M3FN>) -> tensor<66xf8E4M3FN> {
    %0 = "stablehlo.sort"(%arg0) <{dimension = 0 : i64, is_stable = true}> ({
    ^bb0(%arg1: tensor<f8E4M3FN>, %arg2: tensor<f8E4M3FN>):
      %cst = stablehlo.constant dense<0.000000e+00> : tensor<f8E4M3FN>
      %1 = stablehlo.compare EQ, %arg1, %cst, FLOAT : (tensor<f8E4M3FN>, tensor<f8E4M3FN>) -> tensor<i1>
      %cst_0 = stablehlo.constant dense<0.000000e+00> : tensor<f8E4M3FN>
      %2 = stablehlo.select %1, %cst_0, %arg1 : tensor<i1>, tensor<f8E4M3FN>
      %3 = stablehlo.compare NE, %arg1, %arg1, FLOAT : (tensor<f8E4M3FN>, tensor<f8E4M3FN>) -> tensor<i1>
      %cst_1 = stablehlo.constant dense<0x7F> : tensor<f8E4M3FN>
      %4 = stablehlo.select %3, %cst_1, %2 : tensor<i1>, tensor<f8E4M3FN>
      %cst_2 = stablehlo.constant dense<0.000000e+00> : tensor<f8E4M3FN>
      %5 = stablehlo.compare EQ, %arg2, %cst_2, FLOAT : (tensor<f8E4M3FN>, tensor<f8E4M3FN>) -> tensor<i1>
      %cst_3 = stablehlo.constant dense<0.000000e+00> : tensor<f8E4M3FN>
      %6 = stablehlo.select %5, %cst_3, %arg2 : tensor<i1>, tensor<f8E4M3FN>
      %7 = stablehlo.compare NE, %arg2, %arg2, FLOAT : (tensor<f8E4M3FN>, tensor<f8E4M3FN>) -> tensor<i1>
      %cst_4 = stablehlo.constant dense<0x7F> : tensor<f8E4M3FN>
      %8 = stablehlo.select %7, %cst_4, %6 : tensor<i1>, tensor<f8E4M3FN>
      %9 = stablehlo.compare LT, %4, %8, TOTALORDER : (tensor<f8E4M3FN>, tensor<f8E4M3FN>) -> tensor<i1>
      stablehlo.return %9 : tensor<i1>
    }) : (tensor<66xf8E4M3FN>) -> tensor<66xf8E4M3FN>
    return %0 : tensor<66xf8E4M3FN>
  }
}
