module @jit__lambda attributes {jax.uses_shape_polymorphism = true, mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<?x4xf32>, %arg1: tensor<?x3xf32>) -> (tensor<?x4xf32> {jax.result_info = "result[0]"}, tensor<?x3xf32> {jax.result_info = "result[1]"}) {
    %c = stablehlo.constant dense<1> : tensor<i32>
    %0 = stablehlo.get_dimension_size %arg0, dim = 0 : (tensor<?x4xf32>) -> tensor<i32>
    %1 = stablehlo.get_dimension_size %arg1, dim = 0 : (tensor<?x3xf32>) -> tensor<i32>
    %2 = stablehlo.compare GE, %0, %c, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.custom_call @shape_assertion(%2, %0) {api_version = 2 : i32, error_message = "Input shapes do not match the polymorphic shapes specification. Expected value >= 1 for dimension variable 'b'. Using the following polymorphic shapes specifications: args[0].shape = (b, 4),args[1].shape = (b, 3). Obtained dimension variables: 'b' = {0} from specification 'b' for dimension args[0].shape[0] (= {0}), . Please see https://docs.jax.dev/en/latest/export/shape_poly.html#shape-assertion-errors for more details.", has_side_effect = true} : (tensor<i1>, tensor<i32>) -> ()
    %3 = stablehlo.compare EQ, %1, %0, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.custom_call @shape_assertion(%3, %1, %0) {api_version = 2 : i32, error_message = "Input shapes do not match the polymorphic shapes specification. Found inconsistency between dimension size args[1].shape[0] (= {0}) and the specification 'b' (= {1}). Using the following polymorphic shapes specifications: args[0].shape = (b, 4),args[1].shape = (b, 3). Obtained dimension variables: 'b' = {1} from specification 'b' for dimension args[0].shape[0] (= {1}), . Please see https://docs.jax.dev/en/latest/export/shape_poly.html#shape-assertion-errors for more details.", has_side_effect = true} : (tensor<i1>, tensor<i32>, tensor<i32>) -> ()
    %4:2 = call @_wrapped_jax_export_main(%0, %arg0, %arg1) : (tensor<i32>, tensor<?x4xf32>, tensor<?x3xf32>) -> (tensor<?x4xf32>, tensor<?x3xf32>)
    return %4#0, %4#1 : tensor<?x4xf32>, tensor<?x3xf32>
  }
  func.func private @_wrapped_jax_export_main(%arg0: tensor<i32> {jax.global_constant = "b"}, %arg1: tensor<?x4xf32> loc("x"), %arg2: tensor<?x3xf32> loc("y")) -> (tensor<?x4xf32> {jax.result_info = "result[0]"}, tensor<?x3xf32> {jax.result_info = "result[1]"}) {
    %c = stablehlo.constant dense<3> : tensor<1xi32>
    %c_0 = stablehlo.constant dense<3> : tensor<i32>
    %cst = stablehlo.constant dense<2.000000e+00> : tensor<f32>
    %c_1 = stablehlo.constant dense<6> : tensor<1xi32>
    %cst_2 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %cst_3 = stablehlo.constant dense<[[0.034192767, 1.35974753, 1.22472107, -0.510307074, -0.29796952, -0.527384222], [0.569726348, -0.0560644381, 0.746885597, -1.84732485, 1.56654882, -0.0964321568], [0.680378437, -0.136566341, -0.379098564, 0.463110149, 0.824513554, -0.202529877], [-0.15278618, 0.685698628, -0.870340645, -1.51438355, 0.394981861, -0.670565844]]> : tensor<4x6xf32>
    %cst_4 = stablehlo.constant dense<[[-1.92034054, -0.814053654, -0.467597544], [-1.1932025, -1.49246383, 0.0366378278], [0.897249281, -0.233132079, -7.435960e-01], [0.384993821, 0.717235804, -0.300010592], [0.54466778, 1.04287553, -0.206956431], [-0.813515543, 0.347650588, 0.247545734]]> : tensor<6x3xf32>
    %0 = stablehlo.dot_general %arg1, %cst_3, contracting_dims = [1] x [0] : (tensor<?x4xf32>, tensor<4x6xf32>) -> tensor<?x6xf32>
    %1 = stablehlo.tanh %0 : tensor<?x6xf32>
    %2 = stablehlo.reshape %arg0 : (tensor<i32>) -> tensor<1xi32>
    %3 = stablehlo.concatenate %2, %c_1, dim = 0 : (tensor<1xi32>, tensor<1xi32>) -> tensor<2xi32>
    %4 = stablehlo.dynamic_broadcast_in_dim %cst_2, %3, dims = [] : (tensor<f32>, tensor<2xi32>) -> tensor<?x6xf32>
    %5 = stablehlo.subtract %4, %1 : tensor<?x6xf32>
    %6 = stablehlo.dot_general %1, %cst_4, contracting_dims = [1] x [0] : (tensor<?x6xf32>, tensor<6x3xf32>) -> tensor<?x3xf32>
    %7 = stablehlo.subtract %6, %arg2 : tensor<?x3xf32>
    %8 = stablehlo.reshape %arg0 : (tensor<i32>) -> tensor<1xi32>
    %9 = stablehlo.concatenate %8, %c, dim = 0 : (tensor<1xi32>, tensor<1xi32>) -> tensor<2xi32>
    %10 = stablehlo.dynamic_broadcast_in_dim %cst, %9, dims = [] : (tensor<f32>, tensor<2xi32>) -> tensor<?x3xf32>
    %11 = stablehlo.multiply %10, %7 : tensor<?x3xf32>
    %12 = stablehlo.convert %arg0 : tensor<i32>
    %13 = stablehlo.multiply %12, %c_0 : tensor<i32>
    %14 = stablehlo.convert %13 : (tensor<i32>) -> tensor<f32>
    %15 = stablehlo.divide %cst_2, %14 : tensor<f32>
    %16 = stablehlo.reshape %arg0 : (tensor<i32>) -> tensor<1xi32>
    %17 = stablehlo.concatenate %16, %c, dim = 0 : (tensor<1xi32>, tensor<1xi32>) -> tensor<2xi32>
    %18 = stablehlo.dynamic_broadcast_in_dim %15, %17, dims = [] : (tensor<f32>, tensor<2xi32>) -> tensor<?x3xf32>
    %19 = stablehlo.multiply %18, %11 : tensor<?x3xf32>
    %20 = stablehlo.negate %19 : tensor<?x3xf32>
    %21 = stablehlo.dot_general %19, %cst_4, contracting_dims = [1] x [1] : (tensor<?x3xf32>, tensor<6x3xf32>) -> tensor<?x6xf32>
    %22 = stablehlo.multiply %21, %5 : tensor<?x6xf32>
    %23 = stablehlo.multiply %22, %1 : tensor<?x6xf32>
    %24 = stablehlo.add %22, %23 : tensor<?x6xf32>
    %25 = stablehlo.dot_general %24, %cst_3, contracting_dims = [1] x [1] : (tensor<?x6xf32>, tensor<4x6xf32>) -> tensor<?x4xf32>
    return %25, %20 : tensor<?x4xf32>, tensor<?x3xf32>
  }
}
