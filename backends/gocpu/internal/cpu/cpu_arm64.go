package cpu

func detect() (Tier, Features) { return NEON, Features{} } // every arm64 processor has it
