package names

import "testing"

func TestHintNamesWhatIsNearAndNothingElse(t *testing.T) {
	known := []string{"validation", "test", "train"}
	for name, want := range map[string]string{
		"validatoin": `: do you mean "validation"?`,
		"tst":        `: do you mean "test"?`,
		"trian":      `: do you mean "train"?`,
		"mnist":      "",
	} {
		if got := Hint(name, known); got != want {
			t.Errorf("Hint(%q) is %q, want %q", name, got, want)
		}
	}
	if got := Hint("test", nil); got != "" {
		t.Errorf("a hint of nothing known: %q", got)
	}
}
