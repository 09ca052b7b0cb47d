//go:build !(linux && amd64)

package cpu

// hasTiles says that the operating system is one that programs can ask for AMX's registers: others are not known well enough.
const hasTiles = false

// AskForTiles asks the operating system for AMX's registers.
func AskForTiles() bool { return hasTiles }
