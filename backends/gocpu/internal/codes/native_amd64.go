package codes

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

// nativeOf returns what a tier has for codes of so many bits.
func nativeOf(t cpu.Tier, bits int, w whole) native {
	list := map[cpu.Tier][5]native{
		cpu.AVX2:   {{8, row2AVX2}, {8, row4AVX2}, {8, row8AVX2}, {8, rowUnsignedAVX2}, {8, rowSignedAVX2}},
		cpu.AVX512: {{16, row2AVX512}, {16, row4AVX512}, {16, row8AVX512}, {16, rowUnsignedAVX512}, {16, rowSignedAVX512}},
	}[t]
	switch {
	case bits == 2:
		return list[0]
	case bits == 4:
		return list[1]
	}
	return list[2+w]
}
