package names

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestHintNamesWhatIsNearAndNothingElse(t *testing.T) {
	known := []string{"validation", "test", "train", "y", "ab"}
	for name, want := range map[string]string{
		"validatoin": `: do you mean "validation"?`,
		"tst":        `: do you mean "test"?`,
		"trian":      `: do you mean "train"?`,
		"mnist":      "",
		"x":          "",
	} {
		assert.Equal(t, want, Hint(name, known), "Hint(%q)", name)
	}
	assert.Empty(t, Hint("test", nil), "a hint of nothing known")
}
