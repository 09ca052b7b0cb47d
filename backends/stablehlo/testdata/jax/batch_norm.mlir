module @jit_norm_loss attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<3xf32>, %arg1: tensor<3xf32>, %arg2: tensor<3xf32>, %arg3: tensor<3xf32>, %arg4: tensor<2x4x4x3xf32>) -> (tensor<f32> {jax.result_info = "result[0][0]"}, tensor<3xf32> {jax.result_info = "result[0][1][0]"}, tensor<3xf32> {jax.result_info = "result[0][1][1]"}, tensor<3xf32> {jax.result_info = "result[1][0]"}, tensor<3xf32> {jax.result_info = "result[1][1]"}, tensor<2x4x4x3xf32> {jax.result_info = "result[1][2]"}) {
    %cst = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %0 = stablehlo.reduce(%arg4 init: %cst) applies stablehlo.add across dimensions = [0, 1, 2] : (tensor<2x4x4x3xf32>, tensor<f32>) -> tensor<3xf32>
    %cst_0 = stablehlo.constant dense<3.200000e+01> : tensor<f32>
    %1 = stablehlo.broadcast_in_dim %cst_0, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %2 = stablehlo.divide %0, %1 : tensor<3xf32>
    %3 = chlo.square %arg4 : tensor<2x4x4x3xf32> -> tensor<2x4x4x3xf32>
    %cst_1 = stablehlo.constant dense<2.000000e+00> : tensor<f32>
    %4 = stablehlo.broadcast_in_dim %cst_1, dims = [] : (tensor<f32>) -> tensor<2x4x4x3xf32>
    %5 = stablehlo.multiply %4, %arg4 : tensor<2x4x4x3xf32>
    %cst_2 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %6 = stablehlo.reduce(%3 init: %cst_2) applies stablehlo.add across dimensions = [0, 1, 2] : (tensor<2x4x4x3xf32>, tensor<f32>) -> tensor<3xf32>
    %cst_3 = stablehlo.constant dense<3.200000e+01> : tensor<f32>
    %7 = stablehlo.broadcast_in_dim %cst_3, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %8 = stablehlo.divide %6, %7 : tensor<3xf32>
    %9 = chlo.square %2 : tensor<3xf32> -> tensor<3xf32>
    %cst_4 = stablehlo.constant dense<2.000000e+00> : tensor<f32>
    %10 = stablehlo.broadcast_in_dim %cst_4, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %11 = stablehlo.multiply %10, %2 : tensor<3xf32>
    %12 = stablehlo.subtract %8, %9 : tensor<3xf32>
    %cst_5 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %13 = stablehlo.broadcast_in_dim %cst_5, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %14 = stablehlo.maximum %13, %12 : tensor<3xf32>
    %15 = stablehlo.compare EQ, %12, %14, FLOAT : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>
    %cst_6 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %16 = stablehlo.broadcast_in_dim %cst_6, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %cst_7 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %17 = stablehlo.broadcast_in_dim %cst_7, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %18 = stablehlo.select %15, %16, %17 : tensor<3xi1>, tensor<3xf32>
    %cst_8 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %19 = stablehlo.broadcast_in_dim %cst_8, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %20 = stablehlo.compare EQ, %19, %14, FLOAT : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>
    %cst_9 = stablehlo.constant dense<2.000000e+00> : tensor<f32>
    %21 = stablehlo.broadcast_in_dim %cst_9, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %cst_10 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %22 = stablehlo.broadcast_in_dim %cst_10, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %23 = stablehlo.select %20, %21, %22 : tensor<3xi1>, tensor<3xf32>
    %24 = stablehlo.divide %18, %23 : tensor<3xf32>
    %25 = stablehlo.broadcast_in_dim %2, dims = [3] : (tensor<3xf32>) -> tensor<1x1x1x3xf32>
    %26 = stablehlo.broadcast_in_dim %25, dims = [0, 1, 2, 3] : (tensor<1x1x1x3xf32>) -> tensor<2x4x4x3xf32>
    %27 = stablehlo.subtract %arg4, %26 : tensor<2x4x4x3xf32>
    %cst_11 = stablehlo.constant dense<9.99999974E-6> : tensor<f32>
    %28 = stablehlo.broadcast_in_dim %cst_11, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %29 = stablehlo.add %14, %28 : tensor<3xf32>
    %30 = stablehlo.rsqrt %29 : tensor<3xf32>
    %31 = stablehlo.divide %30, %29 : tensor<3xf32>
    %cst_12 = stablehlo.constant dense<-5.000000e-01> : tensor<f32>
    %32 = stablehlo.broadcast_in_dim %cst_12, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %33 = stablehlo.multiply %32, %31 : tensor<3xf32>
    %34 = stablehlo.multiply %30, %arg0 : tensor<3xf32>
    %35 = stablehlo.broadcast_in_dim %34, dims = [3] : (tensor<3xf32>) -> tensor<1x1x1x3xf32>
    %36 = stablehlo.broadcast_in_dim %35, dims = [0, 1, 2, 3] : (tensor<1x1x1x3xf32>) -> tensor<2x4x4x3xf32>
    %37 = stablehlo.multiply %27, %36 : tensor<2x4x4x3xf32>
    %38 = stablehlo.broadcast_in_dim %arg1, dims = [3] : (tensor<3xf32>) -> tensor<1x1x1x3xf32>
    %39 = stablehlo.broadcast_in_dim %38, dims = [0, 1, 2, 3] : (tensor<1x1x1x3xf32>) -> tensor<2x4x4x3xf32>
    %40 = stablehlo.add %37, %39 : tensor<2x4x4x3xf32>
    %cst_13 = stablehlo.constant dense<0.899999976> : tensor<f32>
    %41 = stablehlo.broadcast_in_dim %cst_13, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %42 = stablehlo.multiply %41, %arg2 : tensor<3xf32>
    %cst_14 = stablehlo.constant dense<1.000000e-01> : tensor<f32>
    %43 = stablehlo.broadcast_in_dim %cst_14, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %44 = stablehlo.multiply %43, %2 : tensor<3xf32>
    %45 = stablehlo.add %42, %44 : tensor<3xf32>
    %cst_15 = stablehlo.constant dense<0.899999976> : tensor<f32>
    %46 = stablehlo.broadcast_in_dim %cst_15, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %47 = stablehlo.multiply %46, %arg3 : tensor<3xf32>
    %cst_16 = stablehlo.constant dense<1.000000e-01> : tensor<f32>
    %48 = stablehlo.broadcast_in_dim %cst_16, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %49 = stablehlo.multiply %48, %14 : tensor<3xf32>
    %50 = stablehlo.add %47, %49 : tensor<3xf32>
    %51 = stablehlo.sine %40 : tensor<2x4x4x3xf32>
    %52 = stablehlo.cosine %40 : tensor<2x4x4x3xf32>
    %cst_17 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %53 = stablehlo.reduce(%51 init: %cst_17) applies stablehlo.add across dimensions = [0, 1, 2, 3] : (tensor<2x4x4x3xf32>, tensor<f32>) -> tensor<f32>
    %cst_18 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %54 = stablehlo.broadcast_in_dim %cst_18, dims = [] : (tensor<f32>) -> tensor<2x4x4x3xf32>
    %55 = stablehlo.multiply %54, %52 : tensor<2x4x4x3xf32>
    %cst_19 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %56 = stablehlo.reduce(%55 init: %cst_19) applies stablehlo.add across dimensions = [0, 1, 2] : (tensor<2x4x4x3xf32>, tensor<f32>) -> tensor<3xf32>
    %57 = stablehlo.reshape %56 : (tensor<3xf32>) -> tensor<1x1x1x3xf32>
    %cst_20 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %58 = stablehlo.reduce(%57 init: %cst_20) applies stablehlo.add across dimensions = [0, 1, 2] : (tensor<1x1x1x3xf32>, tensor<f32>) -> tensor<3xf32>
    %59 = stablehlo.multiply %27, %55 : tensor<2x4x4x3xf32>
    %cst_21 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %60 = stablehlo.reduce(%59 init: %cst_21) applies stablehlo.add across dimensions = [0, 1, 2] : (tensor<2x4x4x3xf32>, tensor<f32>) -> tensor<3xf32>
    %61 = stablehlo.reshape %60 : (tensor<3xf32>) -> tensor<1x1x1x3xf32>
    %62 = stablehlo.broadcast_in_dim %35, dims = [0, 1, 2, 3] : (tensor<1x1x1x3xf32>) -> tensor<2x4x4x3xf32>
    %63 = stablehlo.multiply %55, %62 : tensor<2x4x4x3xf32>
    %cst_22 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %64 = stablehlo.reduce(%61 init: %cst_22) applies stablehlo.add across dimensions = [0, 1, 2] : (tensor<1x1x1x3xf32>, tensor<f32>) -> tensor<3xf32>
    %65 = stablehlo.multiply %30, %64 : tensor<3xf32>
    %66 = stablehlo.multiply %64, %arg0 : tensor<3xf32>
    %67 = stablehlo.multiply %66, %33 : tensor<3xf32>
    %68 = stablehlo.negate %63 : tensor<2x4x4x3xf32>
    %cst_23 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %69 = stablehlo.reduce(%68 init: %cst_23) applies stablehlo.add across dimensions = [0, 1, 2] : (tensor<2x4x4x3xf32>, tensor<f32>) -> tensor<3xf32>
    %70 = stablehlo.reshape %69 : (tensor<3xf32>) -> tensor<1x1x1x3xf32>
    %cst_24 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %71 = stablehlo.reduce(%70 init: %cst_24) applies stablehlo.add across dimensions = [0, 1, 2] : (tensor<1x1x1x3xf32>, tensor<f32>) -> tensor<3xf32>
    %72 = stablehlo.multiply %67, %24 : tensor<3xf32>
    %73 = stablehlo.negate %72 : tensor<3xf32>
    %74 = stablehlo.multiply %73, %11 : tensor<3xf32>
    %75 = stablehlo.add %71, %74 : tensor<3xf32>
    %cst_25 = stablehlo.constant dense<3.200000e+01> : tensor<f32>
    %76 = stablehlo.broadcast_in_dim %cst_25, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %77 = stablehlo.divide %72, %76 : tensor<3xf32>
    %78 = stablehlo.broadcast_in_dim %77, dims = [3] : (tensor<3xf32>) -> tensor<2x4x4x3xf32>
    %79 = stablehlo.multiply %78, %5 : tensor<2x4x4x3xf32>
    %80 = stablehlo.add %63, %79 : tensor<2x4x4x3xf32>
    %cst_26 = stablehlo.constant dense<3.200000e+01> : tensor<f32>
    %81 = stablehlo.broadcast_in_dim %cst_26, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %82 = stablehlo.divide %75, %81 : tensor<3xf32>
    %83 = stablehlo.broadcast_in_dim %82, dims = [3] : (tensor<3xf32>) -> tensor<2x4x4x3xf32>
    %84 = stablehlo.add %80, %83 : tensor<2x4x4x3xf32>
    return %53, %45, %50, %65, %58, %84 : tensor<f32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<2x4x4x3xf32>
  }
}
