package codes_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/dtypes/codes"
)

func ExampleKind_Values() {
	values, err := codes.E2M1.Values(4)
	fmt.Println(values, err)
	// Output: [0 0.5 1 1.5 2 3 4 6 -0 -0.5 -1 -1.5 -2 -3 -4 -6] <nil>
}

func TestEveryKindHasItsCodes(t *testing.T) {
	for _, c := range []struct {
		kind codes.Kind
		bits []int
	}{
		{codes.Unsigned, []int{2, 4, 8}}, {codes.Signed, []int{2, 4, 8}}, {codes.NF4, []int{4}}, {codes.E2M1, []int{4}},
		{codes.E4M3FN, []int{8}}, {codes.E5M2, []int{8}}, {codes.E8M0, []int{8}},
	} {
		for bits := range 10 {
			values, err := c.kind.Values(bits)
			is := false
			for _, b := range c.bits {
				is = is || b == bits
			}
			if !is {
				require.EqualError(t, err, fmt.Sprintf("there are no codes %q of %d bits", c.kind, bits))
				continue
			}
			require.NoError(t, err)
			require.Len(t, values, 1<<bits)
		}
	}
	_, err := codes.Kind("").Values(4)
	require.EqualError(t, err, `there are no codes "" of 4 bits`)
}

func TestEndsOfCodes(t *testing.T) {
	values := func(k codes.Kind, bits int) []float64 {
		v, err := k.Values(bits)
		require.NoError(t, err)
		return v
	}
	require.Equal(t, []float64{0, 1, -2, -1}, values(codes.Signed, 2))
	require.Equal(t, 255.0, values(codes.Unsigned, 8)[255])
	require.Equal(t, -1.0, values(codes.NF4, 4)[0])
	require.Equal(t, 448.0, values(codes.E4M3FN, 8)[0x7e])
	require.Equal(t, -57344.0, values(codes.E5M2, 8)[0xfb])
	e8m0 := values(codes.E8M0, 8)
	require.Equal(t, [3]float64{0x1p-127, 1, 0x1p127}, [3]float64{e8m0[0], e8m0[127], e8m0[254]})
	require.True(t, math.IsNaN(e8m0[255]))
}
