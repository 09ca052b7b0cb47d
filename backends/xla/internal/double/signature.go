//go:build cgo && (linux || darwin)

package double

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/graph"
)

// signature is what the attributes of main's arguments and results say.
type signature struct {
	name     string // the module's
	alias    []int  // per argument the output whose memory it may become, or a negative number below
	in, out  []graph.Sharding
	mesh     *graph.Mesh
	position []int // of a logical device on the mesh
}

// What an argument without an output is.
const (
	kept    = -1 // the caller's
	donated = -2 // free to be used for anything, if the caller gives it up
)

// readSignature reads what a program's text says about its arguments and results, which numbers as many as main has.
// The text has been read as StableHLO before.
func readSignature(src string, arguments, results int) (*signature, error) {
	s := &signature{name: "main", alias: make([]int, arguments), in: make([]graph.Sharding, arguments), out: make([]graph.Sharding, results)}
	if m := moduleName.FindStringSubmatch(src); m != nil {
		s.name = m[1]
	}
	args, res, err := mainAttributes(src, arguments, results)
	if err != nil {
		return nil, err
	}
	meshes := map[string]meshText{}
	for _, m := range meshDefinition.FindAllStringSubmatch(src, -1) {
		if meshes[m[1]], err = parseMesh(m[2], m[3]); err != nil {
			return nil, fmt.Errorf("mesh @%s: %w", m[1], err)
		}
	}
	for i, attrs := range args {
		s.alias[i] = kept
		if m := aliasing.FindStringSubmatch(attrs); m != nil {
			if s.alias[i], err = strconv.Atoi(m[1]); err != nil || s.alias[i] >= results || slices.Contains(s.alias[:i], s.alias[i]) {
				return nil, fmt.Errorf("argument %d: tf.aliasing_output = %s is no output of its own", i, m[1])
			}
		} else if donor.MatchString(attrs) {
			s.alias[i] = donated
		}
		if s.in[i], err = s.sharding(attrs, meshes); err != nil {
			return nil, fmt.Errorf("argument %d: %w", i, err)
		}
	}
	for i, attrs := range res {
		if s.out[i], err = s.sharding(attrs, meshes); err != nil {
			return nil, fmt.Errorf("result %d: %w", i, err)
		}
	}
	return s, nil
}

var (
	moduleName     = regexp.MustCompile(`(?m)^\s*module @"?([\w$.-]+)"?`)
	prettyMain     = regexp.MustCompile(`func\.func (?:public |private )?@"?main"?\s*\(`)
	genericMain    = regexp.MustCompile(`"func\.func"\(\)\s*<?\{`)
	meshDefinition = regexp.MustCompile(`sdy\.mesh @"?([\w$.-]+)"?\s*=\s*(?:#sdy\.mesh)?<\[([^\]]*)\](?:,\s*device_ids\s*=\s*\[([^\]]*)\])?>`)
	meshAxis       = regexp.MustCompile(`"([^"]*)"\s*=\s*(\d+)`)
	aliasing       = regexp.MustCompile(`tf\.aliasing_output\s*=\s*(\d+)`)
	donor          = regexp.MustCompile(`jax\.buffer_donor\s*(?:=\s*true|[,}])`)
	shardingText   = regexp.MustCompile(`sdy\.sharding\s*=\s*#sdy\.sharding<@"?([\w$.-]+)"?,\s*\[(.*?)\](?:,\s*replicated\s*=\s*\{[^}]*\})?>`)
	axisEntry      = regexp.MustCompile(`\{([^{}]*)\}(?:p\d+)?`)
	axisName       = regexp.MustCompile(`^"([^"]*)"$`)
)

// meshText is a mesh with the logical devices at its positions.
type meshText struct {
	mesh *graph.Mesh
	ids  []int
}

// parseMesh reads `"data"=2, "model"=2` and `1, 0, 3, 2`.
func parseMesh(axes, ids string) (m meshText, err error) {
	var list []graph.MeshAxis
	for _, a := range meshAxis.FindAllStringSubmatch(axes, -1) {
		size, err := strconv.Atoi(a[2])
		if err != nil {
			return m, err
		}
		list = append(list, graph.MeshAxis{Name: a[1], Size: size})
	}
	if m.mesh, err = graph.NewMesh(list...); err != nil {
		return m, err
	}
	n := m.mesh.NumDevices()
	for i := range n {
		m.ids = append(m.ids, i)
	}
	if strings.TrimSpace(ids) == "" {
		return m, nil
	}
	m.ids = nil
	for _, id := range strings.Split(ids, ",") {
		v, err := strconv.Atoi(strings.TrimSpace(id))
		if err != nil || v < 0 || v >= n || slices.Contains(m.ids, v) {
			return m, fmt.Errorf("the device ids %s are not the numbers below %d", ids, n)
		}
		m.ids = append(m.ids, v)
	}
	if len(m.ids) != n {
		return m, fmt.Errorf("%d device ids for %d devices", len(m.ids), n)
	}
	return m, nil
}

// sharding reads the sharding among the attributes of a value, nil if there is none.
func (s *signature) sharding(attrs string, meshes map[string]meshText) (graph.Sharding, error) {
	m := shardingText.FindStringSubmatch(attrs)
	if m == nil {
		if strings.Contains(attrs, "sdy.sharding") {
			return nil, fmt.Errorf("a sharding that the double does not know: %s", attrs)
		}
		return nil, nil
	}
	mesh, ok := meshes[m[1]]
	if !ok {
		return nil, fmt.Errorf("the sharding is over the mesh @%s, which is not there", m[1])
	}
	sharding := graph.Sharding{}
	for _, entry := range axisEntry.FindAllStringSubmatch(m[2], -1) {
		var names []string
		for _, a := range strings.Split(entry[1], ",") {
			a = strings.TrimSpace(a)
			if a == "" || a == "?" { // "?" leaves the rest to the partitioner, which the double takes for no
				continue
			}
			name := axisName.FindStringSubmatch(a)
			if name == nil {
				return nil, fmt.Errorf("the double does not know the part %s of a mesh axis", a)
			}
			names = append(names, name[1])
		}
		sharding = append(sharding, strings.Join(names, ","))
	}
	if s.mesh != nil && (!s.mesh.Equal(mesh.mesh) || !slices.Equal(s.position, inverse(mesh.ids))) {
		return nil, fmt.Errorf("the double takes shardings over one mesh only")
	}
	s.mesh, s.position = mesh.mesh, inverse(mesh.ids)
	return sharding, nil
}

func inverse(p []int) []int {
	q := make([]int, len(p))
	for i, v := range p {
		q[v] = i
	}
	return q
}

// mainAttributes returns the text of the attributes of each of main's arguments and results, in either form.
func mainAttributes(src string, arguments, results int) (args, res []string, err error) {
	if at := prettyMain.FindStringIndex(src); at != nil {
		list, rest := balanced(src[at[1]-1:])
		args = attributesOf(list)
		if rest = strings.TrimSpace(rest); strings.HasPrefix(rest, "->") {
			if rest = strings.TrimSpace(rest[2:]); strings.HasPrefix(rest, "(") {
				list, _ = balanced(rest)
				res = attributesOf(list)
			}
		}
	} else if at := genericMain.FindStringIndex(src); at != nil {
		list, _ := balanced(src[at[1]-1:])
		for key, to := range map[string]*[]string{"arg_attrs": &args, "res_attrs": &res} {
			if i := strings.Index(list, key); i >= 0 {
				inner, _ := balanced(list[i+strings.IndexByte(list[i:]+"[", '['):])
				*to = split(inner)
			}
		}
	}
	for _, l := range []struct {
		list *[]string
		n    int
	}{{&args, arguments}, {&res, results}} {
		if len(*l.list) == 0 {
			*l.list = make([]string, l.n)
		}
		if len(*l.list) != l.n {
			return nil, nil, fmt.Errorf("main has %d values, and %d are in its head", l.n, len(*l.list))
		}
	}
	return args, res, nil
}

// attributesOf returns, per value of a list such as (%x: tensor<2xf32> {a = 1}, …), the attributes.
func attributesOf(list string) []string {
	parts := split(list)
	for i, p := range parts {
		if at := strings.IndexByte(p, '{'); at >= 0 {
			parts[i], _ = balanced(p[at:])
		} else {
			parts[i] = ""
		}
	}
	return parts
}

// balanced cuts src behind the bracket that closes the one it begins with.
func balanced(src string) (inside, rest string) {
	depth := 0
	for i := 0; i < len(src); i++ {
		switch src[i] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth == 0 {
				return src[:i+1], src[i+1:]
			}
		case '"':
			if end := strings.IndexByte(src[i+1:], '"'); end >= 0 {
				i += end + 1
			}
		}
	}
	return src, ""
}

// split returns what stands between the commas of a list in brackets.
func split(list string) (parts []string) {
	if len(list) < 2 {
		return nil
	}
	list = list[1 : len(list)-1]
	depth, start := 0, 0
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case strings.IndexByte("([{", c) >= 0 || c == '<':
			depth++
		case strings.IndexByte(")]}", c) >= 0 || c == '>' && i > 0 && list[i-1] != '-':
			depth--
		case c == '"':
			if end := strings.IndexByte(list[i+1:], '"'); end >= 0 {
				i += end + 1
			}
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
