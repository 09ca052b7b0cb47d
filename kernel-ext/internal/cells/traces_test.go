package cells

import (
	"testing"

	"github.com/quire-ml/quire/internal/traces"

	"github.com/stretchr/testify/require"
)

// The programs of cells read the same variable.
func TestTheVariableOfTraces(t *testing.T) {
	require.Equal(t, traces.Dir, TracesDir)
}
