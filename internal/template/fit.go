package template

import (
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/quire-ml/quire/graph/sizes"
)

// ErrFew says that there are not enough sizes yet, or that they do not differ enough, to tell what numbers are of them.
var ErrFew = errors.New("too few different sizes to tell what numbers are of them")

// Fitter finds polynomials of degree 2 in symbols from their values at some sizes, of which there is one more than it takes.
type Fitter struct {
	monomials []string // "" for 1
	at        [][]int  // per size, the values of the monomials
	rows      []int    // sizes that are enough
	inverse   [][]*big.Rat
	known     map[string]fitted // by the numbers
}

type fitted struct {
	expr sizes.Expr
	err  error
}

// Needed returns how many sizes tell what numbers are of so many symbols: as many as a polynomial of degree 2 has coefficients, and one
// to see whether it is right.
func Needed(symbols int) int { return 1 + symbols + symbols*(symbols+1)/2 + 1 }

// NeededWithoutSquares is [Needed] for [NewFitterWithoutSquares].
func NeededWithoutSquares(symbols int) int { return Needed(symbols) - symbols }

// NewFitter returns a Fitter for the values of symbols at [Needed] sizes or more. The error is [ErrFew] if these do not tell polynomials apart.
func NewFitter(symbols []string, at []sizes.Values) (*Fitter, error) {
	return newFitter(symbols, at, true)
}

// NewFitterWithoutSquares is [NewFitter] of polynomials that have no squares of symbols, for which fewer sizes do. The error is [ErrFew] also if
// at these sizes a square looks like such a polynomial.
func NewFitterWithoutSquares(symbols []string, at []sizes.Values) (*Fitter, error) {
	f, err := newFitter(symbols, at, false)
	if err != nil {
		return nil, err
	}
	for _, x := range symbols {
		squares := make([]int, len(at))
		for i, v := range at {
			squares[i] = v[x] * v[x]
		}
		if _, err := f.polynomial(squares); err == nil {
			return nil, ErrFew
		}
	}
	return f, nil
}

func newFitter(symbols []string, at []sizes.Values, squares bool) (*Fitter, error) {
	f := &Fitter{monomials: []string{""}, known: map[string]fitted{}}
	with := func(i int) []string { // what a symbol is multiplied by
		if squares {
			return symbols[i:]
		}
		return symbols[i+1:]
	}
	for i, x := range symbols {
		f.monomials = append(f.monomials, x)
		for _, y := range with(i) {
			f.monomials = append(f.monomials, x+"*"+y)
		}
	}
	if len(at) <= len(f.monomials) {
		return nil, ErrFew
	}
	for _, v := range at {
		row := []int{1}
		for i, x := range symbols {
			row = append(row, v[x])
			for _, y := range with(i) {
				row = append(row, v[x]*v[y])
			}
		}
		f.at = append(f.at, row)
	}
	if !f.invert() {
		return nil, ErrFew
	}
	return f, nil
}

// errNoPolynomial says that numbers are no polynomial of a kind.
var errNoPolynomial = errors.New("are no polynomial")

// invert finds sizes whose monomials are independent, and the inverse of their matrix; it reports whether there are enough.
func (f *Fitter) invert() bool {
	n := len(f.monomials)
	var matrix [][]*big.Rat // rows that are reduced, each with what it is of the sizes chosen
	var pivots []int
	for i, row := range f.at {
		r := make([]*big.Rat, 2*n)
		for k := range r {
			r[k] = new(big.Rat)
			if k < n {
				r[k].SetInt64(int64(row[k]))
			}
		}
		for j, p := range pivots {
			subtract(r, matrix[j], new(big.Rat).Set(r[p]))
		}
		p := 0
		for p < n && r[p].Sign() == 0 {
			p++
		}
		if p == n || len(f.rows) == n {
			continue
		}
		r[n+len(f.rows)].SetInt64(1)
		by := new(big.Rat).Inv(r[p])
		for _, x := range r {
			x.Mul(x, by)
		}
		for _, other := range matrix {
			subtract(other, r, new(big.Rat).Set(other[p]))
		}
		matrix, pivots, f.rows = append(matrix, r), append(pivots, p), append(f.rows, i)
	}
	if len(f.rows) < n {
		return false
	}
	f.inverse = make([][]*big.Rat, n)
	for j, p := range pivots {
		f.inverse[p] = matrix[j][n:]
	}
	return true
}

// subtract takes by times y from x.
func subtract(x, y []*big.Rat, by *big.Rat) {
	for k := range x {
		x[k].Sub(x[k], new(big.Rat).Mul(y[k], by))
	}
}

// Fit returns the polynomial with whole coefficients that has the given values at the sizes, in their order.
func (f *Fitter) Fit(numbers []int) (sizes.Expr, error) {
	if len(numbers) != len(f.at) {
		return sizes.Expr{}, fmt.Errorf("%d numbers at %d sizes", len(numbers), len(f.at))
	}
	key := fmt.Sprint(numbers)
	if r, ok := f.known[key]; ok {
		return r.expr, r.err
	}
	e, err := f.polynomial(numbers)
	f.known[key] = fitted{e, err}
	return e, err
}

func (f *Fitter) polynomial(numbers []int) (sizes.Expr, error) {
	var terms []string
	coefficients := make([]*big.Rat, len(f.monomials))
	for i, row := range f.inverse {
		c := new(big.Rat)
		for k, x := range row {
			c.Add(c, new(big.Rat).Mul(x, new(big.Rat).SetInt64(int64(numbers[f.rows[k]]))))
		}
		coefficients[i] = c
		if c.Sign() == 0 {
			continue
		}
		if !c.IsInt() || !c.Num().IsInt64() {
			return sizes.Expr{}, fmt.Errorf("the numbers %v %w of the sizes", numbers, errNoPolynomial)
		}
		term := c.Num().String()
		if f.monomials[i] != "" {
			term += "*" + f.monomials[i]
		}
		terms = append(terms, term)
	}
	for i, row := range f.at { // those that were not needed, too
		sum := new(big.Rat)
		for k, x := range row {
			sum.Add(sum, new(big.Rat).Mul(coefficients[k], new(big.Rat).SetInt64(int64(x))))
		}
		if sum.Cmp(new(big.Rat).SetInt64(int64(numbers[i]))) != 0 {
			return sizes.Expr{}, fmt.Errorf("the numbers %v %w of degree 2 of the sizes", numbers, errNoPolynomial)
		}
	}
	if len(terms) == 0 {
		return sizes.Number(0), nil
	}
	return sizes.Parse(strings.Join(terms, "+"))
}
