package machine

import "strings"

// CPU returns the processor's name, "" if the system does not tell.
func CPU() string { return strings.Join(strings.Fields(cpu()), " ") }
