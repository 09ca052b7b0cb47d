module @control attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%x: tensor<3xf32>, %scale: tensor<f32>) -> (tensor<3xf32>, tensor<i32>) {
    %0 = func.call @double(%x, %scale) : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
    %1 = func.call @double(%0, %scale) : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
    %2 = stablehlo.constant dense<0> : tensor<i32>
    %3:2 = stablehlo.while(%4 = %1, %5 = %2) : tensor<3xf32>, tensor<i32>
    cond {
      %6 = stablehlo.constant dense<10> : tensor<i32>
      %7 = stablehlo.compare LT, %5, %6, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
      stablehlo.return %7 : tensor<i1>
    } do {
      %8 = stablehlo.broadcast_in_dim %scale, dims = [] : (tensor<f32>) -> tensor<3xf32>
      %9 = stablehlo.multiply %4, %8 : tensor<3xf32>
      %10 = stablehlo.add %9, %1 : tensor<3xf32>
      %11 = stablehlo.constant dense<1> : tensor<i32>
      %12 = stablehlo.add %5, %11 : tensor<i32>
      stablehlo.return %10, %12 : tensor<3xf32>, tensor<i32>
    }
    %13 = stablehlo.constant dense<0.0e+00> : tensor<f32>
    %14 = stablehlo.compare GT, %scale, %13, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %15:2 = "stablehlo.if"(%14) ({
      stablehlo.return %3#0, %3#1 : tensor<3xf32>, tensor<i32>
    }, {
      %16 = stablehlo.negate %1 : tensor<3xf32>
      %17 = stablehlo.constant dense<-1> : tensor<i32>
      stablehlo.return %16, %17 : tensor<3xf32>, tensor<i32>
    }) : (tensor<i1>) -> (tensor<3xf32>, tensor<i32>)
    return %15#0, %15#1 : tensor<3xf32>, tensor<i32>
  }
  func.func private @double(%a: tensor<3xf32>, %captured0: tensor<f32>) -> (tensor<3xf32>) {
    %0 = stablehlo.broadcast_in_dim %captured0, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %1 = stablehlo.multiply %a, %0 : tensor<3xf32>
    return %1 : tensor<3xf32>
  }
}
