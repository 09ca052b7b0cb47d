package viz

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"github.com/quire-ml/quire/viz/internal/display"
)

// Interact draws what fn returns, and draws it anew when somebody moves one of the inputs. The arguments of fn are the values of
// the inputs, in their order; or fn has none, and asks the inputs:
//
//	viz.Interact(func(lr float64, layers int) any {
//		return curve(lr, layers)
//	}, viz.Slider("lr", 0.001, 1).Log(), viz.Choice("layers", 1, 2, 3))
//
//	noise := viz.Slider("noise", 0.0, 1)
//	viz.Interact(func() any { return picture(noise.Value()) }, noise)
//
// What fn returns is shown as [Show] shows it, with the values above it, at most ten times a second; values that came while it
// was drawn are passed over but for the newest. A panic of fn is shown as an error.
//
// In a notebook of Quire's kernel whose page has ipywidgets the controls are ipywidgets' own. The cell ends, its program stays
// and answers, and Interact does not return: it is the last statement of a cell. The program ends when the cell is run again,
// when its output is removed, when the kernel ends, or when nobody has moved anything for two hours. The notebook file keeps
// what was drawn last.
//
// Everywhere else (a terminal, quire run, plain GoNB) Interact shows the values that the inputs begin with and what fn returns
// for them, and returns; so it does with an error if fn's last result is one.
//
// A mistake (an argument of another type than its input, a slider without length) is shown and returned as an error, before fn
// is called.
func Interact(fn any, inputs ...Input) error {
	s, err := newInteraction(fn, inputs)
	if err != nil {
		Show(err)
		return err
	}
	if display.InNotebook() && display.HasRelay() && s.live() {
		return nil
	}
	return s.still("the controls move in a notebook of Quire's kernel (quire lab) with ipywidgets: these are their first values")
}

// interaction is a function and what it is drawn by.
type interaction struct {
	fn     reflect.Value
	asks   bool // fn has no arguments: it asks the inputs
	inputs []input
}

// newInteraction finds mistakes.
func newInteraction(fn any, given []Input) (*interaction, error) {
	var inputs []input
	names := map[string]bool{}
	for i, in := range given {
		if isNil(in) {
			return nil, fmt.Errorf("viz.Interact: input %d is nil: make it by Slider, Choice, Checkbox or Button", i+1)
		}
		one := in.input()
		switch {
		case one.mistake != nil:
			return nil, fmt.Errorf("viz.Interact: %w", one.mistake)
		case names[one.name]:
			return nil, fmt.Errorf("viz.Interact: two inputs are named %q: give each a name of its own", one.name)
		}
		names[one.name] = true
		inputs = append(inputs, one)
	}
	f := reflect.ValueOf(fn)
	if !f.IsValid() || f.Kind() != reflect.Func || f.IsNil() {
		return nil, fmt.Errorf("viz.Interact: %s is no function: the first argument draws, such as %s", whatIs(fn), signature(inputs))
	}
	if len(inputs) == 0 {
		return nil, errors.New(`viz.Interact: there is no input to move: add one, such as viz.Slider("lr", 0.001, 1)`)
	}
	return &interaction{fn: f, asks: f.Type().NumIn() == 0, inputs: inputs}, fits(f.Type(), inputs)
}

// whatIs says what was given instead of a function.
func whatIs(v any) string {
	if isNil(v) {
		return "nil"
	}
	return typeName(reflect.TypeOf(v))
}

// fits says what does not match between a function and inputs.
func fits(f reflect.Type, inputs []input) error {
	switch {
	case f.NumOut() == 0:
		return fmt.Errorf("viz.Interact: the function returns nothing to show: write %s, and return it", signature(inputs))
	case f.NumIn() == 0:
		return nil
	case f.IsVariadic(), f.NumIn() != len(inputs):
		return fmt.Errorf("viz.Interact: the function is %s, and %s given: write %s", strings.ReplaceAll(f.String(), "interface {}", "any"), countOf(len(inputs), "input"), signature(inputs))
	}
	for i, in := range inputs {
		if !valueType(in).AssignableTo(f.In(i)) {
			return fmt.Errorf("viz.Interact: argument %d of the function is %s, and %s gives %s: write %s%s", i+1, f.In(i), in.maker, valueType(in), signature(inputs), instead(in, f.In(i)))
		}
	}
	return nil
}

// instead is the other way to make a whole slider fit: one of its numbers is written as a float.
func instead(in input, want reflect.Type) string {
	if strings.HasPrefix(in.maker, "Slider") && valueType(in).Kind() == reflect.Int && want.Kind() == reflect.Float64 {
		return ", or the slider's first number with a point, as 1.0 for 1, if it is not to be whole"
	}
	return ""
}

// valueType returns the type of an input's value.
func valueType(in input) reflect.Type { return reflect.TypeOf(in.pointer).Elem() }

func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return fmt.Sprintf("%d %ss are", n, what)
}

// signature is how a function looks that fits the inputs.
func signature(inputs []input) string {
	var args []string
	for i, in := range inputs {
		args = append(args, argument(in.name, i)+" "+valueType(in).String())
	}
	return "func(" + strings.Join(args, ", ") + ") any"
}

// argument makes a Go name of an input's.
func argument(name string, i int) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsLetter(r) || r == '_' || b.Len() > 0 && unicode.IsDigit(r) {
			b.WriteRune(r)
		}
	}
	if b.Len() == 0 {
		return fmt.Sprintf("x%d", i+1)
	}
	return b.String()
}

// still shows the controls where they stand, and what the function returns for that.
func (s *interaction) still(why string) error {
	Show(inputsView(why, s.inputs...))
	result, err := s.result()
	Show(result)
	return err
}

// drawn is the view of the values and what the function returns for them.
func (s *interaction) drawn() Bundle {
	result, _ := s.result()
	values := valuesLine(s.inputs)
	return HTML(note(values)+result.HTML(), values+"\n"+result.Text())
}

// result calls the function.
func (s *interaction) result() (shown Bundle, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("viz.Interact: the function panicked: %v", r)
			if e, ok := r.(error); ok {
				err = fmt.Errorf("viz.Interact: the function panicked: %w", e)
			}
			shown = Error(err)
		}
	}()
	var args []reflect.Value
	for i, in := range s.inputs {
		if s.asks {
			break
		}
		v := reflect.New(s.fn.Type().In(i)).Elem()
		if value := in.value(); value != nil {
			v.Set(reflect.ValueOf(value))
		}
		args = append(args, v)
	}
	var values []any
	for _, v := range s.fn.Call(args) {
		values = append(values, v.Interface())
	}
	last := values[len(values)-1]
	if e, ok := last.(error); ok && !isNil(e) {
		err = e
		values = append(nonNil(values[:len(values)-1]), e)
	} else if len(values) > 1 && last == nil {
		values = values[:len(values)-1]
	}
	if len(values) == 1 {
		return Render(values[0]), err
	}
	return Stack(values...), err
}
