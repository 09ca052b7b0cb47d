package failure

import (
	"regexp"
	"strings"
)

// members are methods and fields that values of other languages have, by the Go type of what they are asked for here, each with
// what Go writes; %s stands for the value.
var members = []struct {
	of    *regexp.Regexp
	names map[string]string
	other string // what to write for another name, "" if that is not known
}{
	{regexp.MustCompile(`^\[`), map[string]string{
		"append": "%s = append(%s, x)", "push": "%s = append(%s, x)", "push_back": "%s = append(%s, x)", "add": "%s = append(%s, x)",
		"extend": "%s = append(%s, others...)", "insert": "%s = slices.Insert(%s, i, x)", "remove": "%s = slices.Delete(%s, i, i+1)",
		"pop": "last := %s[len(%s)-1], and %s = %s[:len(%s)-1]", "clear": "%s = nil", "copy": "slices.Clone(%s)",
		"len": "len(%s)", "length": "len(%s)", "size": "len(%s)", "count": "len(%s)", "shape": "len(%s)",
		"sort": "slices.Sort(%s)", "reverse": "slices.Reverse(%s)", "index": "slices.Index(%s, x)", "contains": "slices.Contains(%s, x)", "includes": "slices.Contains(%s, x)",
		"min": "slices.Min(%s)", "max": "slices.Max(%s)", "join": "strings.Join(%s, \", \")", "sum": "live.Of(%s).Sum()", "mean": "live.Of(%s).Mean()",
		"map": "a loop: for _, x := range %s { … }", "filter": "a loop: for _, x := range %s { … }", "forEach": "a loop: for _, x := range %s { … }", "foreach": "a loop: for _, x := range %s { … }",
	}, ""},
	{regexp.MustCompile(`^map\[`), map[string]string{
		"keys": "for key := range %s { … }", "values": "for _, value := range %s { … }", "items": "for key, value := range %s { … }",
		"get": "value, ok := %s[key]", "pop": "delete(%s, key)", "remove": "delete(%s, key)", "update": "maps.Copy(%s, other)", "copy": "maps.Clone(%s)",
		"len": "len(%s)", "length": "len(%s)", "size": "len(%s)", "has": "_, ok := %s[key]", "contains": "_, ok := %s[key]", "clear": "clear(%s)",
	}, ""},
	{regexp.MustCompile(`^(untyped )?string$`), map[string]string{
		"upper": "strings.ToUpper(%s)", "lower": "strings.ToLower(%s)", "split": "strings.Split(%s, \" \")", "strip": "strings.TrimSpace(%s)", "trim": "strings.TrimSpace(%s)",
		"replace": "strings.ReplaceAll(%s, old, new)", "startswith": "strings.HasPrefix(%s, start)", "startsWith": "strings.HasPrefix(%s, start)", "endswith": "strings.HasSuffix(%s, end)",
		"endsWith": "strings.HasSuffix(%s, end)", "find": "strings.Index(%s, part)", "index": "strings.Index(%s, part)", "count": "strings.Count(%s, part)", "join": "strings.Join(list, %s)",
		"format": "fmt.Sprintf(\"loss %.3f\", loss)", "len": "len(%s)", "length": "len(%s)", "contains": "strings.Contains(%s, part)",
	}, ""},
	{regexp.MustCompile(`tensors\.Tensor$`), map[string]string{
		"numpy": "tensors.Flat[float32](%s) for the values in a list, or %s.Value()", "tolist": "tensors.Flat[float32](%s) for the values in a list, or %s.Value()",
		"data": "tensors.Flat[float32](%s) for the values in a list", "item": "%s.Value().(float32)", "ndim": "%s.Rank()", "dim": "%s.Rank()", "reshape": "%s.MustReshaped(2, 3)", "view": "%s.MustReshaped(2, 3)",
		"astype": "%s.ConvertDType(dtypes.Float32)", "clone": "%s.Clone()", "detach": "nothing in its place: a tensor is a value alone", "cpu": "nothing in its place: what a graph gives can be read here",
		"cuda": "nothing in its place: %backend sets the engine that computes", "to": "nothing in its place: %backend sets the engine that computes",
		"backward": "graph.Gradient in the function of the graph, or live.Gradient",
	}, "a tensor only holds values: package live computes by methods, as live.Of(%s).Add(1)"},
	{regexp.MustCompile(`graph\.Node$`), map[string]string{
		"shape": "%s.Shape()", "backward": "graph.Gradient(loss, x)", "grad": "graph.Gradient(loss, %s)", "detach": "graph.StopGradient(%s)", "view": "graph.Reshape(%s, 2, 3)",
	}, "functions of package graph compute with nodes, as graph.Sqrt(%s)"},
}

// noMember explains a method or field that a value has not.
func noMember(_ *Book, p *problem, m []string, _ int) {
	value, name, of := m[1], m[2], m[3]
	p.remedy = "completion (Tab behind the dot) lists what it has"
	for _, kind := range members {
		if !kind.of.MatchString(of) {
			continue
		}
		if written := kind.names[name]; written != "" {
			p.remedy = "Go writes " + strings.ReplaceAll(written, "%s", value)
		} else if kind.other != "" {
			p.remedy = strings.ReplaceAll(kind.other, "%s", value)
		}
		return
	}
}
