package carry

// Types of tests stand for those of cells.
func init() {
	openPackages["github.com/quire-ml/quire/kernel-ext/carry"] = true
	openPackages["github.com/quire-ml/quire/kernel-ext/carry_test"] = true
}

// Fresh forgets the variables of the cell, as if another program began.
func Fresh(cell int) {
	state.variables = nil
	Begin(cell)
}
