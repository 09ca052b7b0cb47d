package viz

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Input is a control that a function is drawn by: a [Slider], [Choice], [Checkbox] or [Button]. [Interact] takes them. A view
// of one shows its value.
type Input interface {
	Displayer
	input() input
}

// input is what Interact asks of a control.
type input struct {
	name    string
	maker   string // how it was made: `Slider "lr"`
	pointer any    // to the type of the value: a cell that names reflect.Type in passing compiles fifty functions for it
	mistake error  // what is wrong with it
	value   func() any
	text    func() string // the value as people read it
	range_  func() string // what it can be
	picture func() string // HTML of where the value stands
	model   func() widget
	// take takes the state that a page has sent, and reports whether the value is another now.
	take func(state map[string]json.RawMessage) bool
	// click is called when a button is pressed; nil for others.
	click func()
}

// Number is what a slider goes over.
type Number interface {
	int | int32 | int64 | float32 | float64
}

// SliderInput is a slider; see [Slider].
type SliderInput[T Number] struct {
	name      string
	low, high T
	step      T
	log       bool
	mistake   error

	mu    sync.Mutex
	value T
}

// Slider returns a control for a number from low to high. It begins in the middle, and moves in steps of a hundredth, whole
// numbers in steps of 1:
//
//	viz.Slider("lr", 0.001, 1).Log()      // float64
//	viz.Slider("layers", 1, 8).Start(2)   // int
//	viz.Slider("dropout", 0.0, 1)         // float64: one of the numbers is written as one
//
// What is wrong with it is said by [Interact].
func Slider[T Number](name string, low, high T) *SliderInput[T] {
	s := &SliderInput[T]{name: name, low: low, high: high}
	if !(low < high) || math.IsInf(float64(high)-float64(low), 0) {
		s.wrong("goes from %v to %v: the first has to be less than the second, and both finite", low, high)
		return s
	}
	s.value = low/2 + high/2 // low+high may be more than T holds
	if s.step = 1; !s.whole() {
		s.step = (high - low) / 100
	}
	return s
}

// whole reports whether the slider goes over whole numbers.
func (s *SliderInput[T]) whole() bool { return T(1)/2 == 0 }

// wrong notes the first mistake.
func (s *SliderInput[T]) wrong(format string, args ...any) {
	if s.mistake == nil {
		s.mistake = fmt.Errorf("%s %s", s.maker(), fmt.Sprintf(format, args...))
	}
}

func (s *SliderInput[T]) maker() string { return fmt.Sprintf("Slider %q", s.name) }

// Log lets equal ways mean equal factors, as suits learning rates. Both ends have to be above 0, and the numbers no whole ones;
// for whole ones there is Choice("units", 16, 32, 64).
func (s *SliderInput[T]) Log() *SliderInput[T] {
	switch {
	case s == nil:
	case s.whole():
		s.wrong("has whole numbers, which have no logarithmic scale: write Choice(%q, 1, 2, 4, 8), or %.1f as its end", s.name, float64(s.high))
	case s.low <= 0:
		s.wrong("has a logarithmic scale that begins at %v: its numbers have to be above 0", s.low)
	case s.mistake == nil:
		s.log = true
		s.value = T(math.Sqrt(float64(s.low)) * math.Sqrt(float64(s.high)))
	}
	return s
}

// Start sets the value that the slider begins with.
func (s *SliderInput[T]) Start(value T) *SliderInput[T] {
	if s == nil {
		return s
	}
	if !(value >= s.low && value <= s.high) {
		s.wrong("goes from %v to %v and is to start at %v", s.low, s.high, value)
		return s
	}
	s.value = value
	return s
}

// Step sets how far the slider moves at least. A logarithmic one moves by hundredths of its way.
func (s *SliderInput[T]) Step(step T) *SliderInput[T] {
	if s == nil {
		return s
	}
	if !(step > 0 && float64(step) <= float64(s.high)-float64(s.low)) {
		s.wrong("goes from %v to %v in steps of %v: a step is above 0 and no longer than the way", s.low, s.high, step)
		return s
	}
	s.step = step
	return s
}

// Value returns where the slider stands. It may be called by several goroutines.
func (s *SliderInput[T]) Value() (value T) {
	if s == nil {
		return value
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.value
}

// Bundle shows the value.
func (s *SliderInput[T]) Bundle() Bundle {
	if s == nil {
		return Plain("nil slider")
	}
	return inputsView("", s.input())
}

func (s *SliderInput[T]) input() input {
	if !(s.low < s.high) {
		s.wrong("was not made by viz.Slider")
	}
	return input{
		name: s.name, maker: s.maker(), pointer: (*T)(nil), mistake: s.mistake,
		value: func() any { return s.Value() },
		text:  func() string { return number(float64(s.Value())) },
		range_: func() string {
			text := number(float64(s.low)) + " … " + number(float64(s.high))
			if s.log {
				text += ", logarithmic"
			}
			return text
		},
		picture: func() string { return barHTML(s.fraction()) },
		model:   s.model,
		take:    s.take,
	}
}

// fraction is how far along the value is, from 0 to 1.
func (s *SliderInput[T]) fraction() float64 {
	low, high, v := float64(s.low), float64(s.high), float64(s.Value())
	if s.log {
		low, high, v = math.Log(low), math.Log(high), math.Log(v)
	}
	return min(max((v-low)/(high-low), 0), 1)
}

func (s *SliderInput[T]) take(state map[string]json.RawMessage) bool {
	var v float64
	if raw, ok := state["value"]; !ok || json.Unmarshal(raw, &v) != nil || string(raw) == "null" {
		return false
	}
	v = min(max(v, float64(s.low)), float64(s.high))
	if s.whole() {
		v = math.Round(v)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.value
	s.value = min(max(T(v), s.low), s.high) // float64(s.high) may be above s.high
	return s.value != before
}

// ChoiceInput is one of several values; see [Choice].
type ChoiceInput[T comparable] struct {
	name    string
	options []T
	mistake error

	mu    sync.Mutex
	index int
}

// Choice returns a control for one of several values. It begins with the first.
//
//	viz.Choice("layers", 1, 2, 3)
//	viz.Choice("activation", "relu", "gelu").Start("gelu")
func Choice[T comparable](name string, options ...T) *ChoiceInput[T] {
	return &ChoiceInput[T]{name: name, options: slices.Clone(options)}
}

func (c *ChoiceInput[T]) maker() string { return fmt.Sprintf("Choice %q", c.name) }

// Start sets the value that the choice begins with.
func (c *ChoiceInput[T]) Start(value T) *ChoiceInput[T] {
	if c == nil {
		return c
	}
	if i := slices.Index(c.options, value); i >= 0 {
		c.index = i
	} else if len(c.options) > 0 && c.mistake == nil {
		c.mistake = fmt.Errorf("%s is to start with %v, which is none of %v", c.maker(), value, c.options)
	}
	return c
}

// Value returns what is chosen. It may be called by several goroutines.
func (c *ChoiceInput[T]) Value() (value T) {
	if c == nil || len(c.options) == 0 {
		return value
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.options[c.index]
}

// Bundle shows the value.
func (c *ChoiceInput[T]) Bundle() Bundle {
	if c == nil {
		return Plain("nil choice")
	}
	return inputsView("", c.input())
}

func (c *ChoiceInput[T]) input() input {
	if len(c.options) == 0 {
		c.mistake = fmt.Errorf(`%s has nothing to choose from: write Choice(%q, "a", "b")`, c.maker(), c.name)
	}
	return input{
		name: c.name, maker: c.maker(), pointer: (*T)(nil), mistake: c.mistake,
		value:   func() any { return c.Value() },
		text:    func() string { return optionText(c.Value()) },
		range_:  func() string { return strings.Join(c.labels(), " · ") },
		picture: func() string { return "" },
		model:   c.model,
		take:    c.take,
	}
}

func (c *ChoiceInput[T]) labels() []string {
	list := make([]string, len(c.options))
	for i, o := range c.options {
		list[i] = optionText(o)
	}
	return list
}

// optionText writes an option on one line.
func optionText(v any) string { return short(strings.Join(strings.Fields(fmt.Sprint(v)), " "), 60) }

// choiceState is where a front end's state has the number of the option that was chosen.
const choiceState = "index"

func (c *ChoiceInput[T]) take(state map[string]json.RawMessage) bool {
	var i int
	if raw, ok := state[choiceState]; !ok || json.Unmarshal(raw, &i) != nil || string(raw) == "null" || i < 0 || i >= len(c.options) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.index
	c.index = i
	return i != before
}

// CheckboxInput is a yes or no; see [Checkbox].
type CheckboxInput struct {
	name string

	mu sync.Mutex
	on bool
}

// Checkbox returns a control for yes or no that begins with on.
func Checkbox(name string, on bool) *CheckboxInput { return &CheckboxInput{name: name, on: on} }

// Value returns whether it is checked. It may be called by several goroutines.
func (c *CheckboxInput) Value() bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.on
}

// Bundle shows the value.
func (c *CheckboxInput) Bundle() Bundle {
	if c == nil {
		return Plain("nil checkbox")
	}
	return inputsView("", c.input())
}

func (c *CheckboxInput) input() input {
	return input{
		name: c.name, maker: fmt.Sprintf("Checkbox %q", c.name), pointer: (*bool)(nil),
		value: func() any { return c.Value() },
		text: func() string {
			if c.Value() {
				return "yes"
			}
			return "no"
		},
		range_:  func() string { return "yes · no" },
		picture: func() string { return "" },
		model:   c.model,
		take:    c.take,
	}
}

func (c *CheckboxInput) take(state map[string]json.RawMessage) bool {
	var on bool
	if raw, ok := state["value"]; !ok || json.Unmarshal(raw, &on) != nil || string(raw) == "null" {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.on
	c.on = on
	return on != before
}

// ButtonInput counts clicks; see [Button].
type ButtonInput struct {
	name string

	mu     sync.Mutex
	clicks int
}

// Button returns a control whose value is how often it was clicked, an int that begins with 0. The function is drawn anew with
// each click.
func Button(name string) *ButtonInput { return &ButtonInput{name: name} }

// Value returns how often it was clicked. It may be called by several goroutines.
func (b *ButtonInput) Value() int {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clicks
}

// Bundle shows the value.
func (b *ButtonInput) Bundle() Bundle {
	if b == nil {
		return Plain("nil button")
	}
	return inputsView("", b.input())
}

func (b *ButtonInput) input() input {
	return input{
		name: b.name, maker: fmt.Sprintf("Button %q", b.name), pointer: (*int)(nil),
		value:   func() any { return b.Value() },
		text:    func() string { return strconv.Itoa(b.Value()) },
		range_:  func() string { return "clicks" },
		picture: func() string { return "" },
		model:   b.model,
		take:    func(map[string]json.RawMessage) bool { return false },
		click: func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.clicks++
		},
	}
}
