module @integers attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%x: tensor<4xi32>, %y: tensor<4xi32>, %u: tensor<2x3xui8>) -> (tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<2xui8>, tensor<3xui8>, tensor<2x3xi1>, tensor<i64>) {
    %0 = stablehlo.constant dense<0> : tensor<4xi32>
    %1 = stablehlo.compare EQ, %y, %0, SIGNED : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi1>
    %2 = stablehlo.constant dense<1> : tensor<4xi32>
    %3 = stablehlo.select %1, %2, %y : tensor<4xi1>, tensor<4xi32>
    %4 = stablehlo.divide %x, %3 : tensor<4xi32>
    %5 = stablehlo.constant dense<-1> : tensor<4xi32>
    %6 = stablehlo.select %1, %5, %4 : tensor<4xi1>, tensor<4xi32>
    %7 = stablehlo.constant dense<0> : tensor<4xi32>
    %8 = stablehlo.compare EQ, %y, %7, SIGNED : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi1>
    %9 = stablehlo.constant dense<1> : tensor<4xi32>
    %10 = stablehlo.select %8, %9, %y : tensor<4xi1>, tensor<4xi32>
    %11 = stablehlo.remainder %x, %10 : tensor<4xi32>
    %12 = stablehlo.select %8, %x, %11 : tensor<4xi1>, tensor<4xi32>
    %13 = stablehlo.constant dense<3> : tensor<i32>
    %14 = stablehlo.broadcast_in_dim %13, dims = [] : (tensor<i32>) -> tensor<4xi32>
    %15 = stablehlo.divide %x, %14 : tensor<4xi32>
    %16 = stablehlo.constant dense<2> : tensor<i32>
    %17 = stablehlo.broadcast_in_dim %16, dims = [] : (tensor<i32>) -> tensor<4xi32>
    %18 = stablehlo.shift_left %x, %17 : tensor<4xi32>
    %19 = stablehlo.constant dense<255> : tensor<ui8>
    %20 = stablehlo.reduce(%u init: %19) applies stablehlo.minimum across dimensions = [1] : (tensor<2x3xui8>, tensor<ui8>) -> tensor<2xui8>
    %21 = stablehlo.constant dense<255> : tensor<ui8>
    %22 = stablehlo.reduce(%u init: %21) applies stablehlo.and across dimensions = [0] : (tensor<2x3xui8>, tensor<ui8>) -> tensor<3xui8>
    %23 = stablehlo.constant dense<1> : tensor<ui8>
    %24 = stablehlo.broadcast_in_dim %23, dims = [] : (tensor<ui8>) -> tensor<2x3xui8>
    %25 = stablehlo.compare LT, %u, %24, UNSIGNED : (tensor<2x3xui8>, tensor<2x3xui8>) -> tensor<2x3xi1>
    %26 = stablehlo.dot_general %x, %y, contracting_dims = [0] x [0], precision = [DEFAULT, DEFAULT] : (tensor<4xi32>, tensor<4xi32>) -> tensor<i64>
    %27 = stablehlo.convert %26 : (tensor<i64>) -> tensor<i8>
    %28 = stablehlo.convert %27 : (tensor<i8>) -> tensor<i64>
    return %6, %12, %15, %18, %20, %22, %25, %28 : tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<2xui8>, tensor<3xui8>, tensor<2x3xi1>, tensor<i64>
  }
}
