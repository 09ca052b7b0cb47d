//go:build cgo && (linux || darwin)

package double

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// signature is what a program's text says about main's arguments and results besides their shapes.
type signature struct {
	name    string // the module's
	alias   []int  // per argument the output whose memory it may become, or a negative number below
	mesh    *ir.Mesh
	in, out []ir.Sharding // one each, nil for a whole copy on every device

	open string // an argument or result whose sharding the text leaves open
}

// What an argument without an output is.
const (
	kept  = -1 // the caller's
	donor = -2 // free to be used for anything, if the caller gives it up
)

var (
	moduleName  = regexp.MustCompile(`(?m)^\s*module @"?([\w$.-]+)"?`)
	prettyMain  = regexp.MustCompile(`func\.func (?:public |private )?@"?main"?\s*\(`)
	genericMain = regexp.MustCompile(`"func\.func"\(\)\s*<?\{`)
	aliasing    = regexp.MustCompile(`tf\.aliasing_output\s*=\s*(\d+)`)
	openAxis    = regexp.MustCompile(`sdy\.sharding[^>]*\?`)
	donation    = regexp.MustCompile(`jax\.buffer_donor\s*(?:=\s*true|[,}])`)
)

// readSignature reads the signature of a module with its text. The reader of StableHLO keeps shardings; which output
// an argument is aliased with it does not.
func readSignature(m *stablehlo.Module, src string) (*signature, error) {
	main := m.Main()
	s := &signature{name: "main", mesh: m.Mesh, in: main.InputShardings, out: main.OutputShardings}
	if s.in == nil {
		s.in = make([]ir.Sharding, len(main.Inputs))
	}
	if s.out == nil {
		s.out = make([]ir.Sharding, len(main.Outputs))
	}
	if name := moduleName.FindStringSubmatch(src); name != nil {
		s.name = name[1]
	}
	args, results := mainAttributes(src)
	for i, attrs := range results[:min(len(results), len(main.Outputs))] {
		if openAxis.MatchString(attrs) {
			s.open = fmt.Sprintf("result %d", i)
		}
	}
	for i := range main.Inputs {
		attrs := ""
		if i < len(args) {
			attrs = args[i]
		}
		if openAxis.MatchString(attrs) {
			s.open = fmt.Sprintf("argument %d", i)
		}
		s.alias = append(s.alias, kept)
		if out := aliasing.FindStringSubmatch(attrs); out != nil {
			k, err := strconv.Atoi(out[1])
			if err != nil || k >= len(main.Outputs) || slices.Contains(s.alias, k) {
				return nil, fmt.Errorf("argument %d: tf.aliasing_output = %s is no output of its own", i, out[1])
			}
			s.alias[i] = k
		} else if donation.MatchString(attrs) {
			s.alias[i] = donor
		}
	}
	return s, nil
}

// decided returns an error if the text leaves open how a value is divided: the real partitioner then divides it as
// it likes, and wants buffers of other sizes than one thinks.
func (s *signature) decided(in, out []shapes.Shape) error {
	if s.mesh == nil {
		return nil
	}
	if s.open != "" {
		return violation("the sharding of %s is open: the partitioner chooses one", s.open)
	}
	for i, sharding := range s.in {
		if sharding == nil && in[i].Rank() > 0 {
			return violation("argument %d has no sharding: the partitioner chooses one", i)
		}
	}
	for i, sharding := range s.out {
		if sharding == nil && out[i].Rank() > 0 {
			return violation("result %d has no sharding: the partitioner chooses one", i)
		}
	}
	return nil
}

// mainAttributes returns the text of the attributes of main's arguments and results, one each or none, in either
// form. The text has been read as StableHLO before.
func mainAttributes(src string) (args, results []string) {
	if at := prettyMain.FindStringIndex(src); at != nil { // (%x: tensor<2xf32> {a = 1}, …) -> (tensor<2xf32> {b = 2}, …)
		list := balanced(src[at[1]-1:])
		rest := strings.TrimSpace(src[at[1]-1+len(list):])
		args = attributes(elements(list))
		if rest, ok := strings.CutPrefix(rest, "->"); ok && strings.HasPrefix(strings.TrimSpace(rest), "(") {
			results = attributes(elements(balanced(strings.TrimSpace(rest))))
		}
	} else if at := genericMain.FindStringIndex(src); at != nil { // <{arg_attrs = [{a = 1}, …], res_attrs = [{b = 2}, …], …}>
		list := balanced(src[at[1]-1:])
		for key, to := range map[string]*[]string{"arg_attrs": &args, "res_attrs": &results} {
			if _, after, ok := strings.Cut(list, key); ok && strings.Contains(after, "[") {
				*to = elements(balanced(after[strings.IndexByte(after, '['):]))
			}
		}
	}
	return args, results
}

// attributes returns what stands in braces in each part.
func attributes(parts []string) []string {
	for i, p := range parts {
		if at := strings.IndexByte(p, '{'); at >= 0 {
			parts[i] = balanced(p[at:])
		} else {
			parts[i] = ""
		}
	}
	return parts
}

// balanced cuts src behind the bracket that closes the one it begins with.
func balanced(src string) string {
	depth := 0
	for i := 0; i < len(src); i++ {
		switch src[i] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth == 0 {
				return src[:i+1]
			}
		case '"':
			i += quoted(src[i:])
		}
	}
	return src
}

// quoted returns how many bytes lie behind the first one of a string.
func quoted(src string) int {
	return max(0, strings.IndexByte(src[1:], '"')+1)
}

// elements returns what stands between the commas of a list in brackets.
func elements(list string) (parts []string) {
	if len(list) < 2 {
		return nil
	}
	list = list[1 : len(list)-1]
	depth, start := 0, 0
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '(' || c == '[' || c == '{' || c == '<':
			depth++
		case c == ')' || c == ']' || c == '}' || c == '>' && !strings.HasSuffix(list[:i], "-"):
			depth--
		case c == '"':
			i += quoted(list[i:])
		case c == ',' && depth == 0:
			parts = append(parts, list[start:i])
			start = i + 1
		}
	}
	if strings.TrimSpace(list[start:]) != "" {
		parts = append(parts, list[start:])
	}
	return parts
}
