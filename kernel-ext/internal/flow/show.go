package flow

import (
	"go/ast"
	"go/types"
	"regexp"
	"slices"
	"strings"
)

// viz is linked into a cell whose last value it draws.
const viz = module + "viz"

// show shows the value of a trailing expression; of a call that returns several, each of them, or the error that came with them.
func (r *rewriter) show() {
	if r.last == nil || r.kind != runs {
		return
	}
	t := r.info.Types[r.last]
	if !t.IsValue() || t.Type == nil {
		r.last = nil
		return
	}
	call, _ := ast.Unparen(r.last).(*ast.CallExpr)
	if call != nil && r.quiet {
		r.last = nil
		return
	}
	_, function := t.Type.Underlying().(*types.Signature)
	if r.quiet || function || call != nil && counts(call, t.Type) {
		if call == nil {
			r.hush, r.hushed = r.offset(r.last.Pos()), true
			r.put(r.hush, "_ = ")
		}
		r.last = nil
		return
	}
	if call != nil && themselves[r.callee(call)] {
		if _, r.told = t.Type.(*types.Tuple); !r.told {
			r.last = nil
			return
		}
		r.drawn = true // what shows links who draws
		r.put(r.offset(call.Pos()), "if _, failedʹ := ")
		r.put(r.offset(call.End()), "; failedʹ != nil { "+r.carry()+".Show(failedʹ) }")
		return
	}
	if call != nil {
		r.last = call // several values are given on without parentheses
	}
	if r.drawn = drawn(t.Type); r.drawn {
		r.marks = append(r.marks, "_ = "+r.use(viz)+".Show; ")
	}
	r.put(r.offset(r.last.Pos()), r.carry()+".Show(")
	r.put(r.offset(r.last.End()), ")")
}

// transfers matches what functions are called that return how much they wrote or read, and an error.
var transfers = regexp.MustCompile(`^(F?[Pp]rint|[SF]?[Ss]can|Write|Read|Copy|Seek|Send)`)

// counts reports whether a call returns how much was written or read, and an error: nobody asks for these.
func counts(call *ast.CallExpr, t types.Type) bool {
	list, ok := t.(*types.Tuple)
	if !ok || list.Len() != 2 || !isError(list.At(1).Type()) {
		return false
	}
	n, ok := list.At(0).Type().Underlying().(*types.Basic)
	if !ok || n.Info()&types.IsInteger == 0 {
		return false
	}
	switch f := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		return transfers.MatchString(f.Name)
	case *ast.SelectorExpr:
		return transfers.MatchString(f.Sel.Name)
	}
	return false
}

// themselves are functions that show what they return, but for an error that comes with it.
var themselves = map[string]bool{viz + ".Interact": true, module + "kernel-ext/jobs.Attach": true}

// callee returns the path and name of the function of a package that is called, "" if it is none.
func (r *rewriter) callee(call *ast.CallExpr) string {
	f, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	o, ok := r.info.Uses[f.Sel].(*types.Func)
	if !ok || o.Pkg() == nil || o.Signature().Recv() != nil {
		return ""
	}
	return o.Pkg().Path() + "." + o.Name()
}

func isError(t types.Type) bool { return types.Identical(t, types.Universe.Lookup("error").Type()) }

// drawn reports whether viz has more to show of values of a type than their text: of those of this module, of pictures, and of what
// holds such. Linking it takes a tenth of a second, which a cell that ends with a number need not pay.
func drawn(t types.Type) bool {
	if n, ok := types.Unalias(t).(*types.Named); ok && n.Obj().Pkg() != nil {
		path := n.Obj().Pkg().Path()
		if path == module+"graph/shapes" || strings.HasPrefix(path+"/", module+"graph/dtypes/") {
			return false // its text is all that there is
		}
	}
	return leads(t, map[types.Type]bool{})
}

// leads reports whether a type is, or has parts that are, one of this module or a picture.
func leads(t types.Type, seen map[types.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	if n, ok := types.Unalias(t).(*types.Named); ok && n.Obj().Pkg() != nil && strings.HasPrefix(n.Obj().Pkg().Path()+"/", module) {
		return true
	}
	if methods := types.NewMethodSet(t); methods.Lookup(nil, "ColorModel") != nil && methods.Lookup(nil, "Bounds") != nil && methods.Lookup(nil, "At") != nil {
		return true // an image.Image
	}
	if list, ok := t.(*types.Tuple); ok {
		return slices.ContainsFunc(slices.Collect(list.Variables()), func(v *types.Var) bool { return leads(v.Type(), seen) })
	}
	switch u := t.Underlying().(type) {
	case *types.Pointer:
		return leads(u.Elem(), seen)
	case *types.Slice:
		return leads(u.Elem(), seen)
	case *types.Array:
		return leads(u.Elem(), seen)
	case *types.Map:
		return leads(u.Key(), seen) || leads(u.Elem(), seen)
	case *types.Struct:
		return slices.ContainsFunc(slices.Collect(u.Fields()), func(f *types.Var) bool { return leads(f.Type(), seen) })
	}
	return false
}
