module @constants attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main() -> (tensor<40xf32>, tensor<40xi1>, tensor<2x2xf64>, tensor<2xcomplex<f32>>, tensor<2xi1>, tensor<0x3xi8>, tensor<f16>, tensor<2xui64>, tensor<2x2xbf16>) {
    %0 = stablehlo.constant dense<"0x000000000000003E0000803E0000C03E0000003F0000203F0000403F0000603F0000803F0000903F0000A03F0000B03F0000C03F0000D03F0000E03F0000F03F0000004000000840000010400000184000002040000028400000304000003840000040400000484000005040000058400000604000006840000070400000784000008040000084400000884000008C4000009040000094400000984000009C40"> : tensor<40xf32>
    %1 = stablehlo.constant dense<"0x01000001000001000001000001000001000001000001000001000001000001000001000001000001"> : tensor<40xui8>
    %2 = stablehlo.constant dense<0> : tensor<40xui8>
    %3 = stablehlo.compare NE, %1, %2, UNSIGNED : (tensor<40xui8>, tensor<40xui8>) -> tensor<40xi1>
    %4 = stablehlo.constant dense<[[1.0e+00, 1.0e-01], [1.0e+300, -0.0e+00]]> : tensor<2x2xf64>
    %5 = stablehlo.constant dense<[(1.0e+00, 2.0e+00), (-1.0e+00, 0.0e+00)]> : tensor<2xcomplex<f32>>
    %6 = stablehlo.constant dense<[true, false]> : tensor<2xi1>
    %7 = stablehlo.constant dense<> : tensor<0x3xi8>
    %8 = stablehlo.constant dense<0xFC00> : tensor<f16>
    %9 = stablehlo.constant dense<[18446744073709551615, 0]> : tensor<2xui64>
    %10 = stablehlo.constant dense<1.0e+00> : tensor<bf16>
    %11 = stablehlo.broadcast_in_dim %10, dims = [] : (tensor<bf16>) -> tensor<2x2xbf16>
    return %0, %3, %4, %5, %6, %7, %8, %9, %11 : tensor<40xf32>, tensor<40xi1>, tensor<2x2xf64>, tensor<2xcomplex<f32>>, tensor<2xi1>, tensor<0x3xi8>, tensor<f16>, tensor<2xui64>, tensor<2x2xbf16>
  }
}
