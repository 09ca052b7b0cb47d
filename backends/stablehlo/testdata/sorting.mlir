module @sorting attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%x: tensor<2x6xf32>, %n: tensor<4xi64>) -> (tensor<2x6xf32>, tensor<2x2xf32>, tensor<2x2xi32>, tensor<4xi64>, tensor<2xi32>) {
    %0 = stablehlo.iota dim = 1 : tensor<2x6xi32>
    %1:2 = "stablehlo.sort"(%x, %0) <{dimension = 1 : i64, is_stable = true}> ({
    ^bb0(%2: tensor<f32>, %3: tensor<f32>, %4: tensor<i32>, %5: tensor<i32>):
      %6 = stablehlo.compare LT, %3, %2, TOTALORDER : (tensor<f32>, tensor<f32>) -> tensor<i1>
      stablehlo.return %6 : tensor<i1>
    }) : (tensor<2x6xf32>, tensor<2x6xi32>) -> (tensor<2x6xf32>, tensor<2x6xi32>)
    %7 = stablehlo.slice %1#0 [0:2, 0:2] : (tensor<2x6xf32>) -> tensor<2x2xf32>
    %8 = stablehlo.slice %1#1 [0:2, 0:2] : (tensor<2x6xi32>) -> tensor<2x2xi32>
    %9 = "stablehlo.sort"(%x) <{dimension = 1 : i64, is_stable = true}> ({
    ^bb0(%10: tensor<f32>, %11: tensor<f32>):
      %12 = stablehlo.compare LT, %10, %11, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %13 = stablehlo.compare EQ, %10, %10, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %14 = stablehlo.compare NE, %11, %11, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %15 = stablehlo.and %13, %14 : tensor<i1>
      %16 = stablehlo.or %12, %15 : tensor<i1>
      stablehlo.return %16 : tensor<i1>
    }) : (tensor<2x6xf32>) -> tensor<2x6xf32>
    %17 = "stablehlo.sort"(%n) <{dimension = 0 : i64, is_stable = true}> ({
    ^bb0(%18: tensor<i64>, %19: tensor<i64>):
      %20 = stablehlo.compare LT, %19, %18, SIGNED : (tensor<i64>, tensor<i64>) -> tensor<i1>
      stablehlo.return %20 : tensor<i1>
    }) : (tensor<4xi64>) -> tensor<4xi64>
    %21 = stablehlo.constant dense<0xFF800000> : tensor<f32>
    %22 = stablehlo.reduce(%x init: %21) applies stablehlo.maximum across dimensions = [1] : (tensor<2x6xf32>, tensor<f32>) -> tensor<2xf32>
    %23 = stablehlo.reshape %22 : (tensor<2xf32>) -> tensor<2x1xf32>
    %24 = stablehlo.broadcast_in_dim %23, dims = [0, 1] : (tensor<2x1xf32>) -> tensor<2x6xf32>
    %25 = stablehlo.compare EQ, %x, %24, FLOAT : (tensor<2x6xf32>, tensor<2x6xf32>) -> tensor<2x6xi1>
    %26 = stablehlo.compare NE, %x, %x, FLOAT : (tensor<2x6xf32>, tensor<2x6xf32>) -> tensor<2x6xi1>
    %27 = stablehlo.or %25, %26 : tensor<2x6xi1>
    %28 = stablehlo.iota dim = 1 : tensor<2x6xi32>
    %29 = stablehlo.constant dense<5> : tensor<i32>
    %30 = stablehlo.broadcast_in_dim %29, dims = [] : (tensor<i32>) -> tensor<2x6xi32>
    %31 = stablehlo.select %27, %28, %30 : tensor<2x6xi1>, tensor<2x6xi32>
    %32 = stablehlo.constant dense<2147483647> : tensor<i32>
    %33 = stablehlo.reduce(%31 init: %32) applies stablehlo.minimum across dimensions = [1] : (tensor<2x6xi32>, tensor<i32>) -> tensor<2xi32>
    return %9, %7, %8, %17, %33 : tensor<2x6xf32>, tensor<2x2xf32>, tensor<2x2xi32>, tensor<4xi64>, tensor<2xi32>
  }
}
