package stablehlo

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// suiteProgram is a program of StableHLO's own tests of its verifier: what stands between two lines // -----.
type suiteProgram struct {
	name, text string // name is the file's, with the number of the program in it
	refused    bool   // by StableHLO's verifier
}

// suitePrograms returns the programs of the files stablehlo/tests/*.mlir that are run through the verifier.
func suitePrograms(t *testing.T, dir string) (list []suiteProgram) {
	files, err := filepath.Glob(filepath.Join(dir, "stablehlo", "tests", "*.mlir"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no files stablehlo/tests/*.mlir, %v", dir, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "expected-error") {
			continue
		}
		for i, part := range strings.Split(string(text), "// -----") {
			if strings.Contains(part, "func.func") || strings.Contains(part, "module") {
				list = append(list, suiteProgram{fmt.Sprintf("%s %d", filepath.Base(file), i), part, strings.Contains(part, "expected-error")})
			}
		}
	}
	return list
}

// places are what differs between equal reasons: lines, and names of values.
var places = regexp.MustCompile(`line \d+(, column \d+)?: `)

// TestSuite reads all programs of StableHLO's tests of its own verifier. What that refuses is refused; what it accepts and
// Read does not is listed, with the reason, in testdata/suite.txt (-update writes it).
//
//	git clone https://github.com/openxla/stablehlo
//	QUIRE_STABLEHLO_TESTS=$PWD/stablehlo go test ./backends/stablehlo -run TestSuite -v
func TestSuite(t *testing.T) {
	dir := os.Getenv("QUIRE_STABLEHLO_TESTS")
	if dir == "" {
		t.Skip("QUIRE_STABLEHLO_TESTS does not say where StableHLO's repository is")
	}
	var negative, positive, accepted int
	var refused strings.Builder
	for _, p := range suitePrograms(t, dir) {
		_, err := Read(p.text)
		switch {
		case err != nil && strings.Contains(err.Error(), "broke down"):
			t.Errorf("%s: %v", p.name, err)
		case p.refused:
			if negative++; err == nil {
				accepted++
				t.Errorf("%s is accepted, and StableHLO refuses it:%s", p.name, p.text)
			}
		default:
			if positive++; err != nil {
				fmt.Fprintf(&refused, "%s\t%s\n", p.name, places.ReplaceAllString(strings.TrimPrefix(err.Error(), "stablehlo.Read: "), ""))
			}
		}
	}
	n := strings.Count(refused.String(), "\n")
	t.Logf("%d programs that StableHLO refuses, of which %d are accepted; %d that it accepts, of which %d are refused", negative, accepted, positive, n)
	const file = "testdata/suite.txt"
	if *update {
		if err := os.WriteFile(file, []byte(refused.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || string(want) != refused.String() {
		t.Errorf("what is refused has changed since %s was written (-update): %v", file, err)
	}
}
