package layers_test

import (
	"go/ast"
	"go/types"
	"regexp"
	"strings"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// setter is an exported method of a builder that returns the builder.
type setter struct {
	builder, name, params string
	fields                []string // that it assigns
}

// dialect are the beginnings of names that say nothing about what is set.
var dialect = regexp.MustCompile(`^(With|Without|Set|Use|Enable|Disable|No|Is|Has)[A-Z]`)

// faults returns what is against the form of builders that the package's comment gives, one sentence each.
func faults(files []*ast.File) (list []string, setters []setter) {
	for _, file := range files {
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || !fn.Name.IsExported() || !strings.HasSuffix(types.ExprString(fn.Recv.List[0].Type), "Builder") {
				continue
			}
			builder, name := types.ExprString(fn.Recv.List[0].Type), fn.Name.Name
			where := strings.TrimPrefix(builder, "*") + "." + name
			if strings.Contains(fn.Doc.Text(), "Deprecated: ") {
				if !isAlias(fn) {
					list = append(list, where+": what is deprecated is one line that calls what to use")
				}
				continue
			}
			returns := fn.Type.Results.NumFields() == 1 && types.ExprString(fn.Type.Results.List[0].Type) == builder
			switch {
			case strings.HasPrefix(name, "Done"):
				if returns {
					list = append(list, where+": Done ends a builder, and returns no other")
				}
				continue
			case !returns:
				list = append(list, where+": a setter returns its builder; what ends it begins with Done")
				continue
			case dialect.MatchString(name) && name != "NoPadding":
				list = append(list, where+": a setter has the name of what it sets, without "+dialect.FindStringSubmatch(name)[1])
			}
			setters = append(setters, setter{builder, name, paramTypes(fn), assigned(fn)})
		}
	}
	return append(list, twoNames(setters)...), setters
}

// isAlias reports whether a method is a call of another one of its receiver.
func isAlias(fn *ast.FuncDecl) bool {
	if len(fn.Body.List) != 1 {
		return false
	}
	ret, ok := fn.Body.List[0].(*ast.ReturnStmt)
	if !ok || len(ret.Results) != 1 {
		return false
	}
	call, ok := ret.Results[0].(*ast.CallExpr)
	if !ok {
		return false
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	return ok && types.ExprString(method.X) == fn.Recv.List[0].Names[0].Name
}

func paramTypes(fn *ast.FuncDecl) string {
	var all []string
	for _, p := range fn.Type.Params.List {
		all = append(all, types.ExprString(p.Type))
	}
	return strings.Join(all, ", ")
}

// assigned returns the receiver's fields that a method sets.
func assigned(fn *ast.FuncDecl) (fields []string) {
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok {
			for _, x := range a.Lhs {
				if s, ok := x.(*ast.SelectorExpr); ok && types.ExprString(s.X) == fn.Recv.List[0].Names[0].Name {
					fields = append(fields, s.Sel.Name)
				}
			}
		}
		return true
	})
	return fields
}

// twoNames returns where builders call one thing by two names, or two things by one. One thing is a field of one name.
func twoNames(setters []setter) (list []string) {
	for i, a := range setters {
		for _, b := range setters[:i] {
			if a.builder == b.builder {
				continue
			}
			sameField := len(a.fields) > 0 && len(b.fields) > 0 && a.fields[0] == b.fields[0]
			switch {
			case sameField && a.name != b.name:
				list = append(list, a.builder+"."+a.name+" and "+b.builder+"."+b.name+" set "+a.fields[0]+": one thing has one name")
			case a.name == b.name && (!sameField || a.params != b.params):
				list = append(list, a.builder+"."+a.name+" and "+b.builder+"."+b.name+" have one name and set two things")
			}
		}
	}
	return list
}

// TestBuildersSpeakOneDialect: the one that the package's comment gives.
func TestBuildersSpeakOneDialect(t *testing.T) {
	list, setters := faults(testenv.Files(t, "."))
	assert.Empty(t, list)
	require.Greater(t, len(setters), 20, "the builders were not found")
}

// TestASecondDialectIsFound: each fault that the rules name, in a builder of the tests below.
func TestASecondDialectIsFound(t *testing.T) {
	list, _ := faults(testenv.Files(t, "testdata/dialect"))
	assert.ElementsMatch(t, []string{
		"PoorBuilder.WithEpsilon: a setter has the name of what it sets, without With",
		"PoorBuilder.UseBias: a setter has the name of what it sets, without Use",
		"PoorBuilder.Gain: a setter returns its builder; what ends it begins with Done",
		"PoorBuilder.DoneSoon: Done ends a builder, and returns no other",
		"PoorBuilder.WithScale: what is deprecated is one line that calls what to use",
		"*PoorBuilder.WithEpsilon and *GoodBuilder.Epsilon set epsilon: one thing has one name",
		"*PoorBuilder.Mask and *GoodBuilder.Mask have one name and set two things",
	}, list)
}

// TestOldNamesAreTheNewOnes: models of before get the same numbers.
func TestOldNamesAreTheNewOnes(t *testing.T) {
	for name, c := range map[string][2]layer{
		"RMSNorm": {
			func(s *model.Scope, x *Node) *Node {
				return layers.RMSNorm(s, x).WithEpsilon(0.5).WithNormalizationAxes(0, 1).WithScale(false).Done()
			},
			func(s *model.Scope, x *Node) *Node {
				return layers.RMSNorm(s, x).Epsilon(0.5).Axes(0, 1).LearnedGain(false).Done()
			},
		},
		"BatchNorm": {
			func(s *model.Scope, x *Node) *Node {
				return layers.BatchNorm(s, x, -1).Center(false).Scale(false).Done()
			},
			func(s *model.Scope, x *Node) *Node {
				return layers.BatchNorm(s, x, -1).LearnedOffset(false).LearnedGain(false).Done()
			},
		},
		"Convolution": {
			func(s *model.Scope, x *Node) *Node {
				return layers.Convolution(s, x).Channels(2).KernelSize(2).UseBias(false).Done()
			},
			func(s *model.Scope, x *Node) *Node {
				return layers.Convolution(s, x).Channels(2).KernelSize(2).Bias(false).Done()
			},
		},
		"MultiHeadAttention": {
			func(s *model.Scope, x *Node) *Node {
				return layers.SelfAttention(s, x, 2, 2).UseProjectionBias(false).WithCausalMask(true).WithKeyMask(keys(x)).WithMask(keys(x)).WithDropout(0.5).WithNumKVHeads(1).WithOutputDim(3).Done()
			},
			func(s *model.Scope, x *Node) *Node {
				return layers.SelfAttention(s, x, 2, 2).Bias(false).CausalMask(true).KeyMask(keys(x)).Mask(keys(x)).Dropout(0.5).NumKVHeads(1).OutputDim(3).Done()
			},
		},
	} {
		before, after := model.NewStore(), model.NewStore()
		want, err := run(before, true, c[1], ramp(2, 2, 4))
		require.NoError(t, err, name)
		got, err := run(after, true, c[0], ramp(2, 2, 4))
		require.NoError(t, err, name)
		assert.Equal(t, want.Value(), got.Value(), name)
		assert.Equal(t, pathsOf(before), pathsOf(after), name)
	}
}

// keys is a mask [2 2] that hides the second key of the first example.
func keys(x *Node) *Node { return Const(x.Graph(), [][]bool{{true, false}, {true, true}}) }
