package sizes

import (
	"math/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNormalForm(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"28*28", "784"},
		{" batch ", "batch"},
		{"2*batch", "2*batch"},
		{"seq+1", "seq+1"},
		{"b + a + b", "a+2*b"},
		{"(b+1)*(b-1)", "b^2-1"},
		{"b*t - t*b", "0"},
		{"-b", "-b"},
		{"3 - b", "-b+3"},
		{"b^3*t", "b^3*t"},
		{"b^0", "1"},
		{"(4*b+2)//4", "b"},
		{"(b+1)//2", "floordiv(b+1, 2)"},
		{"(5*b+7)//2", "2*b+floordiv(b+1, 2)+3"},
		{"(2*b-1)//2", "b-1"},
		{"(6*b)%3", "0"},
		{"(6*b+5)%3", "2"},
		{"(5*b)%3", "mod(2*b, 3)"},
		{"-7 // 2", "-4"},
		{"-7 % 2", "1"},
		{"-b^2", "-b^2"},
		{"2*-b--b", "-b"},
		{"mod(b, n)", "mod(b, n)"},
		{"max(t, b)", "max(b, t)"},
		{"max(b, b)", "b"},
		{"min(3, 4)", "3"},
		{"floordiv(a, b)*floordiv(a, b)", "floordiv(a, b)^2"},
	} {
		e, err := Parse(c.text)
		require.NoError(t, err, c.text)
		assert.Equal(t, c.want, e.String(), c.text)
	}
}

func TestWhatIsNoSize(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", `"" is not a size: it ends where a number, a name or a parenthesis is expected`},
		{"b+", `"b+" is not a size: it ends where a number, a name or a parenthesis is expected`},
		{"(b", `"(b" is not a size: it ends where ")" is expected`},
		{"b c", `"b c" is not a size: "c" stands where the end is expected`},
		{"2b", `"2b" is not a size: 2b is neither a number nor a name`},
		{"b$", `"b$" is not a size: "$" stands where the end is expected`},
		{"b/2", `"b/2" is not a size: "/" stands where the end is expected`},
		{"ceil(b, 2)", `"ceil(b, 2)" is not a size: there is no function ceil: there are floordiv, mod, max and min`},
		{"b//0", `"b//0" is not a size: it divides by 0`},
		{"1//0", `"1//0" is not a size: floordiv(1, 0) has no value`},
		{"b^17", `"b^17" is not a size: a power is a number from 0 to 16`},
		{"b^16*b", `"b^16*b" is not a size: it has products of more than 16 factors`},
		{"99999999999999999999", `"99999999999999999999" is not a size: 99999999999999999999 is larger than an int`},
		{"9999999999*9999999999", `"9999999999*9999999999" is not a size: a size is larger than an int`},
		{strings.Repeat("(", 65) + "1", `is not a size: parentheses stand more than 64 deep`},
		{strings.Repeat("1", 5000), `a size of 5000 characters: 4096 are the most`},
	} {
		_, err := Parse(c.text)
		assert.ErrorContains(t, err, c.want)
	}
}

func TestDeclarations(t *testing.T) {
	for _, c := range []struct {
		name        string
		inputs      []string
		constraints []string
		want        string
	}{
		{"as written", []string{"batch, 28*28", "[2*batch, seq+1]", ""}, []string{"seq >= 2"}, "[batch, 784], [2*batch, seq+1], [] where seq >= 2"},
		{"one from another", []string{"b*t, b"}, nil, "[b*t, b]"},
		{"a square", []string{"n^2+n"}, nil, "[n^2+n]"},
		{"no input tells", []string{"b*t"}, nil, "error: nothing tells the size b in [b*t]: an axis must have it outside of functions, beside sizes that other axes tell"},
		{"a constraint tells nothing", []string{"b"}, []string{"t > 1"}, "error: nothing tells the size t in [b] where t > 1: an axis must have it outside of functions, beside sizes that other axes tell"},
		{"a function tells nothing", []string{"b//2"}, nil, "error: nothing tells the size b in [floordiv(b, 2)]: an axis must have it outside of functions, beside sizes that other axes tell"},
		{"no shape", []string{"b", "b,"}, nil, `error: input 1: "b," is not a shape: it ends where a number, a name or a parenthesis is expected`},
		{"no bracket", []string{"[b"}, nil, `error: input 0: "[b" is not a shape: it ends where "]" is expected`},
		{"no comparison", []string{"b"}, []string{"b = 2"}, `error: "b = 2" is not a constraint: "=" stands where a comparison (==, !=, <, <=, >, >=) is expected`},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := Declare(c.inputs, c.constraints...)
			if err != nil {
				assert.Equal(t, c.want, "error: "+err.Error())
				return
			}
			assert.Equal(t, c.want, d.String())
		})
	}
}

func TestSolving(t *testing.T) {
	for _, c := range []struct {
		name        string
		inputs      []string
		constraints []string
		sizes       [][]int
		want        string // the values, or the error
	}{
		{"sizes that fit", []string{"batch, 28*28", "2*batch, seq+1"}, []string{"seq >= 2", "batch % 8 == 0"}, [][]int{{16, 784}, {32, 6}}, "batch=16 seq=5"},
		{"numbers alone", []string{"3, 4"}, nil, [][]int{{3, 4}}, ""},
		{"none at all", []string{"b, 4"}, nil, [][]int{{0, 4}}, "b=0"},
		{"a product", []string{"b*t", "t"}, nil, [][]int{{12}, {3}}, "b=4 t=3"},
		{"a square", []string{"n^2+n-2"}, nil, [][]int{{10}}, "n=3"},
		{"what a function makes is checked", []string{"b, b//2"}, nil, [][]int{{7, 3}}, "b=7"},
		{"another number", []string{"batch, 784"}, nil, [][]int{{16, 785}}, "input 0 is [16 785], declared [batch, 784], which is [16 784] where batch=16: axis 1 is 785, not 784"},
		{"another multiple", []string{"batch, 28*28", "2*batch, seq+1"}, nil, [][]int{{16, 784}, {31, 6}}, "input 1 is [31 6], declared [2*batch, seq+1], which is [32 6] where batch=16 seq=5: axis 0 is 31, not 32"},
		{"an odd size", []string{"2*batch"}, nil, [][]int{{3}}, "input 0 is [3], declared [2*batch]: axis 0: no batch makes 2*batch equal to 3"},
		{"too small a size", []string{"seq+1"}, nil, [][]int{{0}}, "input 0 is [0], declared [seq+1]: axis 0: seq would be -1 for seq+1 to be 0"},
		{"no square", []string{"n^2"}, nil, [][]int{{10}}, "input 0 is [10], declared [n^2]: axis 0: no n makes n^2 equal to 10"},
		{"any size", []string{"b*t", "t"}, nil, [][]int{{0}, {0}}, "input 0 is [0], declared [b*t]: axis 0: b can be any size where t=0"},
		{"the square of any size", []string{"b*b*t", "t"}, nil, [][]int{{0}, {0}}, "input 0 is [0], declared [b^2*t]: axis 0: b can be any size where t=0"},
		{"another rank", []string{"batch, 784"}, nil, [][]int{{16, 28, 28}}, "input 0 is [16 28 28], declared [batch, 784]: it has 3 axes, not 2"},
		{"another number of inputs", []string{"batch, 784"}, nil, [][]int{{16, 784}, {16}}, "2 inputs, where 1 are declared: [batch, 784]"},
		{"what must hold", []string{"batch, 784"}, []string{"batch % 8 == 0"}, [][]int{{12, 784}}, "batch % 8 == 0 does not hold where batch=12, of inputs [[12 784]], declared [batch, 784] where batch % 8 == 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := MustDeclare(c.inputs, c.constraints...).Solve(c.sizes...)
			if err != nil {
				assert.Equal(t, c.want, err.Error())
				return
			}
			assert.Equal(t, c.want, v.String())
		})
	}
}

// TestValuesAreThoseOfPython compares quotients and remainders with those that round down.
func TestValuesAreThoseOfPython(t *testing.T) {
	for _, c := range []struct{ x, y, quotient, rest int }{{7, 2, 3, 1}, {-7, 2, -4, 1}, {7, -2, -4, -1}, {-7, -2, 3, -1}, {6, 3, 2, 0}, {-6, 3, -2, 0}} {
		v := Values{"x": c.x, "y": c.y}
		for text, want := range map[string]int{"x // y": c.quotient, "x % y": c.rest, "floordiv(x, y)": c.quotient, "mod(x, y)": c.rest} {
			e, err := Parse(text)
			require.NoError(t, err)
			got, err := e.Eval(v)
			require.NoError(t, err)
			assert.Equal(t, want, got, "%s where %s", text, v)
		}
	}
}

func TestWhatHasNoValue(t *testing.T) {
	for text, want := range map[string]string{
		"x+z":       "the size z is not known",
		"x//y":      "floordiv(3, 0) has no value",
		"x^2*big^2": "a size is larger than an int",
	} {
		e, err := Parse(text)
		require.NoError(t, err)
		_, err = e.Eval(Values{"x": 3, "y": 0, "big": 1 << 40})
		assert.EqualError(t, err, want)
	}
	s, err := ParseShape("x, y-1")
	require.NoError(t, err)
	_, err = s.At(Values{"x": 3, "y": 0})
	assert.EqualError(t, err, "axis 1 of [x, y-1]: y-1 is -1 where x=3 y=0")
}

// FuzzParse: the normal form of what is read reads as itself, and has the value of the text.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"28*28", "2*batch+1", "(b+1)*(b-1)//3 % 4", "max(a, b^2) - min(a, floordiv(b, c))", "(4*b+2)//4", "-(a-b)"} {
		f.Add(text, int64(1))
	}
	f.Fuzz(func(t *testing.T, text string, seed int64) {
		e, err := Parse(text)
		if err != nil {
			return
		}
		v, rng := Values{}, rand.New(rand.NewSource(seed))
		for _, name := range e.Symbols() {
			v[name] = rng.Intn(12)
		}
		normal := e.String()
		if len(normal) > maxText {
			return
		}
		again, err := Parse(normal)
		require.NoError(t, err, "%q is read as %q", text, normal)
		assert.Equal(t, normal, again.String(), "%q", text)
		assert.True(t, e.Equal(again), "%q", text)
		a, errA := e.Eval(v)
		b, errB := again.Eval(v)
		assert.Equal(t, a, b, "%q where %s", text, v)
		assert.Equal(t, errA, errB, "%q where %s", text, v)
	})
}

// TestRandomSumsAreTheirNormalForms evaluates expressions as they are written, by their parts, and in normal form.
func TestRandomSumsAreTheirNormalForms(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	for range 3000 {
		v := Values{"a": rng.Intn(9), "b": rng.Intn(9), "c": 1 + rng.Intn(9)}
		text, want := randomExpr(rng, v, 4)
		e, err := Parse(text)
		if err != nil { // 0 below a line, or too large
			continue
		}
		got, err := e.Eval(v)
		require.NoError(t, err, "%s where %s", text, v)
		require.Equal(t, want, got, "%s, in normal form %s, where %s", text, e, v)
	}
}

func randomExpr(rng *rand.Rand, v Values, depth int) (string, int) {
	if depth == 0 || rng.Intn(4) == 0 {
		if rng.Intn(2) == 0 {
			n := rng.Intn(10)
			return Number(n).String(), n
		}
		name := string("abc"[rng.Intn(3)])
		return name, v[name]
	}
	x, a := randomExpr(rng, v, depth-1)
	switch rng.Intn(7) {
	case 0, 1:
		y, b := randomExpr(rng, v, depth-1)
		return "(" + x + "+" + y + ")", a + b
	case 2:
		y, b := randomExpr(rng, v, depth-1)
		return "(" + x + "-" + y + ")", a - b
	case 3:
		y, b := randomExpr(rng, v, depth-1)
		return x + "*" + y, a * b
	case 4:
		n := 1 + rng.Intn(6)
		q, _ := apply("floordiv", a, n)
		return "floordiv(" + x + ", " + Number(n).String() + ")", q
	case 5:
		n := 1 + rng.Intn(6)
		r, _ := apply("mod", a, n)
		return "mod(" + x + ", " + Number(n).String() + ")", r
	}
	y, b := randomExpr(rng, v, depth-1)
	return "max(" + x + ", " + y + ")", max(a, b)
}
