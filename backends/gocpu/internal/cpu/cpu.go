// Package cpu says which vector instructions kernels may use on this machine.
//
// There are tiers, each a set of instructions that all its kernels may use, and features beyond a tier that a few kernels ask
// for by name. The tier is chosen once, when the process starts: the best that the processor and the operating system have, or a
// lower one that the environment variable QUIRE_CPU names (portable, avx2, avx512, neon). AMX, whose instructions are few, is no tier
// but a feature; amx names the tier avx512 with it, and avx512 that without.
package cpu

import (
	"fmt"
	"os"
	"strings"
)

// Tier is a set of vector instructions. Higher tiers are faster; they are ordered within one architecture only.
type Tier uint8

const (
	Portable Tier = iota // plain Go
	NEON                 // arm64
	AVX2                 // amd64 with AVX2, FMA3, F16C
	AVX512               // and AVX-512 F, BW, CD, DQ, VL
)

var tierNames = [...]string{"portable", "neon", "avx2", "avx512"}

// String names the tier as QUIRE_CPU does.
func (t Tier) String() string { return tierNames[t] }

// Features are instructions that kernels ask for one by one.
type Features struct {
	BF16 bool // AVX512_BF16: products of pairs of bfloat16
	VNNI bool // AVX512_VNNI: products of fours of int8
	AMX  bool // AMX-TILE, AMX-BF16 and AMX-INT8: products of tiles, of bfloat16 and of 8-bit integers; see [AskForTiles]
}

// best is what the machine has, found by detect.
var best, features = detect()

// tier is the tier in use, has are the features.
var tier, has, fault = choose(best, features, os.Getenv("QUIRE_CPU"))

// Best returns the highest tier that the machine has.
func Best() Tier { return best }

// Use returns the tier in use.
func Use() Tier { return tier }

// Err returns what is wrong with QUIRE_CPU, if anything: then the best tier is in use.
func Err() error { return fault }

// Has returns the features in use: those of the machine, if the tier in use is its best and QUIRE_CPU does not leave AMX out.
func Has() Features { return has }

// Name names what is in use as QUIRE_CPU does: the tier, or amx.
func Name() string {
	if has.AMX {
		return amx
	}
	return tier.String()
}

// Names returns what QUIRE_CPU may name on this machine, the lowest first.
func Names() (list []string) {
	for _, t := range Tiers() {
		list = append(list, t.String())
	}
	if features.AMX {
		list = append(list, amx)
	}
	return list
}

// amx names the tier avx512 with AMX.
const amx = "amx"

// Tiers returns the tiers that the machine can run, the lowest first: what tests go through.
func Tiers() []Tier {
	list := []Tier{Portable}
	switch best {
	case NEON:
		list = append(list, NEON)
	case AVX2:
		list = append(list, AVX2)
	case AVX512:
		list = append(list, AVX2, AVX512)
	}
	return list
}

// choose returns the tier that want names, if the machine has it, and the features beside it; the empty name stands for the best of
// all.
func choose(best Tier, features Features, want string) (Tier, Features, error) {
	if want == "" || features.AMX && strings.EqualFold(want, amx) {
		return best, features, nil
	}
	for _, t := range Tiers() {
		if !strings.EqualFold(want, t.String()) {
			continue
		}
		if t != best {
			return t, Features{}, nil
		}
		features.AMX = false
		return t, features, nil
	}
	return best, features, fmt.Errorf("QUIRE_CPU=%q: this machine has the tiers %s; set one of these, or nothing for the best", want, strings.Join(Names(), ", "))
}
