package cpu

import "golang.org/x/sys/cpu"

func detect() (Tier, Features) {
	x := &cpu.X86
	switch {
	case !(x.HasAVX2 && x.HasFMA && x.HasBMI2):
		return Portable, Features{}
	case !(x.HasAVX512F && x.HasAVX512BW && x.HasAVX512CD && x.HasAVX512DQ && x.HasAVX512VL):
		return AVX2, Features{}
	}
	tiles := x.HasAMXTile && x.HasAMXBF16 && x.HasAMXInt8 && x.HasAVX512VBMI // whose permutations pack for them
	return AVX512, Features{BF16: x.HasAVX512BF16, VNNI: x.HasAVX512VNNI, AMX: tiles && hasTiles}
}
