//go:build cgo && (linux || darwin)

package double

import (
	"regexp"
	"slices"
	"strings"
)

var (
	functionHead = regexp.MustCompile(`\bfunc\.func\b`)
	assignment   = regexp.MustCompile(`^\s*(%[\w$.-]+) = "?stablehlo\.(\w+)"?(.*)$`)
	operand      = regexp.MustCompile(`%[\w$.-]+`)
	denseText    = regexp.MustCompile(`dense<([^>]*)>`)
	integerType  = regexp.MustCompile(`tensor<(?:\d+x)*u?i\d+>\)?$`)
	zeroElement  = regexp.MustCompile(`(?:^|[\[,\s])0(?:[\],\s]|$)`)
)

// lethal returns a violation for programs that take a process with XLA's compiler in it with them, where the reader
// does not refuse them anyway: an integer division of a constant by a constant with a zero in it, which the compiler
// carries out itself.
func lethal(src string) error {
	hasZero := map[string]bool{} // by constant of the function
	for _, line := range strings.Split(src, "\n") {
		if functionHead.MatchString(line) {
			clear(hasZero)
		}
		m := assignment.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		name, op, rest := m[1], m[2], m[3]
		operands := operand.FindAllString(rest, -1)
		constant := !slices.ContainsFunc(operands, func(x string) bool { _, ok := hasZero[x]; return !ok })
		switch op {
		case "constant":
			if d := denseText.FindStringSubmatch(rest); d != nil {
				hasZero[name] = zeroElement.MatchString(d[1])
			}
		case "broadcast_in_dim", "reshape", "transpose", "convert":
			if constant && len(operands) == 1 {
				hasZero[name] = hasZero[operands[0]]
			}
		case "divide", "remainder":
			if constant && len(operands) == 2 && hasZero[operands[1]] && integerType.MatchString(strings.TrimSpace(rest)) {
				return violation("%s divides a constant of integers by zero, which ends the real plugin's process: %s", name, strings.TrimSpace(line))
			}
		}
	}
	return nil
}
