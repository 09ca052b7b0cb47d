module @sorting attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%x: tensor<2x6xf32>, %n: tensor<4xi64>) -> (tensor<2x6xf32>, tensor<2x2xf32>, tensor<2x2xi32>, tensor<4xi64>, tensor<2xi32>) {
    %0 = stablehlo.iota dim = 1 : tensor<2x6xi32>
    %1:2 = "stablehlo.sort"(%x, %0) <{dimension = 1 : i64, is_stable = true}> ({
    ^bb0(%2: tensor<f32>, %3: tensor<f32>, %4: tensor<i32>, %5: tensor<i32>):
      %6 = stablehlo.compare LT, %3, %2, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %7 = stablehlo.compare EQ, %3, %3, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %8 = stablehlo.compare NE, %2, %2, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %9 = stablehlo.and %7, %8 : tensor<i1>
      %10 = stablehlo.or %6, %9 : tensor<i1>
      stablehlo.return %10 : tensor<i1>
    }) : (tensor<2x6xf32>, tensor<2x6xi32>) -> (tensor<2x6xf32>, tensor<2x6xi32>)
    %11 = stablehlo.slice %1#0 [0:2, 0:2] : (tensor<2x6xf32>) -> tensor<2x2xf32>
    %12 = stablehlo.slice %1#1 [0:2, 0:2] : (tensor<2x6xi32>) -> tensor<2x2xi32>
    %13 = "stablehlo.sort"(%x) <{dimension = 1 : i64, is_stable = true}> ({
    ^bb0(%14: tensor<f32>, %15: tensor<f32>):
      %16 = stablehlo.compare LT, %14, %15, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %17 = stablehlo.compare EQ, %14, %14, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %18 = stablehlo.compare NE, %15, %15, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %19 = stablehlo.and %17, %18 : tensor<i1>
      %20 = stablehlo.or %16, %19 : tensor<i1>
      stablehlo.return %20 : tensor<i1>
    }) : (tensor<2x6xf32>) -> tensor<2x6xf32>
    %21 = "stablehlo.sort"(%n) <{dimension = 0 : i64, is_stable = true}> ({
    ^bb0(%22: tensor<i64>, %23: tensor<i64>):
      %24 = stablehlo.compare LT, %23, %22, SIGNED : (tensor<i64>, tensor<i64>) -> tensor<i1>
      stablehlo.return %24 : tensor<i1>
    }) : (tensor<4xi64>) -> tensor<4xi64>
    %25 = stablehlo.constant dense<0xFF800000> : tensor<f32>
    %26 = stablehlo.reduce(%x init: %25) applies stablehlo.maximum across dimensions = [1] : (tensor<2x6xf32>, tensor<f32>) -> tensor<2xf32>
    %27 = stablehlo.reshape %26 : (tensor<2xf32>) -> tensor<2x1xf32>
    %28 = stablehlo.broadcast_in_dim %27, dims = [0, 1] : (tensor<2x1xf32>) -> tensor<2x6xf32>
    %29 = stablehlo.compare EQ, %x, %28, FLOAT : (tensor<2x6xf32>, tensor<2x6xf32>) -> tensor<2x6xi1>
    %30 = stablehlo.compare NE, %x, %x, FLOAT : (tensor<2x6xf32>, tensor<2x6xf32>) -> tensor<2x6xi1>
    %31 = stablehlo.or %29, %30 : tensor<2x6xi1>
    %32 = stablehlo.iota dim = 1 : tensor<2x6xi32>
    %33 = stablehlo.constant dense<5> : tensor<i32>
    %34 = stablehlo.broadcast_in_dim %33, dims = [] : (tensor<i32>) -> tensor<2x6xi32>
    %35 = stablehlo.select %31, %32, %34 : tensor<2x6xi1>, tensor<2x6xi32>
    %36 = stablehlo.constant dense<2147483647> : tensor<i32>
    %37 = stablehlo.reduce(%35 init: %36) applies stablehlo.minimum across dimensions = [1] : (tensor<2x6xi32>, tensor<i32>) -> tensor<2xi32>
    return %13, %11, %12, %21, %37 : tensor<2x6xf32>, tensor<2x2xf32>, tensor<2x2xi32>, tensor<4xi64>, tensor<2xi32>
  }
}
