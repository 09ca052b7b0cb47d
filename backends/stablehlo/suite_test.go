package stablehlo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/golden"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// suiteProgram is a program of StableHLO's own tests of its verifier: what stands between two lines // -----.
type suiteProgram struct {
	name, text string // name is the file's, with the number of the program in it
	refused    bool   // by StableHLO's verifier
}

// suitePrograms returns the programs of the files stablehlo/tests/*.mlir that are run through the verifier.
func suitePrograms(t *testing.T, dir string) (list []suiteProgram) {
	files, err := filepath.Glob(filepath.Join(dir, "stablehlo", "tests", "*.mlir"))
	require.NoError(t, err, "%s: no files stablehlo/tests/*.mlir", dir)
	require.NotEmpty(t, files, "%s: no files stablehlo/tests/*.mlir", dir)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
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
	dir := suiteDir(t)
	var negative, positive, accepted int
	var refused strings.Builder
	for _, p := range suitePrograms(t, dir) {
		_, err := Read(p.text)
		switch {
		case BrokeDown(err):
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
	golden.Check(t, "testdata/suite.txt", refused.String())
}

// suiteDir returns where StableHLO's repository is.
func suiteDir(t *testing.T) string {
	dir := os.Getenv("QUIRE_STABLEHLO_TESTS")
	if dir == "" {
		t.Skip("QUIRE_STABLEHLO_TESTS does not say where StableHLO's repository is")
	}
	return dir
}

// TestSuiteOfSymbolicShapes reads JAX's exports of functions of symbolic shapes among StableHLO's tests, for some sizes; what
// is refused for all is listed in testdata/suite_shapes.txt.
func TestSuiteOfSymbolicShapes(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(suiteDir(t), "stablehlo", "testdata", "dynamic", "*.mlir"))
	require.NoError(t, err, "no files")
	require.NotEmpty(t, files, "no files")
	var refused strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if err := readForSomeSize(string(text)); err != nil {
			fmt.Fprintf(&refused, "%s\t%v\n", filepath.Base(file), places.ReplaceAllString(strings.TrimPrefix(err.Error(), "stablehlo.Read: "), ""))
		}
	}
	t.Logf("%d programs, of which %d are refused", len(files), strings.Count(refused.String(), "\n"))
	golden.Check(t, "testdata/suite_shapes.txt", refused.String())
}

// readForSomeSize reads a text with one size for all that it leaves open; its first inputs, if they are whole numbers,
// are that size.
func readForSomeSize(text string) (first error) {
	top, err := parse(text)
	if err != nil {
		return err
	}
	m := &Module{byName: map[string]*Func{}}
	m.collect(top)
	for _, n := range []int{3, 4, 5, 8, 10, 16, 20, 2, 1, 32} {
		var options []ReadOption
		var in []shapes.Shape
		for i, ty := range m.Main().body.types {
			s := ty.tensor()
			if len(in) == 0 && s.Rank() == 0 && s.DType.IsInt() {
				options = append(options, InputValue(i, n))
				continue
			}
			dims := slices.Clone(s.Dimensions)
			for j, d := range dims {
				if d < 0 {
					dims[j] = n
				}
			}
			in = append(in, shapes.Make(s.DType, dims...))
		}
		if _, err = Read(text, append(options, InputShapes(in...))...); err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// What a program of StableHLO's tests checks: calls of the interpreter's, with what was computed and what is expected, which
// is a value or a constant.
var (
	suiteCheck  = regexp.MustCompile(`(?s)\n *(?:stablehlo\.custom_call @)?check\.expect_(\w+)[( ](%[\w#]+), (%[\w#]+|dense<.*?>)[^\n]*? : \(?(tensor<[^ ,\n]*>)[^\n]*`)
	suiteHeader = regexp.MustCompile(`(func\.func (?:public )?@\w+\(\))( -> [^\n]*?)? \{\n`)
	suiteReturn = regexp.MustCompile(`\n *(func\.)?return[^\n]*`)
)

// suiteValues makes of a program with checks one that returns what is compared, in pairs; exact says of which nothing is
// allowed to differ. There may be functions without checks in it too.
func suiteValues(text string) (program string, exact []bool) {
	checks := suiteCheck.FindAllStringSubmatch(text, -1)
	if checks == nil {
		return "", nil
	}
	first := strings.Index(text, checks[0][0])
	headers := suiteHeader.FindAllStringIndex(text[:first], -1)
	if headers == nil {
		return "", nil
	}
	start := headers[len(headers)-1][0]
	end := first + suiteReturn.FindStringIndex(text[first:])[1]
	body, values, types := text[start:end], []string{}, []string{}
	for i, c := range checks {
		if !strings.Contains(body, c[0]) {
			continue
		}
		want, line := c[3], ""
		if !strings.HasPrefix(want, "%") {
			want = fmt.Sprintf("%%want%d", i)
			line = "\n" + want + " = stablehlo.constant " + c[3] + " : " + c[4]
		}
		body = strings.Replace(body, c[0], line, 1)
		values, types = append(values, c[2], want), append(types, c[4], c[4])
		exact = append(exact, c[1] == "eq" || c[1] == "eq_const")
	}
	list := strings.Join(types, ", ")
	body = suiteHeader.ReplaceAllString(body, "${1} -> ("+list+") {\n")
	body = suiteReturn.ReplaceAllString(body, "\nreturn "+strings.Join(values, ", ")+" : "+list)
	return text[:start] + body + text[end:], exact
}

// suiteReasons say why programs with values are refused or differ, by what their lines in testdata/suite_values.txt match, and whether a
// CPU could run them.
var suiteReasons = []struct {
	line, reason string
	could        bool
}{
	{`interpreter\.(run_parallel|probe) is not an op`, "an operation of the interpreter's own, which runs functions as processes or writes files", false},
	{`"stablehlo\.(infeed|send|collective_reduce)"`, "it speaks with the host or with another process", false},
	{`tests/interpret/check\.mlir`, "a test of the check itself, which is to fail", false},
	{`tests/math/ulp_difference_`, "a test of the check itself: the values are 2⁶⁴-1 units apart", false},
	{`tests/interpret/log_plus_one\.mlir 0`, "the value in the test, -6.90776825, has 9 digits: log(0.001) is -6.907755278982137", false},
	{`tests/math/exponential_complex`, "exp(-∞ + ∞·i) is 0 by C99's annex G, which Go's library and NumPy follow, and NaN in the test", true},
	{`the type tensor<.*f[468]E`, "floats of 4, 6 and 8 bits other than f8E4M3FN and f8E5M2, which Quire has no dtypes for", true},
}

// reasonOf returns the number of the reason for a line, -1 if there is none.
func reasonOf(line string) int {
	for i, r := range suiteReasons {
		if regexp.MustCompile(r.line).MatchString(line) {
			return i
		}
	}
	return -1
}

// TestEverySuiteProgramHasItsReason holds the list of programs with values that are refused or differ: each has a reason, each reason a
// program, and what a CPU could run of all is run but for less than one of a hundred.
func TestEverySuiteProgramHasItsReason(t *testing.T) {
	list, err := os.ReadFile("testdata/suite_values.txt")
	require.NoError(t, err)
	seen, could := map[int]bool{}, 0
	for line := range strings.Lines(string(list)) {
		i := reasonOf(line)
		if i < 0 {
			t.Errorf("there is no reason for %s", line)
			continue
		}
		if seen[i] = true; suiteReasons[i].could {
			could++
		}
	}
	for i, r := range suiteReasons {
		assert.True(t, seen[i], "no program is left for: %s", r.reason)
	}
	assert.Less(t, could, suiteSize/100)
}

// suiteSize is how many programs with values StableHLO's tests have, of which TestSuiteOfValues counts them.
const suiteSize = 2863

// TestSuiteOfValues runs the programs of StableHLO's tests that say what they compute, on the reference. What is refused
// or has another value is listed in testdata/suite_values.txt, with reasons in suiteReasons.
func TestSuiteOfValues(t *testing.T) {
	var refused strings.Builder
	ran := 0
	for _, folder := range []string{"testdata", "tests/interpret", "tests/math"} {
		files, err := filepath.Glob(filepath.Join(suiteDir(t), "stablehlo", folder, "*.mlir"))
		require.NoError(t, err, "no files in %s", folder)
		require.NotEmpty(t, files, "no files in %s", folder)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			for i, part := range strings.Split(string(text), "// -----") {
				program, exact := suiteValues(part)
				if exact == nil {
					continue
				}
				ran++
				if err := suiteValue(program, exact); err != nil {
					reason := places.ReplaceAllString(strings.TrimPrefix(err.Error(), "stablehlo.Read: "), "")
					fmt.Fprintf(&refused, "%s/%s %d\t%s\n", folder, filepath.Base(file), i, strings.Join(strings.Fields(reason), " "))
				}
			}
		}
	}
	t.Logf("%d programs, of which %d are refused or differ", ran, strings.Count(refused.String(), "\n"))
	require.Equal(t, suiteSize, ran)
	golden.Check(t, "testdata/suite_values.txt", refused.String())
}

// suiteValue runs a program that returns what it computes and what it should.
func suiteValue(text string, exact []bool) error {
	m, err := Read(text)
	if err != nil {
		return err
	}
	b := graphtest.Reference()
	p, err := m.Program(b.Lowers)
	if err != nil {
		return err
	}
	e, err := b.Compile(context.Background(), p)
	if err != nil {
		return err
	}
	defer e.Close()
	out, err := e.Run(context.Background(), nil, nil)
	if err != nil {
		return err
	}
	var values []*tensors.Tensor
	for _, y := range out {
		v, err := y.ToHost()
		if err != nil {
			return err
		}
		values = append(values, v)
	}
	for i, e := range exact {
		tolerance := ir.Tolerance{}
		if !e {
			tolerance = ir.Tolerance{ULP: 512, Abs: 512}
		}
		if err := graphtest.Diff(values[2*i], values[2*i+1], tolerance); err != nil {
			return err
		}
	}
	return nil
}
