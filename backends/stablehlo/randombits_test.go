package stablehlo

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestRandomBits compares bits and states with those of jax.lax.rng_bit_generator on the CPU (JAX 0.10.2).
func TestRandomBits(t *testing.T) {
	for _, c := range []struct{ algorithm, state, shape, next, bits string }{
		{"THREE_FRY", "[1, 2]", "tensor<7xui32>", "[1, 6]", "[43444564, 2150618427, 3979645651, 3745730563, 1672743891, 4240503393, 2109414752]"},
		{"THREE_FRY", "[9223372036854775813, 18446744073709551614]", "tensor<3x4xui32>", "[9223372036854775813, 4]", "[[3331914273, 3936478428, 345986348, 3545832757], [1337340255, 840010968, 2123567228, 457444558], [628704676, 3804556358, 2633866934, 3754188361]]"},
		{"THREE_FRY", "[3, 3]", "tensor<ui32>", "[3, 4]", "1185596879"},
		{"THREE_FRY", "[9, 1]", "tensor<3x5xui32>", "[9, 10]", "[[3708195275, 3404130823, 748208749, 3700283733, 3118103335], [1367499314, 532233216, 1465640346, 3271985686, 2221813560], [3968796644, 4133161831, 3101435053, 3283412906, 2366540072]]"},
		{"THREE_FRY", "[7, 18446744073709551615]", "tensor<5xui64>", "[7, 4]", "[6868590399942727175, 13563526760692328810, 5731837475286458671, 1351350879580556977, 18293117372049887412]"},
		{"THREE_FRY", "[1, 1]", "tensor<3xui16>", "[1, 3]", "[26738, 59313, 59732]"},
		{"THREE_FRY", "[4, 4294967296]", "tensor<2x3xui8>", "[4, 4294967299]", "[[191, 187, 86], [16, 192, 32]]"},
		{"THREE_FRY", "[1, 2]", "tensor<0xui32>", "[1, 2]", ""},
		{"PHILOX", "[1, 2]", "tensor<7xui32>", "[1, 4]", "[2100602697, 2847456232, 2074354647, 800269529, 1828267006, 3135207875, 3972719319]"},
		{"PHILOX", "[9223372036854775813, 18446744073709551614]", "tensor<3x4xui32>", "[9223372036854775813, 1]", "[[911437490, 932094173, 4121853611, 1078865787], [3729030871, 1452928738, 4067317182, 2761314520], [1554583773, 2077966094, 1556993188, 726146289]]"},
		{"PHILOX", "[3, 3]", "tensor<ui32>", "[3, 4]", "3809047513"},
		{"PHILOX", "[9, 1]", "tensor<3x5xui32>", "[9, 5]", "[[3499362590, 383559911, 2106545974, 1998882760, 2897127606], [279166397, 272476631, 2827861065, 1130947091, 1839200913], [2922445480, 4145649366, 1153328551, 3836448056, 4119271481]]"},
		{"PHILOX", "[7, 18446744073709551615]", "tensor<5xui64>", "[7, 2]", "[12582623120030231089, 3721964000698584067, 2113786144769580494, 5095073197567980399, 5738669472434535144]"},
		{"PHILOX", "[1, 1]", "tensor<3xui16>", "[1, 2]", "[39759, 20608, 25538]"},
		{"PHILOX", "[4, 4294967296]", "tensor<2x3xui8>", "[4, 4294967298]", "[[50, 196, 47], [103, 99, 156]]"},
		{"PHILOX", "[1, 2]", "tensor<0xui32>", "[1, 2]", ""},
		{"DEFAULT", "[1, 2]", "tensor<7xui32>", "[1, 4]", "[2100602697, 2847456232, 2074354647, 800269529, 1828267006, 3135207875, 3972719319]"},
	} {
		t.Run(c.algorithm+" "+c.shape+" "+c.state, func(t *testing.T) {
			body := "%s = stablehlo.constant dense<" + c.state + "> : tensor<2xui64>\n%next, %bits = stablehlo.rng_bit_generator %s, algorithm = " + c.algorithm + " : (tensor<2xui64>) -> (tensor<2xui64>, " + c.shape + ")\n"
			constant := func(value, typ string) string { return "%y = stablehlo.constant dense<" + value + "> : " + typ }
			assert.True(t, runBody(t, strings.Replace(body, "%bits", "%y", 1), c.shape).Equal(runBody(t, constant(c.bits, c.shape), c.shape)), "other bits")
			const state = "tensor<2xui64>"
			assert.True(t, runBody(t, strings.Replace(body, "%next", "%y", 1), state).Equal(runBody(t, constant(c.next, state), state)), "another state")
		})
	}
}
