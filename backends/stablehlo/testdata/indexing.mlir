module @indexing attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%table: tensor<300x4xf16>, %at: tensor<5x1xui8>, %start: tensor<ui64>) -> (tensor<5x4xf16>, tensor<300x4xf16>, tensor<300x4xf16>, tensor<300x4xf16>, tensor<5x2x4xf16>) {
    %0 = stablehlo.convert %at : (tensor<5x1xui8>) -> tensor<5x1xi32>
    %1 = "stablehlo.gather"(%table, %0) <{dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, indices_are_sorted = false, slice_sizes = array<i64: 1, 4>}> : (tensor<300x4xf16>, tensor<5x1xi32>) -> tensor<5x4xf16>
    %2 = stablehlo.constant dense<0> : tensor<ui64>
    %3 = stablehlo.constant dense<9223372036854775807> : tensor<ui64>
    %4 = stablehlo.minimum %start, %3 : tensor<ui64>
    %5 = stablehlo.convert %4 : (tensor<ui64>) -> tensor<i64>
    %6 = stablehlo.constant dense<9223372036854775807> : tensor<ui64>
    %7 = stablehlo.minimum %2, %6 : tensor<ui64>
    %8 = stablehlo.convert %7 : (tensor<ui64>) -> tensor<i64>
    %9 = stablehlo.dynamic_slice %table, %5, %8, sizes = [2, 4] : (tensor<300x4xf16>, tensor<i64>, tensor<i64>) -> tensor<2x4xf16>
    %10 = stablehlo.convert %at : (tensor<5x1xui8>) -> tensor<5x1xi32>
    %11 = stablehlo.convert %table : (tensor<300x4xf16>) -> tensor<300x4xf32>
    %12 = stablehlo.convert %1 : (tensor<5x4xf16>) -> tensor<5x4xf32>
    %13 = "stablehlo.scatter"(%11, %10, %12) <{indices_are_sorted = false, scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>, unique_indices = false}> ({
    ^bb0(%14: tensor<f32>, %15: tensor<f32>):
      %16 = stablehlo.add %14, %15 : tensor<f32>
      stablehlo.return %16 : tensor<f32>
    }) : (tensor<300x4xf32>, tensor<5x1xi32>, tensor<5x4xf32>) -> tensor<300x4xf32>
    %17 = stablehlo.convert %13 : (tensor<300x4xf32>) -> tensor<300x4xf16>
    %18 = stablehlo.convert %at : (tensor<5x1xui8>) -> tensor<5x1xi32>
    %19 = "stablehlo.scatter"(%table, %18, %1) <{indices_are_sorted = true, scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>, unique_indices = true}> ({
    ^bb0(%20: tensor<f16>, %21: tensor<f16>):
      stablehlo.return %21 : tensor<f16>
    }) : (tensor<300x4xf16>, tensor<5x1xi32>, tensor<5x4xf16>) -> tensor<300x4xf16>
    %22 = stablehlo.constant dense<9223372036854775807> : tensor<ui64>
    %23 = stablehlo.minimum %2, %22 : tensor<ui64>
    %24 = stablehlo.convert %23 : (tensor<ui64>) -> tensor<i64>
    %25 = stablehlo.constant dense<9223372036854775807> : tensor<ui64>
    %26 = stablehlo.minimum %2, %25 : tensor<ui64>
    %27 = stablehlo.convert %26 : (tensor<ui64>) -> tensor<i64>
    %28 = stablehlo.dynamic_update_slice %table, %9, %24, %27 : (tensor<300x4xf16>, tensor<2x4xf16>, tensor<i64>, tensor<i64>) -> tensor<300x4xf16>
    %29 = stablehlo.convert %at : (tensor<5x1xui8>) -> tensor<5x1xi32>
    %30 = "stablehlo.gather"(%table, %29) <{dimension_numbers = #stablehlo.gather<offset_dims = [1, 2], collapsed_slice_dims = [], start_index_map = [0], index_vector_dim = 1>, indices_are_sorted = false, slice_sizes = array<i64: 2, 4>}> : (tensor<300x4xf16>, tensor<5x1xi32>) -> tensor<5x2x4xf16>
    return %1, %17, %19, %28, %30 : tensor<5x4xf16>, tensor<300x4xf16>, tensor<300x4xf16>, tensor<300x4xf16>, tensor<5x2x4xf16>
  }
}
