module @jit__lambda attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<8xf32>) -> (tensor<8xf32> {jax.result_info = "result[0]"}, tensor<8xf32> {jax.result_info = "result[1]"}, tensor<8xf32> {jax.result_info = "result[2]"}, tensor<8xf32> {jax.result_info = "result[3]"}, tensor<8xf32> {jax.result_info = "result[4]"}, tensor<8xf32> {jax.result_info = "result[5]"}, tensor<8xf32> {jax.result_info = "result[6]"}, tensor<8xf32> {jax.result_info = "result[7]"}, tensor<8xf32> {jax.result_info = "result[8]"}, tensor<8xf32> {jax.result_info = "result[9]"}) {
    %cst = stablehlo.constant dense<[-59.9633484, 98.0010757, -56.6762848, 13.9312611, -1.23916578]> : tensor<5xf32>
    %cst_0 = stablehlo.constant dense<[1.000000e+00, 1.95448864, 4.67627907, 86.3602447, -225.462692, 200.260208, -82.0372238, 15.9056225, -1.18331623]> : tensor<9xf32>
    %cst_1 = stablehlo.constant dense<[3.23774886, 6.91522884, 3.93881035, 1.33303463, 0.201485395, 0.0123716639, 3.01581546E-4, 2.65806966E-6, 6.23974561E-9]> : tensor<9xf32>
    %cst_2 = stablehlo.constant dense<[1.000000e+00, 6.02427053, 3.67983556, 1.37702096, 2.162370e-01, 1.342040e-02, 3.28014459E-4, 2.89247873E-6, 6.79019418E-9]> : tensor<9xf32>
    %cst_3 = stablehlo.constant dense<[4.05544901, 31.5251102, 57.1628189, 44.0805092, 14.6849566, 2.18663311, -0.140256077, -0.035042461, -8.57456762E-4]> : tensor<9xf32>
    %cst_4 = stablehlo.constant dense<[1.000000e+00, 15.7799883, 45.3907623, 41.3172035, 15.0425386, 2.5046494, -0.142182916, -0.0380806401, -9.33259492E-4]> : tensor<9xf32>
    %0 = stablehlo.tanh %arg0 : tensor<8xf32>
    %1 = chlo.erf_inv %0 : tensor<8xf32> -> tensor<8xf32>
    %cst_5 = stablehlo.constant dense<2.000000e+00> : tensor<f32>
    %2 = stablehlo.broadcast_in_dim %cst_5, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %3 = stablehlo.multiply %2, %arg0 : tensor<8xf32>
    %4 = chlo.erfc %3 : tensor<8xf32> -> tensor<8xf32>
    %5 = chlo.lgamma %arg0 : tensor<8xf32> -> tensor<8xf32>
    %6 = chlo.digamma %arg0 : tensor<8xf32> -> tensor<8xf32>
    %7 = stablehlo.multiply %arg0, %arg0 : tensor<8xf32>
    %cst_6 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %8 = stablehlo.broadcast_in_dim %cst_6, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %9 = stablehlo.add %8, %7 : tensor<8xf32>
    %10 = stablehlo.multiply %arg0, %arg0 : tensor<8xf32>
    %11 = stablehlo.compare NE, %9, %9, FLOAT : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
    %12 = stablehlo.compare NE, %10, %10, FLOAT : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
    %13 = stablehlo.or %11, %12 : tensor<8xi1>
    %cst_7 = stablehlo.constant dense<0x7F800000> : tensor<f32>
    %14 = stablehlo.broadcast_in_dim %cst_7, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %15 = stablehlo.compare EQ, %10, %14, FLOAT : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
    %cst_8 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %16 = stablehlo.broadcast_in_dim %cst_8, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %17 = stablehlo.compare EQ, %9, %16, FLOAT : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
    %cst_9 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %18 = stablehlo.broadcast_in_dim %cst_9, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %19 = stablehlo.compare EQ, %10, %18, FLOAT : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
    %cst_10 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %20 = stablehlo.broadcast_in_dim %cst_10, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %21 = stablehlo.compare LT, %10, %20, FLOAT : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
    %cst_11 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %22 = stablehlo.broadcast_in_dim %cst_11, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %23 = stablehlo.compare LT, %9, %22, FLOAT : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
    %24 = stablehlo.and %17, %19 : tensor<8xi1>
    %25 = stablehlo.or %21, %23 : tensor<8xi1>
    %26 = stablehlo.or %25, %24 : tensor<8xi1>
    %27 = stablehlo.or %26, %13 : tensor<8xi1>
    %cst_12 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %28 = stablehlo.broadcast_in_dim %cst_12, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %29 = stablehlo.compare GE, %10, %28, FLOAT : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
    %30 = stablehlo.compare GT, %10, %9, FLOAT : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
    %31 = stablehlo.and %29, %30 : tensor<8xi1>
    %32 = stablehlo.log %10 : tensor<8xf32>
    %33 = stablehlo.multiply %9, %32 : tensor<8xf32>
    %34 = stablehlo.subtract %33, %10 : tensor<8xf32>
    %35 = chlo.lgamma %9 : tensor<8xf32> -> tensor<8xf32>
    %36 = stablehlo.subtract %34, %35 : tensor<8xf32>
    %cst_13 = stablehlo.constant dense<3.40282347E+38> : tensor<f32>
    %37 = stablehlo.log %cst_13 : tensor<f32>
    %38 = stablehlo.negate %37 : tensor<f32>
    %39 = stablehlo.broadcast_in_dim %38, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %40 = stablehlo.compare LT, %36, %39, FLOAT : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
    %41 = stablehlo.exponential %36 : tensor<8xf32>
    %42 = stablehlo.or %19, %27 : tensor<8xi1>
    %43 = stablehlo.or %42, %40 : tensor<8xi1>
    %44 = stablehlo.or %43, %15 : tensor<8xi1>
    %45 = stablehlo.not %44 : tensor<8xi1>
    %46 = stablehlo.and %45, %31 : tensor<8xi1>
    %cst_14 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %47 = stablehlo.broadcast_in_dim %cst_14, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %48 = stablehlo.subtract %47, %9 : tensor<8xf32>
    %49 = stablehlo.add %10, %48 : tensor<8xf32>
    %cst_15 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %50 = stablehlo.broadcast_in_dim %cst_15, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %51 = stablehlo.add %49, %50 : tensor<8xf32>
    %cst_16 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %52 = stablehlo.broadcast_in_dim %cst_16, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %cst_17 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %53 = stablehlo.broadcast_in_dim %cst_17, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %54 = stablehlo.add %10, %53 : tensor<8xf32>
    %55 = stablehlo.multiply %51, %10 : tensor<8xf32>
    %56 = stablehlo.divide %54, %55 : tensor<8xf32>
    %cst_18 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %57 = stablehlo.broadcast_in_dim %cst_18, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %cst_19 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %58 = stablehlo.broadcast_in_dim %cst_19, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %cst_20 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %59 = stablehlo.broadcast_in_dim %cst_20, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %cst_21 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %60 = stablehlo.broadcast_in_dim %cst_21, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %61 = stablehlo.negate %10 : tensor<8xf32>
    %62 = stablehlo.multiply %56, %61 : tensor<8xf32>
    %63 = stablehlo.subtract %60, %62 : tensor<8xf32>
    %64 = stablehlo.divide %63, %55 : tensor<8xf32>
    %cst_22 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %65:15 = stablehlo.while(%iterArg = %46, %iterArg_55 = %56, %iterArg_56 = %57, %iterArg_57 = %48, %iterArg_58 = %51, %iterArg_59 = %cst_22, %iterArg_60 = %54, %iterArg_61 = %55, %iterArg_62 = %52, %iterArg_63 = %10, %iterArg_64 = %58, %iterArg_65 = %59, %iterArg_66 = %60, %iterArg_67 = %61, %iterArg_68 = %64) : tensor<8xi1>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<f32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
    cond {
      %cst_69 = stablehlo.constant dense<2.000000e+03> : tensor<f32>
      %171 = stablehlo.compare LT, %iterArg_59, %cst_69, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %c = stablehlo.constant dense<false> : tensor<i1>
      %172 = stablehlo.reduce(%iterArg init: %c) applies stablehlo.or across dimensions = [0] : (tensor<8xi1>, tensor<i1>) -> tensor<i1>
      %173 = stablehlo.and %171, %172 : tensor<i1>
      stablehlo.return %173 : tensor<i1>
    } do {
      %cst_69 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
      %171 = stablehlo.add %iterArg_59, %cst_69 : tensor<f32>
      %cst_70 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
      %172 = stablehlo.broadcast_in_dim %cst_70, dims = [] : (tensor<f32>) -> tensor<8xf32>
      %173 = stablehlo.add %iterArg_57, %172 : tensor<8xf32>
      %cst_71 = stablehlo.constant dense<2.000000e+00> : tensor<f32>
      %174 = stablehlo.broadcast_in_dim %cst_71, dims = [] : (tensor<f32>) -> tensor<8xf32>
      %175 = stablehlo.add %iterArg_58, %174 : tensor<8xf32>
      %176 = stablehlo.broadcast_in_dim %171, dims = [] : (tensor<f32>) -> tensor<8xf32>
      %177 = stablehlo.multiply %173, %176 : tensor<8xf32>
      %178 = stablehlo.multiply %iterArg_60, %175 : tensor<8xf32>
      %179 = stablehlo.multiply %iterArg_62, %177 : tensor<8xf32>
      %180 = stablehlo.subtract %178, %179 : tensor<8xf32>
      %181 = stablehlo.multiply %iterArg_61, %175 : tensor<8xf32>
      %182 = stablehlo.multiply %iterArg_63, %177 : tensor<8xf32>
      %183 = stablehlo.subtract %181, %182 : tensor<8xf32>
      %cst_72 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
      %184 = stablehlo.broadcast_in_dim %cst_72, dims = [] : (tensor<f32>) -> tensor<8xf32>
      %185 = stablehlo.compare NE, %183, %184, FLOAT : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
      %186 = stablehlo.divide %180, %183 : tensor<8xf32>
      %187 = stablehlo.subtract %iterArg_55, %186 : tensor<8xf32>
      %188 = stablehlo.divide %187, %186 : tensor<8xf32>
      %189 = stablehlo.abs %188 : tensor<8xf32>
      %cst_73 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
      %190 = stablehlo.broadcast_in_dim %cst_73, dims = [] : (tensor<f32>) -> tensor<8xf32>
      %191 = stablehlo.select %185, %189, %190 : tensor<8xi1>, tensor<8xf32>
      %192 = stablehlo.select %185, %186, %iterArg_55 : tensor<8xi1>, tensor<8xf32>
      %193 = stablehlo.multiply %iterArg_66, %175 : tensor<8xf32>
      %194 = stablehlo.subtract %193, %iterArg_60 : tensor<8xf32>
      %195 = stablehlo.multiply %iterArg_64, %177 : tensor<8xf32>
      %196 = stablehlo.subtract %194, %195 : tensor<8xf32>
      %197 = stablehlo.broadcast_in_dim %171, dims = [] : (tensor<f32>) -> tensor<8xf32>
      %198 = stablehlo.multiply %iterArg_62, %197 : tensor<8xf32>
      %199 = stablehlo.add %196, %198 : tensor<8xf32>
      %200 = stablehlo.multiply %iterArg_67, %175 : tensor<8xf32>
      %201 = stablehlo.subtract %200, %iterArg_61 : tensor<8xf32>
      %202 = stablehlo.multiply %iterArg_65, %177 : tensor<8xf32>
      %203 = stablehlo.subtract %201, %202 : tensor<8xf32>
      %204 = stablehlo.broadcast_in_dim %171, dims = [] : (tensor<f32>) -> tensor<8xf32>
      %205 = stablehlo.multiply %iterArg_63, %204 : tensor<8xf32>
      %206 = stablehlo.add %203, %205 : tensor<8xf32>
      %207 = stablehlo.multiply %192, %206 : tensor<8xf32>
      %208 = stablehlo.subtract %199, %207 : tensor<8xf32>
      %209 = stablehlo.divide %208, %183 : tensor<8xf32>
      %210 = stablehlo.select %185, %209, %iterArg_68 : tensor<8xi1>, tensor<8xf32>
      %211 = stablehlo.subtract %210, %iterArg_68 : tensor<8xf32>
      %212 = stablehlo.abs %211 : tensor<8xf32>
      %cst_74 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
      %213 = stablehlo.broadcast_in_dim %cst_74, dims = [] : (tensor<f32>) -> tensor<8xf32>
      %214 = stablehlo.select %185, %212, %213 : tensor<8xi1>, tensor<8xf32>
      %215 = stablehlo.abs %180 : tensor<8xf32>
      %cst_75 = stablehlo.constant dense<1.1920929E-7> : tensor<f32>
      %cst_76 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
      %216 = stablehlo.broadcast_in_dim %cst_76, dims = [] : (tensor<f32>) -> tensor<f32>
      %217 = stablehlo.divide %216, %cst_75 : tensor<f32>
      %218 = stablehlo.broadcast_in_dim %217, dims = [] : (tensor<f32>) -> tensor<8xf32>
      %219 = stablehlo.compare GT, %215, %218, FLOAT : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
      %cst_77 = stablehlo.constant dense<1.1920929E-7> : tensor<f32>
      %220 = stablehlo.broadcast_in_dim %cst_77, dims = [] : (tensor<f32>) -> tensor<8xf32>
      %221 = stablehlo.multiply %iterArg_60, %220 : tensor<8xf32>
      %222 = stablehlo.select %219, %221, %iterArg_60 : tensor<8xi1>, tensor<8xf32>
      %cst_78 = stablehlo.constant dense<1.1920929E-7> : tensor<f32>
      %223 = stablehlo.broadcast_in_dim %cst_78, dims = [] : (tensor<f32>) -> tensor<8xf32>
      %224 = stablehlo.multiply %180, %223 : tensor<8xf32>
      %225 = stablehlo.select %219, %224, %180 : tensor<8xi1>, tensor<8xf32>
      %cst_79 = stablehlo.constant dense<1.1920929E-7> : tensor<f32>
      %226 = stablehlo.broadcast_in_dim %cst_79, dims = [] : (tensor<f32>) -> tensor<8xf32>
      %227 = stablehlo.multiply %iterArg_61, %226 : tensor<8xf32>
      %228 = stablehlo.select %219, %227, %iterArg_61 : tensor<8xi1>, tensor<8xf32>
      %cst_80 = stablehlo.constant dense<1.1920929E-7> : tensor<f32>
      %229 = stablehlo.broadcast_in_dim %cst_80, dims = [] : (tensor<f32>) -> tensor<8xf32>
      %230 = stablehlo.multiply %183, %229 : tensor<8xf32>
      %231 = stablehlo.select %219, %230, %183 : tensor<8xi1>, tensor<8xf32>
      %cst_81 = stablehlo.constant dense<1.1920929E-7> : tensor<f32>
      %232 = stablehlo.broadcast_in_dim %cst_81, dims = [] : (tensor<f32>) -> tensor<8xf32>
      %233 = stablehlo.multiply %iterArg_66, %232 : tensor<8xf32>
      %234 = stablehlo.select %219, %233, %iterArg_66 : tensor<8xi1>, tensor<8xf32>
      %cst_82 = stablehlo.constant dense<1.1920929E-7> : tensor<f32>
      %235 = stablehlo.broadcast_in_dim %cst_82, dims = [] : (tensor<f32>) -> tensor<8xf32>
      %236 = stablehlo.multiply %iterArg_67, %235 : tensor<8xf32>
      %237 = stablehlo.select %219, %236, %iterArg_67 : tensor<8xi1>, tensor<8xf32>
      %cst_83 = stablehlo.constant dense<1.1920929E-7> : tensor<f32>
      %238 = stablehlo.broadcast_in_dim %cst_83, dims = [] : (tensor<f32>) -> tensor<8xf32>
      %239 = stablehlo.multiply %199, %238 : tensor<8xf32>
      %240 = stablehlo.select %219, %239, %199 : tensor<8xi1>, tensor<8xf32>
      %cst_84 = stablehlo.constant dense<1.1920929E-7> : tensor<f32>
      %241 = stablehlo.broadcast_in_dim %cst_84, dims = [] : (tensor<f32>) -> tensor<8xf32>
      %242 = stablehlo.multiply %206, %241 : tensor<8xf32>
      %243 = stablehlo.select %219, %242, %206 : tensor<8xi1>, tensor<8xf32>
      %cst_85 = stablehlo.constant dense<1.1920929E-7> : tensor<f32>
      %244 = stablehlo.broadcast_in_dim %cst_85, dims = [] : (tensor<f32>) -> tensor<8xf32>
      %245 = stablehlo.compare GT, %191, %244, FLOAT : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
      %246 = stablehlo.and %iterArg, %245 : tensor<8xi1>
      %247 = stablehlo.select %iterArg, %192, %iterArg_55 : tensor<8xi1>, tensor<8xf32>
      %248 = stablehlo.select %iterArg, %191, %iterArg_56 : tensor<8xi1>, tensor<8xf32>
      %249 = stablehlo.select %iterArg, %173, %iterArg_57 : tensor<8xi1>, tensor<8xf32>
      %250 = stablehlo.select %iterArg, %175, %iterArg_58 : tensor<8xi1>, tensor<8xf32>
      %251 = stablehlo.select %iterArg, %225, %iterArg_60 : tensor<8xi1>, tensor<8xf32>
      %252 = stablehlo.select %iterArg, %231, %iterArg_61 : tensor<8xi1>, tensor<8xf32>
      %253 = stablehlo.select %iterArg, %222, %iterArg_62 : tensor<8xi1>, tensor<8xf32>
      %254 = stablehlo.select %iterArg, %228, %iterArg_63 : tensor<8xi1>, tensor<8xf32>
      %255 = stablehlo.select %iterArg, %234, %iterArg_64 : tensor<8xi1>, tensor<8xf32>
      %256 = stablehlo.select %iterArg, %237, %iterArg_65 : tensor<8xi1>, tensor<8xf32>
      %257 = stablehlo.select %iterArg, %240, %iterArg_66 : tensor<8xi1>, tensor<8xf32>
      %258 = stablehlo.select %iterArg, %243, %iterArg_67 : tensor<8xi1>, tensor<8xf32>
      %259 = stablehlo.select %iterArg, %210, %iterArg_68 : tensor<8xi1>, tensor<8xf32>
      stablehlo.return %246, %247, %248, %249, %250, %171, %251, %252, %253, %254, %255, %256, %257, %258, %259 : tensor<8xi1>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<f32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
    }
    %66 = stablehlo.multiply %65#1, %41 : tensor<8xf32>
    %cst_23 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %67 = stablehlo.broadcast_in_dim %cst_23, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %68 = stablehlo.subtract %67, %66 : tensor<8xf32>
    %69 = stablehlo.not %31 : tensor<8xi1>
    %70 = stablehlo.and %45, %69 : tensor<8xi1>
    %cst_24 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %71 = stablehlo.broadcast_in_dim %cst_24, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %cst_25 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %72 = stablehlo.broadcast_in_dim %cst_25, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %cst_26 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %73 = stablehlo.broadcast_in_dim %cst_26, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %cst_27 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %74 = stablehlo.broadcast_in_dim %cst_27, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %75:7 = stablehlo.while(%iterArg = %70, %iterArg_55 = %9, %iterArg_56 = %71, %iterArg_57 = %72, %iterArg_58 = %10, %iterArg_59 = %73, %iterArg_60 = %74) : tensor<8xi1>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
    cond {
      %c = stablehlo.constant dense<false> : tensor<i1>
      %171 = stablehlo.reduce(%iterArg init: %c) applies stablehlo.or across dimensions = [0] : (tensor<8xi1>, tensor<i1>) -> tensor<i1>
      stablehlo.return %171 : tensor<i1>
    } do {
      %cst_61 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
      %171 = stablehlo.broadcast_in_dim %cst_61, dims = [] : (tensor<f32>) -> tensor<8xf32>
      %172 = stablehlo.add %iterArg_55, %171 : tensor<8xf32>
      %173 = stablehlo.divide %iterArg_58, %172 : tensor<8xf32>
      %174 = stablehlo.multiply %iterArg_59, %173 : tensor<8xf32>
      %175 = stablehlo.multiply %iterArg_56, %iterArg_58 : tensor<8xf32>
      %176 = stablehlo.multiply %172, %172 : tensor<8xf32>
      %177 = stablehlo.divide %175, %176 : tensor<8xf32>
      %178 = stablehlo.subtract %174, %177 : tensor<8xf32>
      %179 = stablehlo.add %iterArg_60, %178 : tensor<8xf32>
      %180 = stablehlo.divide %iterArg_58, %172 : tensor<8xf32>
      %181 = stablehlo.multiply %iterArg_56, %180 : tensor<8xf32>
      %182 = stablehlo.add %iterArg_57, %181 : tensor<8xf32>
      %183 = stablehlo.divide %181, %182 : tensor<8xf32>
      %cst_62 = stablehlo.constant dense<1.1920929E-7> : tensor<f32>
      %184 = stablehlo.broadcast_in_dim %cst_62, dims = [] : (tensor<f32>) -> tensor<8xf32>
      %185 = stablehlo.compare GT, %183, %184, FLOAT : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
      %186 = stablehlo.and %iterArg, %185 : tensor<8xi1>
      %187 = stablehlo.select %iterArg, %172, %iterArg_55 : tensor<8xi1>, tensor<8xf32>
      %188 = stablehlo.select %iterArg, %181, %iterArg_56 : tensor<8xi1>, tensor<8xf32>
      %189 = stablehlo.select %iterArg, %182, %iterArg_57 : tensor<8xi1>, tensor<8xf32>
      %190 = stablehlo.select %iterArg, %iterArg_58, %iterArg_58 : tensor<8xi1>, tensor<8xf32>
      %191 = stablehlo.select %iterArg, %178, %iterArg_59 : tensor<8xi1>, tensor<8xf32>
      %192 = stablehlo.select %iterArg, %179, %iterArg_60 : tensor<8xi1>, tensor<8xf32>
      stablehlo.return %186, %187, %188, %189, %190, %191, %192 : tensor<8xi1>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
    }
    %76 = stablehlo.multiply %75#3, %41 : tensor<8xf32>
    %77 = stablehlo.divide %76, %9 : tensor<8xf32>
    %78 = stablehlo.select %31, %68, %77 : tensor<8xi1>, tensor<8xf32>
    %cst_28 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %79 = stablehlo.broadcast_in_dim %cst_28, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %80 = stablehlo.select %19, %79, %78 : tensor<8xi1>, tensor<8xf32>
    %cst_29 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %81 = stablehlo.broadcast_in_dim %cst_29, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %82 = stablehlo.select %15, %81, %80 : tensor<8xi1>, tensor<8xf32>
    %cst_30 = stablehlo.constant dense<0x7FC00000> : tensor<f32>
    %83 = stablehlo.broadcast_in_dim %cst_30, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %84 = stablehlo.select %27, %83, %82 : tensor<8xi1>, tensor<8xf32>
    %85 = stablehlo.multiply %arg0, %arg0 : tensor<8xf32>
    %cst_31 = stablehlo.constant dense<1.500000e+00> : tensor<f32>
    %86 = stablehlo.broadcast_in_dim %cst_31, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %87 = stablehlo.add %86, %85 : tensor<8xf32>
    %88 = stablehlo.multiply %arg0, %arg0 : tensor<8xf32>
    %cst_32 = stablehlo.constant dense<5.000000e-01> : tensor<f32>
    %89 = stablehlo.broadcast_in_dim %cst_32, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %90 = stablehlo.add %89, %88 : tensor<8xf32>
    %91 = chlo.zeta %87, %90 : tensor<8xf32>, tensor<8xf32> -> tensor<8xf32>
    %cst_33 = stablehlo.constant dense<2.000000e+00> : tensor<f32>
    %92 = stablehlo.broadcast_in_dim %cst_33, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %93 = stablehlo.multiply %arg0, %arg0 : tensor<8xf32>
    %cst_34 = stablehlo.constant dense<5.000000e-01> : tensor<f32>
    %94 = stablehlo.broadcast_in_dim %cst_34, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %95 = stablehlo.add %94, %93 : tensor<8xf32>
    %96 = chlo.polygamma %92, %95 : tensor<8xf32>, tensor<8xf32> -> tensor<8xf32>
    %97 = chlo.sinh %arg0 : tensor<8xf32> -> tensor<8xf32>
    %98 = stablehlo.multiply %arg0, %arg0 : tensor<8xf32>
    %cst_35 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %99 = stablehlo.broadcast_in_dim %cst_35, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %100 = stablehlo.add %99, %98 : tensor<8xf32>
    %101 = call @arccosh(%100) : (tensor<8xf32>) -> tensor<8xf32>
    %102 = stablehlo.negate %arg0 : tensor<8xf32>
    %103 = stablehlo.exponential %102 : tensor<8xf32>
    %cst_36 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %104 = stablehlo.broadcast_in_dim %cst_36, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %105 = stablehlo.add %104, %103 : tensor<8xf32>
    %cst_37 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %106 = stablehlo.broadcast_in_dim %cst_37, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %107 = stablehlo.divide %106, %105 : tensor<8xf32>
    %cst_38 = stablehlo.constant dense<0.864664733> : tensor<f32>
    %108 = stablehlo.broadcast_in_dim %cst_38, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %109 = stablehlo.compare GT, %107, %108, FLOAT : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
    %cst_39 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %110 = stablehlo.broadcast_in_dim %cst_39, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %111 = stablehlo.subtract %110, %107 : tensor<8xf32>
    %112 = call @_where(%109, %111, %107) : (tensor<8xi1>, tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %cst_40 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %113 = stablehlo.broadcast_in_dim %cst_40, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %114 = stablehlo.compare EQ, %112, %113, FLOAT : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
    %cst_41 = stablehlo.constant dense<5.000000e-01> : tensor<f32>
    %115 = stablehlo.broadcast_in_dim %cst_41, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %116 = call @_where(%114, %115, %112) : (tensor<8xi1>, tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %cst_42 = stablehlo.constant dense<5.000000e-01> : tensor<f32>
    %117 = stablehlo.broadcast_in_dim %cst_42, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %118 = stablehlo.subtract %116, %117 : tensor<8xf32>
    %119 = chlo.square %118 : tensor<8xf32> -> tensor<8xf32>
    %120 = stablehlo.multiply %118, %119 : tensor<8xf32>
    %121 = call @polyval(%cst, %119) : (tensor<5xf32>, tensor<8xf32>) -> tensor<8xf32>
    %122 = call @polyval_0(%cst_0, %119) : (tensor<9xf32>, tensor<8xf32>) -> tensor<8xf32>
    %123 = stablehlo.divide %121, %122 : tensor<8xf32>
    %124 = stablehlo.multiply %120, %123 : tensor<8xf32>
    %125 = stablehlo.add %118, %124 : tensor<8xf32>
    %cst_43 = stablehlo.constant dense<-2.50662827> : tensor<f32>
    %126 = stablehlo.broadcast_in_dim %cst_43, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %127 = stablehlo.multiply %125, %126 : tensor<8xf32>
    %128 = stablehlo.log %116 : tensor<8xf32>
    %cst_44 = stablehlo.constant dense<-2.000000e+00> : tensor<f32>
    %129 = stablehlo.broadcast_in_dim %cst_44, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %130 = stablehlo.multiply %129, %128 : tensor<8xf32>
    %131 = stablehlo.sqrt %130 : tensor<8xf32>
    %132 = stablehlo.log %131 : tensor<8xf32>
    %133 = stablehlo.divide %132, %131 : tensor<8xf32>
    %134 = stablehlo.subtract %131, %133 : tensor<8xf32>
    %cst_45 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %135 = stablehlo.broadcast_in_dim %cst_45, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %136 = stablehlo.divide %135, %131 : tensor<8xf32>
    %137 = call @polyval_0(%cst_1, %136) : (tensor<9xf32>, tensor<8xf32>) -> tensor<8xf32>
    %cst_46 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %138 = stablehlo.broadcast_in_dim %cst_46, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %139 = stablehlo.divide %138, %131 : tensor<8xf32>
    %140 = call @polyval_0(%cst_2, %139) : (tensor<9xf32>, tensor<8xf32>) -> tensor<8xf32>
    %141 = stablehlo.divide %137, %140 : tensor<8xf32>
    %142 = stablehlo.divide %141, %131 : tensor<8xf32>
    %cst_47 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %143 = stablehlo.broadcast_in_dim %cst_47, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %144 = stablehlo.divide %143, %131 : tensor<8xf32>
    %145 = call @polyval_0(%cst_3, %144) : (tensor<9xf32>, tensor<8xf32>) -> tensor<8xf32>
    %cst_48 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %146 = stablehlo.broadcast_in_dim %cst_48, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %147 = stablehlo.divide %146, %131 : tensor<8xf32>
    %148 = call @polyval_0(%cst_4, %147) : (tensor<9xf32>, tensor<8xf32>) -> tensor<8xf32>
    %149 = stablehlo.divide %145, %148 : tensor<8xf32>
    %150 = stablehlo.divide %149, %131 : tensor<8xf32>
    %151 = stablehlo.subtract %134, %142 : tensor<8xf32>
    %152 = stablehlo.subtract %134, %150 : tensor<8xf32>
    %cst_49 = stablehlo.constant dense<0.135335281> : tensor<f32>
    %153 = stablehlo.broadcast_in_dim %cst_49, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %154 = stablehlo.compare GT, %116, %153, FLOAT : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
    %cst_50 = stablehlo.constant dense<8.000000e+00> : tensor<f32>
    %155 = stablehlo.broadcast_in_dim %cst_50, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %156 = stablehlo.compare GE, %131, %155, FLOAT : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
    %157 = call @_where(%156, %151, %152) : (tensor<8xi1>, tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %158 = call @_where(%154, %127, %157) : (tensor<8xi1>, tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %cst_51 = stablehlo.constant dense<0.864664733> : tensor<f32>
    %159 = stablehlo.broadcast_in_dim %cst_51, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %160 = stablehlo.compare GT, %107, %159, FLOAT : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
    %161 = stablehlo.negate %158 : tensor<8xf32>
    %162 = call @_where(%160, %158, %161) : (tensor<8xi1>, tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %cst_52 = stablehlo.constant dense<0x7F800000> : tensor<f32>
    %163 = stablehlo.broadcast_in_dim %cst_52, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %cst_53 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %164 = stablehlo.broadcast_in_dim %cst_53, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %165 = stablehlo.compare EQ, %107, %164, FLOAT : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
    %166 = stablehlo.negate %163 : tensor<8xf32>
    %cst_54 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %167 = stablehlo.broadcast_in_dim %cst_54, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %168 = stablehlo.compare EQ, %107, %167, FLOAT : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
    %169 = call @_where(%168, %163, %162) : (tensor<8xi1>, tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %170 = call @_where(%165, %166, %169) : (tensor<8xi1>, tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    return %1, %4, %5, %6, %84, %91, %96, %97, %101, %170 : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
  }
  func.func private @arccosh(%arg0: tensor<8xf32>) -> tensor<8xf32> {
    %0 = chlo.acosh %arg0 : tensor<8xf32> -> tensor<8xf32>
    return %0 : tensor<8xf32>
  }
  func.func private @_where(%arg0: tensor<8xi1>, %arg1: tensor<8xf32>, %arg2: tensor<8xf32>) -> tensor<8xf32> {
    %0 = stablehlo.select %arg0, %arg1, %arg2 : tensor<8xi1>, tensor<8xf32>
    return %0 : tensor<8xf32>
  }
  func.func private @polyval(%arg0: tensor<5xf32>, %arg1: tensor<8xf32>) -> tensor<8xf32> {
    %cst = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %0 = stablehlo.broadcast_in_dim %cst, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %1 = stablehlo.slice %arg0 [0:0] : (tensor<5xf32>) -> tensor<0xf32>
    %2 = stablehlo.slice %arg0 [0:5] : (tensor<5xf32>) -> tensor<5xf32>
    %3 = stablehlo.slice %2 [0:1] : (tensor<5xf32>) -> tensor<1xf32>
    %4 = stablehlo.reshape %3 : (tensor<1xf32>) -> tensor<f32>
    %5 = call @closed_call(%arg1, %0, %4) : (tensor<8xf32>, tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %6 = stablehlo.slice %2 [1:2] : (tensor<5xf32>) -> tensor<1xf32>
    %7 = stablehlo.reshape %6 : (tensor<1xf32>) -> tensor<f32>
    %8 = call @closed_call(%arg1, %5, %7) : (tensor<8xf32>, tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %9 = stablehlo.slice %2 [2:3] : (tensor<5xf32>) -> tensor<1xf32>
    %10 = stablehlo.reshape %9 : (tensor<1xf32>) -> tensor<f32>
    %11 = call @closed_call(%arg1, %8, %10) : (tensor<8xf32>, tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %12 = stablehlo.slice %2 [3:4] : (tensor<5xf32>) -> tensor<1xf32>
    %13 = stablehlo.reshape %12 : (tensor<1xf32>) -> tensor<f32>
    %14 = call @closed_call(%arg1, %11, %13) : (tensor<8xf32>, tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %15 = stablehlo.slice %2 [4:5] : (tensor<5xf32>) -> tensor<1xf32>
    %16 = stablehlo.reshape %15 : (tensor<1xf32>) -> tensor<f32>
    %17 = call @closed_call(%arg1, %14, %16) : (tensor<8xf32>, tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    return %17 : tensor<8xf32>
  }
  func.func private @closed_call(%arg0: tensor<8xf32>, %arg1: tensor<8xf32>, %arg2: tensor<f32>) -> tensor<8xf32> {
    %0 = stablehlo.multiply %arg1, %arg0 : tensor<8xf32>
    %1 = stablehlo.broadcast_in_dim %arg2, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %2 = stablehlo.add %0, %1 : tensor<8xf32>
    return %2 : tensor<8xf32>
  }
  func.func private @polyval_0(%arg0: tensor<9xf32>, %arg1: tensor<8xf32>) -> tensor<8xf32> {
    %cst = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %0 = stablehlo.broadcast_in_dim %cst, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %1 = stablehlo.slice %arg0 [0:0] : (tensor<9xf32>) -> tensor<0xf32>
    %2 = stablehlo.slice %arg0 [0:9] : (tensor<9xf32>) -> tensor<9xf32>
    %3 = stablehlo.slice %2 [0:1] : (tensor<9xf32>) -> tensor<1xf32>
    %4 = stablehlo.reshape %3 : (tensor<1xf32>) -> tensor<f32>
    %5 = call @closed_call_1(%arg1, %0, %4) : (tensor<8xf32>, tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %6 = stablehlo.slice %2 [1:2] : (tensor<9xf32>) -> tensor<1xf32>
    %7 = stablehlo.reshape %6 : (tensor<1xf32>) -> tensor<f32>
    %8 = call @closed_call_1(%arg1, %5, %7) : (tensor<8xf32>, tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %9 = stablehlo.slice %2 [2:3] : (tensor<9xf32>) -> tensor<1xf32>
    %10 = stablehlo.reshape %9 : (tensor<1xf32>) -> tensor<f32>
    %11 = call @closed_call_1(%arg1, %8, %10) : (tensor<8xf32>, tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %12 = stablehlo.slice %2 [3:4] : (tensor<9xf32>) -> tensor<1xf32>
    %13 = stablehlo.reshape %12 : (tensor<1xf32>) -> tensor<f32>
    %14 = call @closed_call_1(%arg1, %11, %13) : (tensor<8xf32>, tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %15 = stablehlo.slice %2 [4:5] : (tensor<9xf32>) -> tensor<1xf32>
    %16 = stablehlo.reshape %15 : (tensor<1xf32>) -> tensor<f32>
    %17 = call @closed_call_1(%arg1, %14, %16) : (tensor<8xf32>, tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %18 = stablehlo.slice %2 [5:6] : (tensor<9xf32>) -> tensor<1xf32>
    %19 = stablehlo.reshape %18 : (tensor<1xf32>) -> tensor<f32>
    %20 = call @closed_call_1(%arg1, %17, %19) : (tensor<8xf32>, tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %21 = stablehlo.slice %2 [6:7] : (tensor<9xf32>) -> tensor<1xf32>
    %22 = stablehlo.reshape %21 : (tensor<1xf32>) -> tensor<f32>
    %23 = call @closed_call_1(%arg1, %20, %22) : (tensor<8xf32>, tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %24 = stablehlo.slice %2 [7:8] : (tensor<9xf32>) -> tensor<1xf32>
    %25 = stablehlo.reshape %24 : (tensor<1xf32>) -> tensor<f32>
    %26 = call @closed_call_1(%arg1, %23, %25) : (tensor<8xf32>, tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %27 = stablehlo.slice %2 [8:9] : (tensor<9xf32>) -> tensor<1xf32>
    %28 = stablehlo.reshape %27 : (tensor<1xf32>) -> tensor<f32>
    %29 = call @closed_call_1(%arg1, %26, %28) : (tensor<8xf32>, tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    return %29 : tensor<8xf32>
  }
  func.func private @closed_call_1(%arg0: tensor<8xf32>, %arg1: tensor<8xf32>, %arg2: tensor<f32>) -> tensor<8xf32> {
    %0 = stablehlo.multiply %arg1, %arg0 : tensor<8xf32>
    %1 = stablehlo.broadcast_in_dim %arg2, dims = [] : (tensor<f32>) -> tensor<8xf32>
    %2 = stablehlo.add %0, %1 : tensor<8xf32>
    return %2 : tensor<8xf32>
  }
}
