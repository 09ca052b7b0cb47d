package bytecode

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// settings are the names of operations' settings, in the order in which they are written: the alphabet's. Those that may be missing have a
// question mark.
//
// Source: VhloOps.td of StableHLO 1.20, in which operations keep their settings and new ones get another version, and the definitions of
// builtin.module and of Shardy's operations.
var settings = map[string]string{}

func init() {
	add := func(dialect string, rows [][2]string) {
		for _, row := range rows {
			for _, name := range strings.Fields(row[0]) {
				settings[dialect+"."+name] = row[1]
			}
		}
	}
	add("builtin", [][2]string{{"module", "sym_name? sym_visibility?"}})
	add("sdy", [][2]string{
		{"all_gather", "gathering_axes out_sharding"},
		{"all_reduce", "out_sharding reduction_axes"},
		{"all_slice", "out_sharding slicing_axes"},
		{"all_to_all", "out_sharding params"},
		{"collective_permute", "out_sharding"},
		{"constant", "value"},
		{"data_flow_edge", "sharding?"},
		{"manual_computation", "in_shardings manual_axes out_shardings"},
		{"mesh", "mesh sym_name"},
		{"named_computation", "in_shardings? name out_shardings?"},
		{"propagation_barrier", "allowed_direction"},
		{"reshard sharding_constraint", "sharding"},
		{"sharding_group", "group_id"},
	})
	add("vhlo", [][2]string{
		{"abs_v1 add_v1 after_all_v1 and_v1 async_start_v1 async_done_v1 atan2_v1 bitcast_convert_v1 case_v1 cbrt_v1 " +
			"ceil_v1 clamp_v1 count_leading_zeros_v1 complex_v1 convert_v1 cosine_v1 create_token_v1 divide_v1 " +
			"dynamic_pad_v1 dynamic_reshape_v1 dynamic_update_slice_v1 exponential_minus_one_v1 exponential_v1 floor_v1 " +
			"if_v1 imag_v1 is_finite_v1 log_plus_one_v1 logistic_v1 log_v1 maximum_v1 minimum_v1 multiply_v1 negate_v1 " +
			"not_v1 optimization_barrier_v1 or_v1 partition_id_v1 popcnt_v1 power_v1 real_dynamic_slice_v1 real_v1 " +
			"remainder_v1 replica_id_v1 reshape_v1 return_v1 round_nearest_even_v1 round_nearest_afz_v1 rsqrt_v1 select_v1 " +
			"shift_left_v1 shift_right_arithmetic_v1 shift_right_logical_v1 sign_v1 sine_v1 sqrt_v1 subtract_v1 tan_v1 " +
			"tanh_v1 tuple_v1 uniform_dequantize_v1 uniform_quantize_v1 while_v1 xor_v1", ""},
		{"all_gather_v1 all_gather_v2", "all_gather_dim channel_id replica_groups use_global_device_ids"},
		{"all_reduce_v1 all_reduce_v2", "channel_id replica_groups use_global_device_ids"},
		{"all_to_all_v1 all_to_all_v2", "channel_id concat_dimension replica_groups split_count split_dimension"},
		{"batch_norm_grad_v1 batch_norm_inference_v1 batch_norm_training_v1", "epsilon feature_index"},
		{"broadcast_in_dim_v1", "broadcast_dimensions"},
		{"broadcast_v1", "broadcast_sizes"},
		{"call_v1", "callee"},
		{"cbrt_v2 cosine_v2 exponential_minus_one_v2 exponential_v2 log_plus_one_v2 logistic_v2 log_v2 rsqrt_v2 sine_v2 " +
			"sqrt_v2 tan_v2 tanh_v2", "result_accuracy"},
		{"cholesky_v1", "lower"},
		{"collective_broadcast_v1", "channel_id replica_groups"},
		{"collective_broadcast_v2", "channel_id has_dynamic_root replica_groups"},
		{"collective_permute_v1", "channel_id source_target_pairs"},
		{"collective_reduce_v1", "channel_id has_dynamic_root replica_groups use_global_device_ids"},
		{"compare_v1", "compare_type comparison_direction"},
		{"composite_v1 composite_v2", "composite_attributes decomposition name version"},
		{"concatenate_v1 get_dimension_size_v1 set_dimension_size_v1", "dimension"},
		{"constant_v1", "value"},
		{"convolution_v1 dynamic_conv_v1", "batch_group_count feature_group_count input_batch_dimension input_feature_dimension input_spatial_dimensions " +
			"kernel_input_feature_dimension kernel_output_feature_dimension kernel_spatial_dimensions lhs_dilation " +
			"output_batch_dimension output_feature_dimension output_spatial_dimensions padding precision_config " +
			"rhs_dilation window_reversal window_strides"},
		{"cross-replica-sum_v1", "replica_groups"},
		{"custom_call_v1", "api_version backend_config call_target_name called_computations has_side_effect operand_layouts " +
			"output_operand_aliases result_layouts"},
		{"custom_call_v2", "api_version backend_config call_target_name called_computations has_side_effect operand_layouts " +
			"output_operand_aliases result_layouts result_tilings"},
		{"dot_general_v1", "lhs_batching_dimensions lhs_contracting_dimensions precision_config rhs_batching_dimensions " +
			"rhs_contracting_dimensions"},
		{"dot_general_v2", "accumulation_type allow_imprecise_accumulation lhs_batching_dimensions lhs_component_count " +
			"lhs_contracting_dimensions lhs_precision_type num_primitive_operations precision_config " +
			"rhs_batching_dimensions rhs_component_count rhs_contracting_dimensions rhs_precision_type"},
		{"dot_v1", "precision_config"},
		{"dynamic_broadcast_in_dim_v1", "broadcast_dimensions known_expanding_dimensions known_nonexpanding_dimensions"},
		{"dynamic_conv_v2", "batch_group_count feature_group_count input_batch_dimension input_feature_dimension input_spatial_dimensions " +
			"kernel_input_feature_dimension kernel_output_feature_dimension kernel_spatial_dimensions lhs_dilation " +
			"output_batch_dimension output_feature_dimension output_spatial_dimensions precision_config rhs_dilation " +
			"window_reversal window_strides"},
		{"dynamic_gather_v1", "collapsed_slice_dims index_vector_dim indices_are_sorted offset_dims start_index_map"},
		{"dynamic_gather_v2", "collapsed_slice_dims index_vector_dim indices_are_sorted offset_dims operand_batching_dims start_index_map " +
			"start_indices_batching_dims"},
		{"dynamic_iota_v1 iota_v1", "iota_dimension"},
		{"dynamic_slice_v1", "slice_sizes"},
		{"einsum_v1 unary_einsum_v1", "einsum_config"},
		{"fft_v1", "fft_length fft_type"},
		{"func_v1", "arg_attrs function_type res_attrs sym_name sym_visibility"},
		{"gather_v1", "collapsed_slice_dims index_vector_dim indices_are_sorted offset_dims slice_sizes start_index_map"},
		{"gather_v2", "collapsed_slice_dims index_vector_dim indices_are_sorted offset_dims operand_batching_dims slice_sizes " +
			"start_index_map start_indices_batching_dims"},
		{"get_tuple_element_v1", "index"},
		{"infeed_v1", "infeed_config layout"},
		{"map_v1 reduce_v1 reverse_v1", "dimensions"},
		{"outfeed_v1", "outfeed_config"},
		{"pad_v1", "edge_padding_high edge_padding_low interior_padding"},
		{"recv_v1 send_v1", "channel_id channel_type is_host_transfer"},
		{"recv_v2 send_v2", "channel_id channel_type is_host_transfer source_target_pairs"},
		{"reduce_precision_v1", "exponent_bits mantissa_bits"},
		{"reduce_scatter_v1", "channel_id replica_groups scatter_dimension use_global_device_ids"},
		{"reduce_window_v1", "base_dilations padding window_dilations window_dimensions window_strides"},
		{"rng_bit_generator_v1", "rng_algorithm"},
		{"rng_v1", "rng_distribution"},
		{"scatter_v1", "index_vector_dim indices_are_sorted inserted_window_dims scatter_dims_to_operand_dims unique_indices " +
			"update_window_dims"},
		{"scatter_v2", "index_vector_dim indices_are_sorted input_batching_dims inserted_window_dims scatter_dims_to_operand_dims " +
			"scatter_indices_batching_dims unique_indices update_window_dims"},
		{"select_and_scatter_v1", "padding window_dimensions window_strides"},
		{"slice_v1", "limit_indices start_indices strides"},
		{"sort_v1", "dimension is_stable"},
		{"torch_index_select_v1", "batch_dims dim"},
		{"transpose_v1", "permutation"},
		{"triangular_solve_v1", "left_side lower transpose_a unit_diagonal"},
	})
}

// words are the words that enumerations have for numbers.
//
// Source: VhloEnums.td.
var words = map[uint64][]string{
	3:  {"EQ", "NE", "GE", "GT", "LE", "LT"},
	4:  {"NOTYPE", "FLOAT", "TOTALORDER", "SIGNED", "UNSIGNED"},
	7:  {"FFT", "IFFT", "RFFT", "IRFFT"},
	11: {"DEFAULT", "HIGH", "HIGHEST"},
	12: {"DEFAULT", "THREE_FRY", "PHILOX"},
	13: {"", "UNIFORM", "NORMAL"},
	16: {"TRANSPOSE_INVALID", "NO_TRANSPOSE", "TRANSPOSE", "ADJOINT"},
	19: {"DEFAULT", "HIGHEST", "TOLERANCE"},
}

// vhloAttr reads an attribute of VHLO's.
func (p *parser) vhloAttr(s *source) any {
	p.step(s, 1)
	code := s.varint()
	if list := words[code]; list != nil {
		return Keyword(list[s.index(len(list), "word")])
	}
	switch code {
	case 1:
		return p.list(s)
	case 2:
		return s.index(2, "truth value") == 1
	case 5:
		return int64(s.varint())
	case 6:
		return p.dictionary(s)
	case 8:
		return p.float(s, p.typ(s, s.varint()))
	case 9:
		return p.integer(s, p.typ(s, s.varint()))
	case 10: // which result may be where which operand was
		p.signeds(s)
		s.signed()
		p.signeds(s)
		return Unit{}
	case 14:
		return p.str(s)
	case 15:
		t := p.typ(s, s.varint())
		return Tensor{t, s.blob()}
	case 17:
		return p.typ(s, s.varint())
	case 18:
		var bounds []string
		for _, b := range p.signeds(s) {
			if b == math.MinInt64 {
				bounds = append(bounds, "?")
			} else {
				bounds = append(bounds, strconv.FormatInt(b, 10))
			}
		}
		return Text("#stablehlo.bounds<" + strings.Join(bounds, ", ") + ">")
	case 20:
		double := &Type{Text: "f64"}
		m := map[string]any{"atol": p.float(s, double), "rtol": p.float(s, double), "ulps": s.signed()}
		m["mode"] = p.attr(s, s.varint())
		return m
	case 21, 22, 23, 24, 25:
		s.fail("devices are named by the axes of a mesh, which is not read: export collectives with the numbers of devices")
	default:
		s.fail("an attribute of VHLO's of kind %d, which is not known: serialise it for an older version of StableHLO, 1.20 at most", code)
	}
	return nil
}

func (p *parser) signeds(s *source) []int64 {
	list := make([]int64, s.count())
	for i := range list {
		list[i] = s.signed()
	}
	return list
}

// plain are VHLO's types that are a name alone, by their code.
var plain = map[uint64]string{
	0: "i1", 2: "bf16", 3: "f16", 4: "f32", 5: "f64", 6: "f8E4M3FN", 7: "f8E5M2", 9: "index", 10: "i4", 11: "i8", 12: "i16", 13: "i32", 14: "i64",
	15: "ui4", 16: "ui8", 17: "ui16", 18: "ui32", 19: "ui64", 22: "!stablehlo.token", 26: "!shape.witness", 27: "f8E4M3FNUZ", 28: "f8E5M2FNUZ",
	29: "f8E4M3B11FNUZ", 31: "i2", 32: "ui2", 33: "none", 34: "tf32", 35: "f8E4M3", 36: "f8E3M4", 37: "f4E2M1FN", 38: "f6E2M3FN",
	39: "f6E3M2FN", 40: "f8E8M0FNU",
}

// vhloType reads a type of VHLO's.
func (p *parser) vhloType(s *source, t *Type) {
	code := s.varint()
	if t.Text = plain[code]; t.Text != "" {
		return
	}
	switch code {
	case 1:
		t.Text = "complex<" + p.typ(s, s.varint()).Text + ">"
	case 8:
		p.function(s, t)
	case 20:
		p.tensorType(s, t, "tensor", "")
	case 21:
		encoding, ok := p.attr(s, s.varint()).(Text)
		if !ok {
			s.fail("the encoding of a tensor is none that is known")
		}
		p.tensorType(s, t, "tensor", string(encoding))
	case 23:
		t.Text = "tuple<" + joined(p.typeList(s)) + ">"
	case 24, 30:
		t.Text = p.quantised(s, code == 30)
	case 25:
		t.Text = "tensor<*x" + p.typ(s, s.varint()).Text + ">"
	case 41:
		p.tensorType(s, t, "memref", "")
	case 42:
		t.Text = "!stablehlo.future<" + joined(p.typeList(s)) + ">"
	default:
		s.fail("a type of VHLO's of kind %d, which is not known: serialise it for an older version of StableHLO, 1.20 at most", code)
	}
}

// quantised writes the type of quantised numbers: !quant.uniform<i8<-128:127>:f32, 0.5:3>, or with scales along an axis.
func (p *parser) quantised(s *source, axes bool) string {
	flags := s.varint()
	stored := strings.TrimLeft(p.typ(s, s.varint()).Text, "suif")
	kind := "i" // which has a sign
	if flags&1 == 0 {
		kind = "u"
	}
	expressed := p.typ(s, s.varint()).Text
	number := func() float64 { return math.Float64frombits(uint64(s.signed())) }
	text := func(scale float64, zero int64) string {
		digits := strconv.FormatFloat(scale, 'e', -1, 64)
		if zero == 0 {
			return digits
		}
		return fmt.Sprintf("%s:%d", digits, zero)
	}
	limits := func() string {
		lo := s.signed()
		return fmt.Sprintf("%s%s<%d:%d>:%s", kind, stored, lo, s.signed(), expressed)
	}
	if !axes {
		scale, zero := number(), s.signed()
		return fmt.Sprintf("!quant.uniform<%s, %s>", limits(), text(scale, zero))
	}
	axis := s.varint()
	head := limits()
	scales := make([]float64, s.count())
	for i := range scales {
		scales[i] = number()
	}
	if n := s.count(); n != len(scales) {
		s.fail("%d scales and %d zeros", len(scales), n)
	}
	list := make([]string, len(scales))
	for i, scale := range scales {
		list[i] = text(scale, s.signed())
	}
	return fmt.Sprintf("!quant.uniform<%s:%d, {%s}>", head, axis, strings.Join(list, ", "))
}
